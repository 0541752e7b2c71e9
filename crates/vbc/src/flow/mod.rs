//! The NICE flow in integers: a stack of additive couplings, exactly invertible (paper section 2;
//! SPEC.md section 5).

mod coupling;

pub(crate) use coupling::Coupling;

/// Fractional bits of the state: a pixel p enters the flow as p · 2⁴, and real-valued training
/// sees p / 256.
pub(crate) const STATE_FRAC: u32 = 4;

/// f and f⁻¹.
#[derive(Debug)]
pub(crate) struct Flow {
    couplings: Vec<Coupling>,
}

/// Buffers of one evaluation.
#[derive(Debug, Default)]
pub(crate) struct FlowScratch {
    acc: Vec<i32>,
    hidden: [Vec<i16>; 2],
    shift: Vec<i32>,
}

impl Flow {
    pub fn new(couplings: Vec<Coupling>) -> Self {
        Flow { couplings }
    }

    /// y = f(x) in place; `states` are images in raster order, one behind the other.
    pub fn forward(&self, states: &mut [i32], scratch: &mut FlowScratch) {
        for c in &self.couplings {
            c.apply(states, scratch, i32::wrapping_add);
        }
    }

    /// x = f⁻¹(y) in place.
    pub fn inverse(&self, states: &mut [i32], scratch: &mut FlowScratch) {
        for c in self.couplings.iter().rev() {
            c.apply(states, scratch, i32::wrapping_sub);
        }
    }
}

/// A pixel as a state.
pub(crate) fn to_state(pixel: u8) -> i32 {
    i32::from(pixel) << STATE_FRAC
}

/// A state as a pixel: rounded half up, clamped.
pub(crate) fn to_pixel(state: i32) -> u8 {
    (state.saturating_add(1 << (STATE_FRAC - 1)) >> STATE_FRAC).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Linear;
    use proptest::prelude::*;

    fn toy(dim: usize, seed: i64) -> Flow {
        let mut s = seed;
        let mut next = |m: i64| {
            s = s.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (s >> 40) % m
        };
        let couplings = (0..4)
            .map(|k| {
                let split: Vec<u8> = (0..dim).map(|i| ((i + k) % 2) as u8).collect();
                let kept = split.iter().filter(|&&s| s == 0).count();
                let mut layer = |i: usize, o: usize| {
                    let w: Vec<i8> = (0..i * o).map(|_| next(100) as i8).collect();
                    let b: Vec<i32> = (0..o).map(|_| next(9_999) as i32).collect();
                    Linear::new("toy", i, o, &w, &b, &vec![5; o], |_| 32_767).unwrap()
                };
                let layers = vec![layer(kept, 10), layer(10, 7)];
                let last = layer(7, dim - kept);
                Coupling::new("toy", &split, layers, last, 3).unwrap()
            })
            .collect();
        Flow::new(couplings)
    }

    proptest! {
        #[test]
        fn inverse_undoes_forward(state in proptest::collection::vec(any::<i32>(), 3 * 13), seed in any::<i64>()) {
            let flow = toy(13, seed);
            let mut scratch = FlowScratch::default();
            let mut y = state.clone();
            flow.forward(&mut y, &mut scratch);
            let mut alone = state.clone();
            alone.chunks_exact_mut(13).for_each(|x| flow.forward(x, &mut scratch));
            prop_assert_eq!(&y, &alone);
            flow.inverse(&mut y, &mut scratch);
            prop_assert_eq!(y, state);
        }
    }

    #[test]
    fn pixels_survive_the_state() {
        assert!((0..=255).all(|p| to_pixel(to_state(p)) == p));
        assert_eq!((to_pixel(i32::MIN), to_pixel(i32::MAX)), (0, 255));
    }
}
