//! Seeded random numbers whose state fits three integers, so that a run resumes exactly.

use candle_core::{Device, Result, Tensor};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng};
use serde::{Deserialize, Serialize};

/// ChaCha8 with a seed and a stream number; the same numbers on every machine, but for the last
/// bits of [`normal`](Self::normal), which takes logarithm and cosine from the system.
#[derive(Clone, Debug)]
pub struct Rng {
    state: RngState,
    inner: ChaCha8Rng,
}

/// Where a [`Rng`] stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RngState {
    /// The seed.
    pub seed: u64,
    /// Which of the seed's independent sequences.
    pub stream: u64,
    /// 32-bit words drawn so far.
    pub words: u64,
}

impl Rng {
    /// Sequence number `stream` of `seed`, from its start.
    pub fn new(seed: u64, stream: u64) -> Self {
        Self::from_state(RngState { seed, stream, words: 0 })
    }

    /// Goes on where [`state`](Self::state) was taken.
    pub fn from_state(state: RngState) -> Self {
        // Not `seed_from_u64`, whose expansion may change between versions of the crate.
        let mut key = [0; 32];
        key[..8].copy_from_slice(&state.seed.to_le_bytes());
        let mut inner = ChaCha8Rng::from_seed(key);
        inner.set_stream(state.stream);
        inner.set_word_pos(u128::from(state.words));
        Self { state, inner }
    }

    /// Where the generator stands.
    pub fn state(&self) -> RngState {
        self.state
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state.words += 2;
        self.inner.next_u64()
    }

    /// Uniform in `0.0..1.0`, in steps of 2^-24, at half the cost of [`uniform`](Self::uniform).
    pub fn uniform_f32(&mut self) -> f32 {
        self.state.words += 1;
        (self.inner.next_u32() >> 8) as f32 / (1u32 << 24) as f32
    }

    /// Uniform in `0.0..1.0`, in steps of 2^-53.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in `0..bound`, without bias.
    ///
    /// # Panics
    /// If `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "no number is below 0");
        loop {
            // Lemire's method: the high half of the product, unless its low half falls into the
            // part that would favour some results.
            let product = u128::from(self.next_u64()) * u128::from(bound);
            if product as u64 >= bound.wrapping_neg() % bound {
                return (product >> 64) as u64;
            }
        }
    }

    /// Normal, mean 0, variance 1, by Box and Muller. Each call draws two numbers and keeps none
    /// back, so that the state stays this small.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Brings `items` into random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i as u64 + 1) as usize);
        }
    }

    /// An f32 tensor of normal values, mean 0, standard deviation `std`.
    ///
    /// # Errors
    /// Where the device cannot make the tensor.
    pub fn normal_tensor(&mut self, shape: &[usize], std: f64, device: &Device) -> Result<Tensor> {
        let count = shape.iter().product();
        let values: Vec<f32> = (0..count).map(|_| (std * self.normal()) as f32).collect();
        Tensor::from_vec(values, shape, device)
    }

    /// Initial weights (inputs, outputs) by Glorot: standard deviation √(2 / (inputs + outputs)).
    ///
    /// # Errors
    /// Where the device cannot make the tensor.
    pub fn glorot_normal(&mut self, i: usize, o: usize, device: &Device) -> Result<Tensor> {
        self.normal_tensor(&[i, o], (2.0 / (i + o) as f64).sqrt(), device)
    }

    /// Initial weights (inputs, outputs) by He, for a ReLU to follow: standard deviation
    /// √(2 / inputs).
    ///
    /// # Errors
    /// Where the device cannot make the tensor.
    pub fn he_normal(&mut self, i: usize, o: usize, device: &Device) -> Result<Tensor> {
        self.normal_tensor(&[i, o], (2.0 / i as f64).sqrt(), device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_on_from_any_state() {
        let mut rng = Rng::new(7, 3);
        for draws in 0..40 {
            let state: RngState =
                serde_json::from_str(&serde_json::to_string(&rng.state()).unwrap()).unwrap();
            let mut again = Rng::from_state(state);
            let same = (0..20).all(|_| again.next_u64() == rng.next_u64());
            assert!(same && again.state() == rng.state(), "after {draws}");
            rng.normal();
        }
    }

    #[test]
    fn numbers_are_pinned() {
        let mut rng = Rng::new(1, 0);
        let mut other = Rng::new(1, 1);
        let drawn: Vec<u64> = (0..2).map(|_| rng.next_u64()).collect();
        assert_ne!(drawn[0], other.next_u64());
        assert_eq!(drawn, PINNED);
    }

    const PINNED: [u64; 2] = [7_037_237_572_835_827_407, 5_440_448_899_038_119_230];

    #[test]
    fn moments_are_right() {
        let mut rng = Rng::new(2, 0);
        let n = 100_000;
        let (mut mean, mut square, mut uniform) = (0.0, 0.0, 0.0);
        for _ in 0..n {
            let x = rng.normal();
            mean += x / f64::from(n);
            square += x * x / f64::from(n);
            uniform += rng.uniform() / f64::from(n);
        }
        assert!(mean.abs() < 0.02 && (square - 1.0).abs() < 0.03 && (uniform - 0.5).abs() < 0.01);
    }

    #[test]
    fn a_shuffle_is_a_permutation_and_even() {
        let mut rng = Rng::new(3, 0);
        let mut first = [0; 5];
        for _ in 0..10_000 {
            let mut items = [0, 1, 2, 3, 4];
            rng.shuffle(&mut items);
            first[items[0]] += 1;
            items.sort_unstable();
            assert_eq!(items, [0, 1, 2, 3, 4]);
        }
        assert!(first.iter().all(|&c| (1_800..2_200).contains(&c)), "{first:?}");
    }
}
