//! From a scan to greys (SPEC.md section 6.7.5).

use crate::scan::binary::{Binary, ONE, ZERO};

/// The cells that line i of a scan of side m falls on, with their weights.
fn cells(m: i64, i: i64) -> Vec<(usize, Binary)> {
    let whole = |n: i64| Binary(i128::from(n), 0);
    let s = whole(20).ratio(whole(m), 24);
    let from_middle = s.times(Binary(i128::from(2 * i - m), -1)).rounded(24);
    let low = whole(10).plus(from_middle).rounded(24);
    let length = s.times(Binary(8_917_127_262_193_582, -53)).rounded(53);
    let high = low.plus(length).rounded(53).rounded(24);
    let (first, last) = (low.integer(), high.integer());
    if first == last {
        return vec![(first as usize, s)];
    }
    let weight = |w: Binary| w.rounded(24).at_least(ZERO).at_most(ONE);
    vec![
        (first as usize, weight(whole(first + 1).minus(low))),
        (last as usize, weight(high.minus(whole(last)))),
    ]
}

/// The image of 28 × 28 pixels that is the picture of a scan of side m.
pub(crate) fn picture(m: i64, scan: &[u8]) -> Vec<u8> {
    let lines: Vec<Vec<(usize, Binary)>> = (0..m).map(|i| cells(m, i)).collect();
    let mut ink = [[ZERO; 20]; 20];
    for n in (0..m * m).filter(|&n| scan[n as usize] == 1) {
        for &(i, row) in &lines[(n / m) as usize] {
            for &(j, column) in &lines[(n % m) as usize] {
                ink[i][j] = ink[i][j].plus(row.times(column).rounded(24)).rounded(24);
            }
        }
    }
    let max = ink.as_flattened().iter().fold(ZERO, |max, cell| max.at_least(*cell));
    let mut image = vec![0; 784];
    if max.0 == 0 {
        return image;
    }
    let a = Binary(255, 0).ratio(max, 24);
    let grey = |cell: Binary| {
        let v = a.times(cell).rounded(24);
        let v = if Binary(128, 0).above(v) { v.ceiling() } else { v.floor() };
        v.min(255)
    };
    let greys = ink.map(|row| row.map(grey));
    let sum = |weight: &dyn Fn(i64, i64) -> i64| -> i64 {
        (0..400).map(|n| weight(n / 20, n % 20) * greys[n as usize / 20][n as usize % 20]).sum()
    };
    let s = sum(&|_, _| 1);
    let top = (30 * s - sum(&|i, _| 2 * i + 1)) / (2 * s);
    let left = (30 * s - sum(&|_, j| 2 * j + 1)) / (2 * s);
    for (i, row) in (top..).zip(&greys) {
        for (j, &grey) in (left..).zip(row) {
            if (0..28).contains(&i) && (0..28).contains(&j) {
                image[(28 * i + j) as usize] = grey as u8;
            }
        }
    }
    image
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The recipe in the arithmetic that the note of section 6.7.5 names.
    #[test]
    fn cells_in_single_precision() {
        for m in 20..=120 {
            for i in 0..m {
                let s = 20.0 / m as f32;
                let low = 10.0 + s * (2 * i - m) as f32 / 2.0;
                let high = (f64::from(low) + f64::from(s) * 0.99) as f32;
                let (first, last) = (low as i64, high as i64);
                let wanted = if first == last {
                    vec![(first, s)]
                } else {
                    assert_eq!(last, first + 1);
                    let from = ((first + 1) as f32 - low).clamp(0.0, 1.0);
                    vec![(first, from), (last, (high - last as f32).clamp(0.0, 1.0))]
                };
                let value = |w: Binary| (w.0 as f64 * f64::from(w.1).exp2()) as f32;
                let found = cells(m, i).into_iter().map(|(cell, w)| (cell as i64, value(w)));
                assert_eq!(found.collect::<Vec<_>>(), wanted, "line {i} of {m}");
            }
        }
    }

    #[test]
    fn a_bar_in_the_middle() {
        let scan: Vec<u8> = (0..400).map(|n| u8::from((5..15).contains(&(n / 20)))).collect();
        let image = picture(20, &scan);
        let black = |n: usize| (10..20).contains(&(n / 28)) && (5..25).contains(&(n % 28));
        assert!((0..784).all(|n| (image[n] == 255) == black(n) && (image[n] == 0) != black(n)));
        assert_eq!(picture(20, &[0; 400]), vec![0; 784]);
    }
}
