//! From logits to frequencies (SPEC.md section 7.2).

pub fn frequencies(logits: &[i64]) -> Vec<u64> {
    let n = logits.len() as u64;
    let largest = logits.iter().copied().max().unwrap_or(0);
    let weight = |l: &i64| {
        let d = (largest - l) as u64;
        let f = d % 1024;
        (65_536 - 32 * f - f * (1024 - f) * 11_244 / 1_048_576) >> (d / 1024).min(31)
    };
    let weights: Vec<u64> = logits.iter().map(weight).collect();
    let scale = ((65_536 - n) << 16) / weights.iter().sum::<u64>();
    let before = |i: usize| weights[..i].iter().sum::<u64>();
    let start = |i: usize| i as u64 + ((before(i) * scale) >> 16);
    let end = |i: usize| if i + 1 < logits.len() { start(i + 1) } else { 65_536 };
    (0..logits.len()).map(|i| end(i) - start(i)).collect()
}
