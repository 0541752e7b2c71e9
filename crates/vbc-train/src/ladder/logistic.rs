//! Independent discretised logistics, one a column.

/// Location and scale of each column, fitted to data.
#[derive(Clone, Debug)]
pub struct Logistics {
    location: Vec<f64>,
    scale: Vec<f64>,
}

impl Logistics {
    /// Fits the columns of `values` (n, columns), each on bins of its `width`: the median, and the
    /// scale of the shortest code.
    pub fn fit(values: &[f32], width: &[f64]) -> Self {
        let columns = width.len();
        let (mut location, mut scale) = (Vec::new(), Vec::new());
        for (j, &width) in width.iter().enumerate() {
            let mut column: Vec<f64> =
                values.iter().skip(j).step_by(columns).map(|&v| f64::from(v)).collect();
            column.sort_by(f64::total_cmp);
            let middle = column.get(column.len() / 2).copied().unwrap_or(0.0);
            let cost = |log: f64| -> f64 {
                column.iter().map(|v| bits(v - middle, width, log.exp())).sum()
            };
            // The code's length has one minimum in ln(scale).
            let widest = column.iter().map(|v| (v - middle).abs()).fold(width, f64::max);
            location.push(middle);
            scale.push(golden((width * 0.05).ln(), widest.ln(), cost).exp());
        }
        Logistics { location, scale }
    }

    /// Bits of all of `values` (n, columns) on bins of these widths.
    pub fn bits(&self, values: &[f32], width: &[f64]) -> f64 {
        let columns = width.len();
        let one = |(i, &v): (usize, &f32)| {
            let j = i % columns;
            bits(f64::from(v) - self.location[j], width[j], self.scale[j])
        };
        values.iter().enumerate().map(one).sum()
    }
}

/// −log₂ of the mass of a bin of some width around `off` under a logistic around 0.
fn bits(off: f64, width: f64, scale: f64) -> f64 {
    let (a, b, w) = ((off + width / 2.0) / scale, (off - width / 2.0) / scale, width / scale);
    // F(a) − F(b) = F(a) · F(−b) · (1 − e^(−w)), which nothing cancels in.
    let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
    (softplus(-a) + softplus(b) - (-(-w).exp_m1()).ln()) * std::f64::consts::LOG2_E
}

/// The place of the minimum of `f` between `low` and `high`, to a hundredth.
fn golden(mut low: f64, mut high: f64, f: impl Fn(f64) -> f64) -> f64 {
    const RATIO: f64 = 0.618_033_988_749_895;
    let (mut a, mut b) = (high - RATIO * (high - low), low + RATIO * (high - low));
    let (mut at_a, mut at_b) = (f(a), f(b));
    while high - low > 0.01 {
        if at_a < at_b {
            (high, b, at_b) = (b, a, at_a);
            a = high - RATIO * (high - low);
            at_a = f(a);
        } else {
            (low, a, at_a) = (a, b, at_b);
            b = low + RATIO * (high - low);
            at_b = f(b);
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn masses_add_up_to_one() {
        for (width, scale) in [(1.0, 0.3), (0.5, 2.0)] {
            let mass: f64 = (-2000..2000)
                .map(|i| (-bits(f64::from(i) * width + 0.2, width, scale)).exp2())
                .sum();
            assert!((mass - 1.0).abs() < 1e-9, "{mass}");
        }
    }

    #[test]
    fn a_fit_finds_what_was_drawn() {
        let mut rng = Rng::new(1, 0);
        let drawn: Vec<f32> = (0..20_000)
            .map(|_| {
                let u = rng.uniform().clamp(1e-9, 1.0 - 1e-9);
                ((u / (1.0 - u)).ln() * 3.0 + 5.0) as f32
            })
            .collect();
        let fit = Logistics::fit(&drawn, &[0.25]);
        assert!((fit.location[0] - 5.0).abs() < 0.15, "{fit:?}");
        assert!((fit.scale[0] - 3.0).abs() < 0.1, "{fit:?}");
        // h = ln(scale) + 2 nats, and log₂ of the bins an e-fold has.
        let right = (3f64.ln() + 2.0) * std::f64::consts::LOG2_E + 2.0;
        assert!((fit.bits(&drawn, &[0.25]) / 20_000.0 - right).abs() < 0.05);
    }
}
