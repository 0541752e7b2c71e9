//! From logits to frequencies (SPEC.md section 7.2).

pub fn exp2_table() -> Vec<u32> {
    let root = (0..10).fold(1u128 << 62, |root, _| (root << 63).isqrt());
    let powers = std::iter::successors(Some(1u128 << 63), |power| Some((power * root) >> 63));
    powers.take(1024).map(|power| (power >> 46).div_ceil(2) as u32).collect()
}

pub fn frequencies(logits: &[i64]) -> Vec<u64> {
    static EXP2: std::sync::LazyLock<Vec<u32>> = std::sync::LazyLock::new(exp2_table);
    let n = logits.len() as u64;
    let largest = logits.iter().copied().max().unwrap_or(0);
    let best = logits.iter().position(|&l| l == largest).unwrap_or(0);
    let weight = |l: &i64| {
        let d = (largest - l) as u64;
        u64::from(EXP2[(d % 1024) as usize] >> (d / 1024).min(31))
    };
    let weights: Vec<u64> = logits.iter().map(weight).collect();
    let scale = ((65_536 - n) << 16) / weights.iter().sum::<u64>();
    let mut f: Vec<u64> = weights.iter().map(|w| 1 + ((w * scale) >> 16)).collect();
    f[best] += 65_536 - f.iter().sum::<u64>();
    f
}
