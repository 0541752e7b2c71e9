//! Looking for the grid behind an image: the one under which its greys are likeliest.
//!
//! What is found decides how small an image becomes, and nothing else: a decoder is told the grid.

use std::sync::OnceLock;

use super::{BEFORE, CellTable, Grid, Grids, LINES, SIDES, cell};
use crate::scan::{self, IMAGE, PIXELS};

/// Costs are in sixteenths of a bit. In a cell, the greys that were never seen there count as if 8 had
/// been: the weight of these.
const UNSEEN: u8 = 48;
/// What a grey costs of which nothing is known.
const ANY: u8 = 138;
/// The same in a cell of which nothing is known: such grids are rare.
const EMPTY: u8 = 160;
/// A grid is worth its while where its greys cost less than this, in the mean.
const WORTH: u32 = 146;
/// It is as good as certain where they cost less than this.
const CLEAR: u32 = 128;
/// Greys that all but a few sides are left out by: by whether their cells are known to have them, and then again
/// by what they cost.
const FIRST: usize = 24;
/// Sides that are left then.
const KEPT: [usize; 2] = [24, 6];

/// Pairs of lines, whichever is the row.
const PAIRS: usize = LINES * (LINES + 1) / 2;
/// Bits of a number of greys.
const COUNT_BITS: usize = 5;

/// A set of sides: bit s is side s.
type Sides = u128;
const _: () = assert!(SIDES <= 128 && FIRST < 1 << COUNT_BITS);

/// A grey and the cell that it is in.
#[derive(Clone, Copy, Debug)]
struct InCell {
    /// The pair of lines that cross in the cell.
    pair: usize,
    grey: u8,
}

/// What an encoder looks for grids by.
#[derive(Debug)]
pub(super) struct Costs {
    /// `[pair of lines][grey]`: under which sides the cell is known to have the grey.
    seen: Vec<[Sides; 256]>,
    sides: Vec<OnceLock<SideCosts>>,
}

/// What each grey costs in each of a side's cells.
#[derive(Debug)]
struct SideCosts {
    /// `[pair of lines]`: the number of the cell's kind.
    kinds: [u8; PAIRS],
    costs: Vec<[u8; 256]>,
}

impl SideCosts {
    fn new(grids: &Grids, number: usize) -> Self {
        let side = grids.side(number);
        let of_kind = |(table, &total): (&CellTable, &u8)| {
            let all = total.max(UNSEEN);
            std::array::from_fn(|grey: usize| match table[1 + grey / 16][grey % 16] {
                _ if total == 0 => EMPTY,
                0 => all.saturating_add(ANY - UNSEEN),
                weight => all.saturating_sub(weight),
            })
        };
        SideCosts {
            kinds: kinds(grids, number),
            costs: side.tables.iter().zip(&side.totals).map(of_kind).collect(),
        }
    }

    /// What some greys cost.
    fn cost(&self, greys: &[InCell]) -> u32 {
        let cost = |of: &InCell| {
            u32::from(self.costs[usize::from(self.kinds[of.pair])][usize::from(of.grey)])
        };
        greys.iter().map(cost).sum()
    }
}

/// The kind of the cell in which each pair of a side's lines cross.
fn kinds(grids: &Grids, side: usize) -> [u8; PAIRS] {
    let (_, lines) = grids.lines(side);
    let mut kinds = [0; PAIRS];
    for (b, &of_b) in lines.iter().enumerate() {
        for (a, &of_a) in lines[..=b].iter().enumerate() {
            kinds[cell(a, b)] = cell(of_a.into(), of_b.into()) as u8;
        }
    }
    kinds
}

impl Costs {
    pub fn new(grids: &Grids) -> Self {
        let mut seen = vec![[0; 256]; PAIRS];
        for side in 0..SIDES {
            let greys: Vec<&[u8]> = grids.greys_of_kinds(side).collect();
            for (seen, kind) in seen.iter_mut().zip(kinds(grids, side)) {
                for &grey in greys.get(usize::from(kind)).copied().unwrap_or_default() {
                    seen[usize::from(grey)] |= 1 << side;
                }
            }
        }
        Costs { seen, sides: (0..SIDES).map(|_| OnceLock::new()).collect() }
    }

    /// The sides under which most of the greys were seen in their cells; of those with as many the first ones.
    fn fitting(&self, greys: &[InCell]) -> Sides {
        // Bit k of all sides' numbers of greys, side by side.
        let mut counts: [Sides; COUNT_BITS] = [0; COUNT_BITS];
        for of in greys {
            let mut carry = self.seen[of.pair][usize::from(of.grey)];
            for bit in &mut counts {
                (*bit, carry) = (*bit ^ carry, *bit & carry);
            }
        }
        most(&counts, KEPT[0] as u32)
    }

    /// The side under which greys cost least, and what they cost.
    fn best(&self, grids: &Grids, greys: &[InCell]) -> Option<(u32, u8)> {
        let cost = |side: u8, greys: &[InCell]| {
            let number = usize::from(side);
            self.sides[number].get_or_init(|| SideCosts::new(grids, number)).cost(greys)
        };
        let (first, rest) = greys.split_at(FIRST.min(greys.len()));
        let fitting = self.fitting(first);
        let fitting = (0..SIDES as u8).filter(|side| fitting >> side & 1 == 1);
        let mut sides: Vec<(u32, u8)> = fitting.map(|side| (cost(side, first), side)).collect();
        sides.sort_unstable();
        sides.truncate(KEPT[1]);
        let mut best: Option<(u32, u8)> = None;
        for (mut sum, side) in sides {
            let mut parts = rest.chunks(FIRST);
            while best.is_none_or(|(least, _)| sum <= least)
                && let Some(part) = parts.next()
            {
                sum += cost(side, part);
            }
            // One that was given up costs more.
            best = Some(best.map_or((sum, side), |best| best.min((sum, side))));
        }
        best
    }
}

/// The `wanted` sides with the largest numbers, of which `counts[k]` has bit k; of those with the same the first ones.
fn most(counts: &[Sides; COUNT_BITS], wanted: u32) -> Sides {
    let (mut taken, mut rest): (Sides, Sides) = (0, (1 << SIDES) - 1);
    for bits in counts.iter().rev() {
        let larger = rest & bits;
        if (taken | larger).count_ones() <= wanted {
            taken |= larger;
            rest ^= larger;
        } else {
            rest = larger;
        }
    }
    while taken.count_ones() < wanted && rest != 0 {
        taken |= rest & rest.wrapping_neg();
        rest &= rest - 1;
    }
    taken
}

impl Grids {
    /// The grid of an image of 28 × 28 pixels, if there is one that holds its ink and under which its greys are
    /// likely.
    pub fn find(&self, pixels: &[u8]) -> Option<Grid> {
        let pixels: &[u8; PIXELS] = pixels.try_into().ok()?;
        let mut places = scan::places(pixels);
        // Ink in the middle of the cells comes first.
        let middle = *places.get(places.len() / 2)?;
        places.sort_by_key(|at| (0..2).map(|k| (at[k] - middle[k]).abs()).sum::<i32>());
        let all = in_any_order(pixels);
        let mut greys = Vec::with_capacity(all.len());
        let mut best: Option<(u32, Grid)> = None;
        for [top, left] in places {
            if ![top, left].iter().all(|at| (-BEFORE..16 - BEFORE).contains(at)) {
                continue;
            }
            let in_cell = |&(y, x, grey): &(u8, u8, u8)| {
                let line = |at: u8, first: i32| {
                    usize::try_from(i32::from(at) - first).ok().filter(|&line| line < LINES)
                };
                Some(InCell { pair: cell(line(y, top)?, line(x, left)?), grey })
            };
            greys.clear();
            greys.extend(all.iter().filter_map(in_cell));
            let lost = (all.len() - greys.len()) as u32 * u32::from(EMPTY);
            let Some((cost, side)) = self.costs().best(self, &greys) else { continue };
            let grid = Grid { side, top: top as i8, left: left as i8 };
            if best.is_none_or(|(least, _)| cost + lost < least) {
                best = Some((cost + lost, grid));
            }
            if cost + lost < CLEAR * all.len() as u32 {
                break;
            }
        }
        let (cost, grid) = best?;
        (cost < WORTH * all.len() as u32 && grid.holds(pixels)).then_some(grid)
    }
}

/// Row, column and grey of the pixels that are neither blank nor full of ink, in an order without a pattern, so
/// that the first ones stand for all.
fn in_any_order(pixels: &[u8; PIXELS]) -> Vec<(u8, u8, u8)> {
    let (mut all, mut len) = ([(0, 0, 0); PIXELS + 1], 0);
    for (row, y) in pixels.chunks_exact(IMAGE).zip(0..) {
        for (&grey, x) in row.iter().zip(0..) {
            // Written in any case: a branch would be mispredicted at every edge of a stroke.
            all[len] = (y, x, grey);
            len += usize::from((1..250).contains(&grey));
        }
    }
    let stride = [41, 37, 31].into_iter().find(|&s| !len.is_multiple_of(s)).unwrap_or(1);
    let mut at = 0;
    let next = |_| {
        let now = all[at];
        at = (at + stride) % len;
        now
    };
    (0..len).map(next).collect()
}

#[cfg(all(test, feature = "training"))]
mod tests {
    use super::super::{Entries, Placed, learned, side_lines};
    use super::*;
    use crate::error::Error;
    use crate::scan::Scan;

    /// Sides whose cells' greys are known: of few kinds of cells, so that few scans show them.
    const KNOWN: [usize; 5] = [24, 40, 50, 70, 100];
    /// Those whose cells are all of one kind: a line more or less before the cells changes nothing.
    const WHOLE: [usize; 2] = [40, 100];

    struct Random(u64);

    impl Random {
        fn below(&mut self, n: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (self.0 >> 33) as usize % n
        }

        /// A scan of a stroke from the first row to the last, by way of two points between; its ink is in
        /// the middle of the columns.
        fn scan(&mut self, side: usize) -> Scan {
            let pen = side / 10 + self.below(side / 10);
            let free = side - pen;
            let mut points: Vec<[usize; 2]> =
                (0..4).map(|k| [k * free / 3, free / 4 + self.below(free / 2)]).collect();
            points[0][0] = 0;
            let mut rows = vec![0; side];
            for ends in points.windows(2) {
                for step in 0..=120 {
                    let at = |k: usize| (ends[0][k] * (120 - step) + ends[1][k] * step) / 120;
                    for row in &mut rows[at(0)..at(0) + pen] {
                        *row |= ((1u128 << pen) - 1) << at(1);
                    }
                }
            }
            let ink = rows.iter().fold(0, |all, row| all | row);
            let width = (128 - ink.leading_zeros() - ink.trailing_zeros()) as usize;
            let centred =
                rows.iter().map(|row| row >> ink.trailing_zeros() << ((side - width) / 2));
            Scan::new(centred.collect()).expect("rows within the side")
        }
    }

    fn tables(counts: Vec<u8>, greys: Vec<u8>, weights: Vec<u8>) -> Result<Grids, Error> {
        let lines = side_lines().into_flattened();
        Grids::new(Entries { lines, counts, greys, weights })
    }

    /// Tables of the pictures of random scans of the known sides.
    fn learned_tables(random: &mut Random) -> Result<Grids, Error> {
        let kinds = side_lines().into_iter().map(|lines| {
            let classes = lines.iter().max().map_or(0, |&most| usize::from(most) + 1);
            classes * (classes + 1) / 2
        });
        let mut seen = vec![[0; 256]; kinds.sum()];
        let none = tables(vec![0; seen.len()], Vec::new(), Vec::new())?;
        for side in KNOWN {
            for _ in 0..80 {
                let scan = random.scan(side);
                let placed = Placed::new(&none, scan.grid().expect("a stroke has ink"));
                for (p, grey) in scan.render().into_iter().enumerate().filter(|p| p.1 > 0) {
                    let cell = placed.cell(p / IMAGE, p % IMAGE).expect("ink is in a cell");
                    seen[none.first_cell(usize::from(placed.grid.side)) + cell]
                        [usize::from(grey)] += 1;
                }
            }
        }
        let of_cell = |seen: &[u32; 256]| (1..256).filter(|&v| seen[v] > 0).collect::<Vec<usize>>();
        let counts = seen.iter().map(|seen| of_cell(seen).len() as u8).collect();
        let greys = seen.iter().flat_map(of_cell).map(|v| v as u8).collect();
        let weights =
            seen.iter().flat_map(|seen| of_cell(seen).into_iter().map(|v| learned(seen[v])));
        tables(counts, greys, weights.collect())
    }

    #[test]
    fn grids_behind_pictures_of_scans_are_found() -> Result<(), Error> {
        let random = &mut Random(5);
        let grids = learned_tables(random)?;
        for side in KNOWN {
            for n in 0..20 {
                let scan = random.scan(side);
                let found = grids.find(&scan.render()).zip(scan.grid());
                let (found, wanted) = found.expect("a grid of a known side");
                assert_eq!(found.side, wanted.side, "{side}, number {n}");
                if WHOLE.contains(&side) {
                    let lines = [found.top - wanted.top, found.left - wanted.left];
                    assert!(lines.iter().all(|by| by.abs() < 2), "{side}, number {n}: {lines:?}");
                } else {
                    assert_eq!(found, wanted, "{side}, number {n}");
                }
            }
        }
        Ok(())
    }

    #[test]
    fn most_is_the_beginning_of_the_order() {
        let random = &mut Random(9);
        for largest in [2, 3, 8, 24, 31] {
            let numbers: [usize; SIDES] = std::array::from_fn(|_| random.below(largest + 1));
            let bit = |k: usize| {
                let of = numbers.iter().enumerate().filter(|(_, n)| **n >> k & 1 == 1);
                of.fold(0, |all, (side, _)| all | 1 << side)
            };
            let mut order: Vec<usize> = (0..SIDES).collect();
            order.sort_by_key(|&side| std::cmp::Reverse(numbers[side]));
            for wanted in [1, 5, 24, SIDES] {
                let first = order[..wanted].iter().fold(0, |all, side| all | 1 << side);
                let counts = std::array::from_fn(bit);
                assert_eq!(most(&counts, wanted as u32), first, "{wanted} of up to {largest}");
            }
        }
    }

    #[test]
    fn an_image_without_greys_of_a_grid_has_none() -> Result<(), Error> {
        let random = &mut Random(6);
        let grids = learned_tables(random)?;
        let mut none = |what: &str, change: &dyn Fn(u8, &mut Random) -> u8| {
            for n in 0..20 {
                let image = random.scan(KNOWN[n % 5]).render();
                let image = image.map(|v| if v == 0 { 0 } else { change(v, random) });
                assert_eq!(grids.find(&image), None, "{what}, number {n}");
            }
        };
        // The outline stays what that of a scan is, so that the greys decide.
        none("any greys", &|v, random| if v > 250 { v } else { 1 + random.below(249) as u8 });
        none("no greys", &|_, _| 255);
        none("no full ink", &|v, _| v.min(253));
        none("no ink", &|_, _| 0);
        assert_eq!(grids.find(&[255; 783]), None, "another shape");
        Ok(())
    }
}
