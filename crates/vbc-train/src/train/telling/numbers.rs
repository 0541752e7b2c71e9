//! Which syndromes stand for which side, and the bits of each integer.

use vbc::training::grid::{GRID_SIDES, Grid};

use crate::rng::Rng;
use crate::stages::grid_numbers;

/// The number of an image's side: m less 19, or 0 for none.
fn number(grid: &Option<Grid>) -> usize {
    grid_numbers(*grid)[0]
}

/// 2^`bits` numbers of sides, each as often as makes the images' sides cheapest, in a random order. No grid and
/// every side that an image has are among them.
pub(super) fn sides(grids: &[Option<Grid>], bits: u32, rng: &mut Rng) -> Vec<u8> {
    let mut uses = vec![0.0f64; GRID_SIDES + 1];
    uses[0] = 0.5;
    grids.iter().for_each(|grid| uses[number(grid)] += 1.0);
    let mut shares: Vec<u32> = uses.iter().map(|&n| u32::from(n > 0.0)).collect();
    // What one more syndrome spares all images of this side together.
    let gain =
        |uses: f64, share: u32| uses * f64::from(share + 1).log2() - uses * f64::from(share).log2();
    for _ in shares.iter().sum::<u32>()..1 << bits {
        let gains = uses.iter().zip(&shares).map(|(&n, &s)| if s > 0 { gain(n, s) } else { -1.0 });
        let best = gains.enumerate().max_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |best| best.0);
        shares[best] += 1;
    }
    let each = shares.iter().enumerate();
    let mut sides: Vec<u8> =
        each.flat_map(|(n, &share)| std::iter::repeat_n(n as u8, share as usize)).collect();
    rng.shuffle(&mut sides);
    sides
}

/// Bits an image that its side costs where the syndrome is any of those that stand for it.
pub(super) fn bits(sides: &[u8], grids: &[Option<Grid>]) -> f64 {
    let mut shares = vec![0u32; GRID_SIDES + 1];
    sides.iter().for_each(|&side| shares[usize::from(side)] += 1);
    let each = grids.iter().map(|grid| {
        let share = f64::from(shares[number(grid)].max(1));
        (sides.len() as f64 / share).log2()
    });
    each.sum::<f64>() / grids.len().max(1) as f64
}

/// For each of `len` ≥ `bits` integers a random number of `bits` bits above 0, such that all numbers are exclusive ors
/// of some.
pub(super) fn columns(len: usize, bits: u32, rng: &mut Rng) -> Vec<u32> {
    let count = 1u64 << bits;
    let random = |rng: &mut Rng| 1 + rng.below(count - 1) as u32;
    loop {
        let columns: Vec<u32> = (0..len).map(|_| random(rng)).collect();
        if spans(&columns, bits) {
            return columns;
        }
    }
}

/// Whether every number of so many bits is an exclusive or of some columns.
fn spans(columns: &[u32], bits: u32) -> bool {
    let mut reached = vec![false; 1 << bits];
    reached[0] = true;
    for &column in columns {
        let now: Vec<usize> = (0..reached.len()).filter(|&n| reached[n]).collect();
        now.into_iter().for_each(|n| reached[n ^ column as usize] = true);
    }
    reached.iter().all(|&r| r)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(side: u8) -> Option<Grid> {
        Some(Grid { side, top: 4, left: 4 })
    }

    #[test]
    fn frequent_sides_have_many_syndromes() {
        let grids: Vec<_> = (0..64).map(|n| grid(if n < 48 { 30 } else { n as u8 })).collect();
        let rng = &mut Rng::new(1, 0);
        let sides = sides(&grids, 8, rng);
        let share = |n: u8| sides.iter().filter(|&&side| side == n).count();
        assert_eq!(sides.len(), 256);
        assert!((170..200).contains(&share(31)), "{}", share(31));
        assert!(share(0) >= 1 && (49..64).all(|n| share(n + 1) >= 3) && share(20) == 0);
        // 48 of 64 alike, and 16 others: 0.75 · 0.415 + 0.25 · 6.
        let bits = bits(&sides, &grids);
        assert!((1.8..1.86).contains(&bits), "{bits}");
        assert!(!sides.is_sorted());
    }

    #[test]
    fn columns_reach_all_numbers() {
        let rng = &mut Rng::new(2, 0);
        for bits in 7..=10 {
            let columns = columns(98, bits, rng);
            assert!(spans(&columns, bits) && columns.iter().all(|&c| (1..1 << bits).contains(&c)));
        }
        assert!(!spans(&[1, 2, 3], 3) && spans(&[1, 2, 7], 3));
    }
}
