//! How like its original a picture is.

/// Mean squared error of values in 0..=1.
pub fn mse(a: &[f32], b: &[f32]) -> f64 {
    let sum: f64 = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
    sum / a.len().max(1) as f64
}

/// Peak signal-to-noise ratio in dB for a peak of 1; infinite for equal pictures.
pub fn psnr(mse: f64) -> f64 {
    -10.0 * mse.log10()
}

/// Structural similarity (Wang et al. 2004) of two pictures with values in 0..=1: the mean over all
/// whole 8 × 8 windows, with unbiased variances and the usual constants 0.01² and 0.03².
pub fn ssim(a: &[f32], b: &[f32], (height, width): (usize, usize)) -> f64 {
    const SIDE: usize = 8;
    const C1: f64 = 0.01 * 0.01;
    const C2: f64 = 0.03 * 0.03;
    let (mut sum, mut windows) = (0.0, 0usize);
    for y in 0..=height.saturating_sub(SIDE) {
        for x in 0..=width.saturating_sub(SIDE) {
            let [mut sa, mut sb, mut saa, mut sbb, mut sab, mut n] = [0.0f64; 6];
            for row in y..(y + SIDE).min(height) {
                for column in x..(x + SIDE).min(width) {
                    let at = row * width + column;
                    let (a, b) = (f64::from(a[at]), f64::from(b[at]));
                    (sa, sb, n) = (sa + a, sb + b, n + 1.0);
                    (saa, sbb, sab) = (saa + a * a, sbb + b * b, sab + a * b);
                }
            }
            let (ma, mb) = (sa / n, sb / n);
            let unbiased = (n - 1.0f64).max(1.0);
            let (va, vb) = ((saa - n * ma * ma) / unbiased, (sbb - n * mb * mb) / unbiased);
            let cov = (sab - n * ma * mb) / unbiased;
            sum += (2.0 * ma * mb + C1) * (2.0 * cov + C2)
                / ((ma * ma + mb * mb + C1) * (va + vb + C2));
            windows += 1;
        }
    }
    sum / windows.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_pictures_are_alike() {
        let a: Vec<f32> = (0..100).map(|i| (i * 7 % 13) as f32 / 13.0).collect();
        assert!((ssim(&a, &a, (10, 10)) - 1.0).abs() < 1e-9);
        assert_eq!(mse(&a, &a), 0.0);
        let b: Vec<f32> = a.iter().map(|v| 1.0 - v).collect();
        assert!(ssim(&a, &b, (10, 10)) < 0.0);
        assert!((psnr(0.01) - 20.0).abs() < 1e-9);
    }
}
