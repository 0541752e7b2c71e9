//! The NICE flow in integers: a stack of additive couplings, exactly invertible (paper section 2;
//! SPEC.md section 5).

mod coupling;

pub(crate) use coupling::Coupling;
use coupling::Direction;

use crate::pool::Pool;

/// Fractional bits of the state: a pixel p enters the flow as p · 2⁴, and real-valued training
/// sees p / 256.
pub(crate) const STATE_FRAC: u32 = 4;

/// f and f⁻¹.
#[derive(Debug)]
pub(crate) struct Flow {
    couplings: Vec<Coupling>,
    buffers: Pool<FlowScratch>,
}

/// Buffers of one evaluation.
#[derive(Debug, Default)]
struct FlowScratch {
    acc: Vec<i32>,
    hidden: [Vec<i16>; 2],
    halves: [Vec<i32>; 2],
}

impl Flow {
    pub fn new(couplings: Vec<Coupling>) -> Self {
        Flow { couplings, buffers: Pool::default() }
    }

    /// y = f(x) in place; `states` are images in raster order, one behind the other.
    pub fn forward(&self, states: &mut [i32]) {
        self.buffers
            .with(|scratch| run(self.couplings.iter(), states, scratch, Direction::Forward));
    }

    /// x = f⁻¹(y) in place.
    pub fn inverse(&self, states: &mut [i32]) {
        let couplings = self.couplings.iter().rev();
        self.buffers.with(|scratch| run(couplings, states, scratch, Direction::Inverse));
    }
}

/// Goes through couplings. States are parted into two halves, and put together again, only where a coupling
/// parts them otherwise than the one before it.
fn run<'a>(
    couplings: impl Iterator<Item = &'a Coupling>,
    states: &mut [i32],
    scratch: &mut FlowScratch,
    direction: Direction,
) {
    let mut halves = std::mem::take(&mut scratch.halves);
    let mut parted: Option<[&[usize]; 2]> = None;
    for coupling in couplings {
        let [kept, changed] = coupling.halves();
        let is_same = parted == Some([kept, changed]);
        let is_other_way = parted == Some([changed, kept]);
        if !is_same && !is_other_way {
            if let Some(parted) = parted {
                join(parted, &halves, states);
            }
            part([kept, changed], states, &mut halves);
            parted = Some([kept, changed]);
        }
        let [a, b] = &mut halves;
        let (kept, changed) = if is_other_way { (b, a) } else { (a, b) };
        coupling.apply(kept, changed, scratch, direction);
    }
    if let Some(parted) = parted {
        join(parted, &halves, states);
    }
    scratch.halves = halves;
}

/// Values of images at two lists of positions, one image behind the other.
fn part(positions: [&[usize]; 2], states: &[i32], halves: &mut [Vec<i32>; 2]) {
    let len: usize = positions.iter().map(|of| of.len()).sum();
    for (half, positions) in halves.iter_mut().zip(positions) {
        half.clear();
        for state in states.chunks_exact(len) {
            half.extend(positions.iter().map(|&p| state[p]));
        }
    }
}

/// The other way round than [`part`].
fn join(positions: [&[usize]; 2], halves: &[Vec<i32>; 2], states: &mut [i32]) {
    let len: usize = positions.iter().map(|of| of.len()).sum();
    for (half, positions) in halves.iter().zip(positions) {
        let values = half.chunks_exact(positions.len());
        for (state, values) in states.chunks_exact_mut(len).zip(values) {
            positions.iter().zip(values).for_each(|(&p, &value)| state[p] = value);
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
    use crate::error::Error;
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
            let mut y = state.clone();
            flow.forward(&mut y);
            let mut alone = state.clone();
            alone.chunks_exact_mut(13).for_each(|x| flow.forward(x));
            prop_assert_eq!(&y, &alone);
            flow.inverse(&mut y);
            prop_assert_eq!(y, state);
        }
    }

    /// Couplings that part the positions in several ways.
    #[test]
    fn halves_may_be_any() {
        let mut couplings = toy(9, 3).couplings;
        for split in [[0, 0, 1, 1, 0, 1, 1, 1, 0], [1, 0, 0, 0, 0, 0, 0, 0, 0]] {
            let kept = split.iter().filter(|&&s| s == 0).count();
            let w: Vec<i8> = (0..kept * (9 - kept)).map(|k| (k % 60) as i8).collect();
            let b = vec![70; 9 - kept];
            let shift = vec![4; 9 - kept];
            let last = Linear::new("toy", kept, 9 - kept, &w, &b, &shift, |_| 32_767).unwrap();
            couplings.push(Coupling::new("toy", &split, Vec::new(), last, 3).unwrap());
        }
        // One by one, what a coupling does to one image.
        let x: Vec<i32> = (0..18).map(|k| k * k * 37 - 900).collect();
        let mut expected = x.clone();
        for coupling in &couplings {
            let one = std::slice::from_ref(coupling).iter();
            for state in expected.chunks_exact_mut(9) {
                run(one.clone(), state, &mut FlowScratch::default(), Direction::Forward);
            }
        }
        let (flow, mut y) = (Flow::new(couplings), x.clone());
        flow.forward(&mut y);
        assert_eq!(y, expected);
        assert_ne!(y, x);
        flow.inverse(&mut y);
        assert_eq!(y, x);
    }

    #[test]
    fn a_coupling_keeps_some_and_changes_some() {
        for split in [[0; 4], [1; 4]] {
            let kept = split.iter().filter(|&&s| s == 0).count();
            let last = Linear::new(
                "toy",
                kept,
                4 - kept,
                &[],
                &vec![0; 4 - kept],
                &vec![4; 4 - kept],
                |_| 1,
            );
            let refused = last.and_then(|last| Coupling::new("toy", &split, Vec::new(), last, 3));
            assert!(matches!(refused, Err(Error::Model { .. })));
        }
    }

    #[test]
    fn pixels_survive_the_state() {
        assert!((0..=255).all(|p| to_pixel(to_state(p)) == p));
        assert_eq!((to_pixel(i32::MIN), to_pixel(i32::MAX)), (0, 255));
    }
}
