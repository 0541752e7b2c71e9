//! A number that is told by which of a latent's integers are odd, and the cheapest latent that tells one
//! (SPEC.md section 6.8.5).
//!
//! This is matrix embedding: with k bits of a number for each integer, the exclusive or of those of odd ones is
//! the *syndrome*. To make it another one, a writer changes integers by one, and there are so many ways that some
//! are nearly free.

use fearless_simd::dispatch;

use crate::nn::level;

/// The k bits of each integer.
#[derive(Debug)]
pub(crate) struct Parities {
    columns: Vec<u16>,
    /// 2^k.
    count: usize,
}

/// The largest k.
const MOST_BITS: u32 = 10;

/// Integers that a writer looks at first: those that cost the least.
const FIRST: usize = 24;

/// What a change costs at most, in 1/64 bit: the sum of k of them, which can make any number, is below
/// [`NOT_REACHED`].
const COST_MAX: u32 = 40 << 6;

/// Syndromes that stand in a vector: those that differ in their lowest bits.
const NEAR: usize = 16;

/// Their costs. Signed, for every processor has the least of these.
type Costs = [i16; NEAR];

/// Integers are told apart by quarters of a bit where the cheapest ones are picked, up to this.
const QUARTERS: usize = 64;

/// A syndrome that has not been reached.
const NOT_REACHED: i16 = i16::MAX;

impl Parities {
    /// `count` is 2^k.
    ///
    /// # Errors
    /// What is wrong: k is not from 1 to 10, a column has more bits, or there is a syndrome that no latent has.
    pub fn new(columns: &[u32], count: usize) -> Result<Self, String> {
        if !count.is_power_of_two() || !(1..=MOST_BITS).contains(&count.ilog2()) {
            return Err(format!("{count} syndromes, 2 to the power of 1 to {MOST_BITS} expected"));
        }
        if let Some(column) = columns.iter().find(|&&column| column as usize >= count) {
            return Err(format!("{column} among {count} syndromes"));
        }
        let columns: Vec<u16> = columns.iter().map(|&column| column as u16).collect();
        let rank = rank(&columns);
        if 1 << rank != count {
            return Err(format!("a rank of {rank}, for {count} syndromes"));
        }
        Ok(Parities { columns, count })
    }

    /// The syndrome of a latent.
    pub fn of(&self, z: &[i32]) -> usize {
        let odd =
            z.iter().zip(&self.columns).map(|(z, column)| column & ((z & 1) as u16).wrapping_neg());
        usize::from(odd.fold(0, |syndrome, column| syndrome ^ column))
    }

    /// Which integers of a latent of syndrome `syndrome` to make odd or even instead, at the least cost together, so
    /// that it `is_wanted`: `costs[j]`, in 1/64 bit, is what that does to integer j alone. Where no syndrome is
    /// wanted, nothing.
    pub fn changes(
        &self,
        mut syndrome: usize,
        costs: &[i32],
        is_wanted: impl Fn(usize) -> bool,
    ) -> Vec<usize> {
        let mut is_changed = vec![false; costs.len()];
        let mut all: Vec<(i16, u16)> = Vec::with_capacity(costs.len());
        for ((j, &cost), changed) in costs.iter().enumerate().zip(&mut is_changed) {
            if cost < 0 {
                *changed = true;
                syndrome ^= usize::from(self.columns[j]);
            }
            all.push((cost.unsigned_abs().min(COST_MAX) as i16, j as u16));
        }
        for integers in [&first(&all)[..], &all] {
            let found = dispatch!(level(), _simd => {
                self.cheapest(integers, |s| is_wanted(s ^ syndrome))
            });
            if let Some(others) = found {
                others.into_iter().for_each(|j| is_changed[j] = !is_changed[j]);
                break;
            }
        }
        (0..costs.len()).filter(|&j| is_changed[j]).collect()
    }

    /// The cheapest of all sets of these integers whose syndrome is wanted.
    #[inline(always)]
    fn cheapest(
        &self,
        integers: &[(i16, u16)],
        is_wanted: impl Fn(usize) -> bool,
    ) -> Option<Vec<usize>> {
        // Layer n: what each syndrome takes with the first n integers at hand.
        let stride = self.count.div_ceil(NEAR);
        let mut layers = vec![[NOT_REACHED; NEAR]; (integers.len() + 1) * stride];
        layers[0][0] = 0;
        for (n, &(cost, j)) in integers.iter().enumerate() {
            let (known, next) = layers[n * stride..].split_at_mut(stride);
            add(known, &mut next[..stride], usize::from(self.columns[usize::from(j)]), cost);
        }
        let cost_of =
            |n: usize, syndrome: usize| layers[n * stride + syndrome / NEAR][syndrome % NEAR];
        let cost = |syndrome: &usize| cost_of(integers.len(), *syndrome);
        let mut at = (0..self.count).filter(|&s| is_wanted(s)).min_by_key(cost)?;
        if cost(&at) == NOT_REACHED {
            return None;
        }
        let mut chosen = Vec::new();
        for (n, &(_, j)) in integers.iter().enumerate().rev() {
            if cost_of(n, at) != cost_of(n + 1, at) {
                chosen.push(usize::from(j));
                at ^= usize::from(self.columns[usize::from(j)]);
            }
        }
        Some(chosen)
    }
}

/// The cheapest integers, more or less.
fn first(all: &[(i16, u16)]) -> Vec<(i16, u16)> {
    let quarter = |cost: i16| (cost as usize / 16).min(QUARTERS - 1);
    let mut counts = [0; QUARTERS];
    all.iter().for_each(|of| counts[quarter(of.0)] += 1);
    let mut left = FIRST;
    // The first quarter of which not all can be taken.
    let last = counts.iter().position(|&count| {
        let fits = count <= left;
        left -= if fits { count } else { 0 };
        !fits
    });
    let last = last.unwrap_or(QUARTERS);
    let mut taken = Vec::with_capacity(FIRST);
    for of in all {
        let quarter = quarter(of.0);
        if quarter < last || (quarter == last && left > 0) {
            left -= usize::from(quarter == last);
            taken.push(*of);
        }
    }
    taken
}

/// Lets each syndrome be reached by a change of this column as well.
#[inline(always)]
fn add(known: &[Costs], next: &mut [Costs], column: usize, cost: i16) {
    let far = column / NEAR;
    match column % NEAR {
        0 => add_near::<0>(known, next, far, cost),
        1 => add_near::<1>(known, next, far, cost),
        2 => add_near::<2>(known, next, far, cost),
        3 => add_near::<3>(known, next, far, cost),
        4 => add_near::<4>(known, next, far, cost),
        5 => add_near::<5>(known, next, far, cost),
        6 => add_near::<6>(known, next, far, cost),
        7 => add_near::<7>(known, next, far, cost),
        8 => add_near::<8>(known, next, far, cost),
        9 => add_near::<9>(known, next, far, cost),
        10 => add_near::<10>(known, next, far, cost),
        11 => add_near::<11>(known, next, far, cost),
        12 => add_near::<12>(known, next, far, cost),
        13 => add_near::<13>(known, next, far, cost),
        14 => add_near::<14>(known, next, far, cost),
        _ => add_near::<15>(known, next, far, cost),
    }
}

/// The column's lowest bits are a constant, so that a vector is put in order without looking it up.
#[inline(always)]
fn add_near<const BITS: usize>(known: &[Costs], next: &mut [Costs], far: usize, cost: i16) {
    for (at, (known_here, next)) in known.iter().zip(next).enumerate() {
        // Always there: a column is below the number of syndromes.
        let Some(other) = known.get(at ^ far) else { continue };
        *next = std::array::from_fn(|s| known_here[s].min(other[s ^ BITS].saturating_add(cost)));
    }
}

/// The dimension of the space that the columns span.
fn rank(columns: &[u16]) -> u32 {
    let mut basis = [0u16; 16];
    let mut rank = 0;
    for &column in columns {
        let mut rest = column;
        while let Some(top) = rest.checked_ilog2() {
            let of_top = &mut basis[top as usize];
            if *of_top == 0 {
                *of_top = rest;
                rank += 1;
                break;
            }
            rest ^= *of_top;
        }
    }
    rank
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn columns_must_reach_every_syndrome() {
        assert!(Parities::new(&[1, 2, 4, 7], 8).is_ok());
        assert!(Parities::new(&[1, 2, 3, 3], 8).is_err());
        assert!(Parities::new(&[1, 2, 4, 8], 8).is_err());
        assert!(Parities::new(&[1, 2, 4], 6).is_err());
        assert!(Parities::new(&[0], 1).is_err());
        assert!(Parities::new(&[1; 2048], 2048).is_err());
    }

    #[test]
    fn odd_integers_tell() {
        let parities = Parities::new(&[1, 2, 4, 7], 8).unwrap();
        assert_eq!(parities.of(&[0, 2, -4, 6]), 0);
        assert_eq!(parities.of(&[1, 0, -3, 0]), 5);
        assert_eq!(parities.of(&[i32::MIN, i32::MAX, 0, -1]), 2 ^ 7);
    }

    /// What a set of changes makes of a syndrome, and costs.
    fn outcome(columns: &[u32], syndrome: usize, costs: &[i32], changes: &[usize]) -> (usize, i32) {
        let changed = changes.iter().fold(syndrome, |s, &j| s ^ columns[j] as usize);
        (changed, changes.iter().map(|&j| costs[j]).sum())
    }

    proptest! {
        #[test]
        fn changes_are_the_cheapest_of_all(
            columns in proptest::collection::vec(0u32..16, 10),
            costs in proptest::collection::vec(-100i32..2000, 10),
            syndrome in 0usize..16,
            wanted in 1u32..1 << 16,
        ) {
            let mut columns = columns;
            columns[..4].copy_from_slice(&[1, 2, 4, 8]);
            let parities = Parities::new(&columns, 16).unwrap();
            let is_wanted = |s: usize| wanted >> s & 1 == 1;
            let found = parities.changes(syndrome, &costs, is_wanted);
            let (reached, cost) = outcome(&columns, syndrome, &costs, &found);
            prop_assert!(is_wanted(reached));
            let all = (0u32..1 << 10).map(|set| {
                let changes: Vec<usize> = (0..10).filter(|j| set >> j & 1 == 1).collect();
                outcome(&columns, syndrome, &costs, &changes)
            });
            let least = all.filter(|of| is_wanted(of.0)).map(|of| of.1).min();
            prop_assert_eq!(Some(cost), least);
        }

        /// Beyond the first ones, too, where these do not reach what is wanted.
        #[test]
        fn any_syndrome_is_reached(
            costs in proptest::collection::vec(-50i32..100_000, 60),
            k in 1u32..=10,
            syndrome in 0usize..1024,
        ) {
            let count = 1usize << k;
            let columns: Vec<u32> =
                (0..60).map(|j| if j < 50 { 1 } else { 1 << ((j - 50) % k) }).collect();
            let parities = Parities::new(&columns, count).unwrap();
            let syndrome = syndrome % count;
            for wanted in [0, count - 1] {
                let found = parities.changes(syndrome, &costs, |s| s == wanted);
                prop_assert_eq!(outcome(&columns, syndrome, &costs, &found).0, wanted);
            }
        }
    }

    #[test]
    fn nothing_is_done_for_nothing() {
        let parities = Parities::new(&[1, 2], 4).unwrap();
        assert_eq!(parities.changes(3, &[5, 6], |_| false), [0usize; 0]);
        assert_eq!(parities.changes(3, &[5, 6], |s| s == 3), [0usize; 0]);
        assert_eq!(parities.changes(3, &[-5, 6], |_| true), [0]);
    }
}
