//! The preview on the scan's grid (SPEC.md section 6.7.3).

/// The greys of a scan of side m over a preview of 28 × 28, row by row.
pub(crate) fn grid(preview: &[u8], m: i64) -> Vec<u8> {
    let x_hat = |i: i64, j: i64| {
        let inside = (0..28).contains(&i) && (0..28).contains(&j);
        if inside { i64::from(preview[(28 * i + j) as usize]) } else { 0 }
    };
    let centre = |seen: &dyn Fn(i64) -> bool| {
        let lines = || (0..28).filter(|&k| seen(k));
        lines().min().zip(lines().max()).map_or(28, |(t, u)| t + u + 1)
    };
    let rows = centre(&|i| (0..28).any(|j| x_hat(i, j) >= 64));
    let columns = centre(&|j| (0..28).any(|i| x_hat(i, j) >= 64));
    let p = |k: i64, c: i64| 128 * c - 2688 + 5120 * (2 * k + 1) / (2 * m);
    let mut greys = Vec::new();
    for y in 0..m {
        for x in 0..m {
            let (i, e) = (p(y, rows) >> 8, p(y, rows) & 255);
            let (j, f) = (p(x, columns) >> 8, p(x, columns) & 255);
            let upper = (256 - f) * x_hat(i, j) + f * x_hat(i, j + 1);
            let lower = (256 - f) * x_hat(i + 1, j) + f * x_hat(i + 1, j + 1);
            greys.push((((256 - e) * upper + e * lower) >> 20) as u8);
        }
    }
    greys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greys_of_one_pixel() {
        assert_eq!(grid(&[0; 784], 20), vec![0; 400]);
        assert_eq!(grid(&[255; 784], 120), vec![15; 14_400]);
        // Lines of side 20 lie in the middle between two pixels where c is odd, else on pixels.
        let mut preview = [0; 784];
        preview[28 * 14 + 14] = 255;
        let greys = grid(&preview, 20);
        let seen: Vec<usize> = (0..400).filter(|&n| greys[n] > 0).collect();
        assert_eq!(seen, [189, 190, 209, 210].map(|n| n));
    }
}
