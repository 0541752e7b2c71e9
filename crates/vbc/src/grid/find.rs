//! Looking for the grid behind an image: the one under which its greys are likeliest.
//!
//! What is found decides how small an image becomes, and nothing else: a decoder is told the grid.

use super::{BEFORE, Grid, Grids, LINES, SIDES};
use crate::scan::{self, IMAGE, PIXELS};

/// Cells of one picture.
const CELLS: usize = LINES * LINES;
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
/// Greys that are looked at before all but so many of the sides are left out, and again.
const ROUNDS: [(usize, usize); 2] = [(12, 24), (36, 6)];

/// The cells of all sides, and what each grey costs in each of them.
#[derive(Debug)]
pub(super) struct Costs {
    /// `[side][line][line]`: the cell's number among those of all sides.
    cells: Vec<[u16; CELLS]>,
    costs: Vec<[u8; 256]>,
}

impl Costs {
    pub fn new(grids: &Grids) -> Self {
        let (mut cells, mut costs) = (Vec::with_capacity(SIDES), Vec::new());
        for number in 0..SIDES {
            let (side, (_, lines)) = (grids.side(number), grids.lines(number));
            let first = costs.len();
            cells.push(std::array::from_fn(|cell| {
                let [a, b] = [lines[cell / LINES], lines[cell % LINES]].map(usize::from);
                (first + super::cell(a, b)) as u16
            }));
            for (table, &total) in side.tables.iter().zip(&side.totals) {
                let all = total.max(UNSEEN);
                let cost = |grey: usize| match table[1 + grey / 16][grey % 16] {
                    _ if total == 0 => EMPTY,
                    0 => all.saturating_add(ANY - UNSEEN),
                    weight => all.saturating_sub(weight),
                };
                costs.push(std::array::from_fn(cost));
            }
        }
        Costs { cells, costs }
    }

    /// What greys in some cells cost under a side.
    fn cost(&self, side: u8, greys: &[(usize, u8)]) -> u32 {
        let cells = &self.cells[usize::from(side)];
        let cost = |&(cell, grey): &(usize, u8)| {
            u32::from(self.costs[usize::from(cells[cell % CELLS])][usize::from(grey)])
        };
        greys.iter().map(cost).sum()
    }

    /// The side under which greys cost least, and what they cost.
    fn best(&self, greys: &[(usize, u8)]) -> Option<(u32, u8)> {
        let mut sides: Vec<(u32, u8)> = (0..SIDES as u8).map(|side| (0, side)).collect();
        let mut seen = 0;
        for (many, left) in ROUNDS {
            if greys.len() > many + seen && sides.len() > left {
                for (cost, side) in &mut sides {
                    *cost += self.cost(*side, &greys[seen..seen + many]);
                }
                sides.select_nth_unstable(left);
                sides.truncate(left);
                seen += many;
            }
        }
        sides.into_iter().map(|(cost, side)| (cost + self.cost(side, &greys[seen..]), side)).min()
    }
}

impl Grids {
    /// The grid of an image of 28 × 28 pixels, if there is one under which its greys are likely.
    pub fn find(&self, pixels: &[u8]) -> Option<Grid> {
        let pixels: &[u8; PIXELS] = pixels.try_into().ok()?;
        let mut places = scan::places(pixels);
        // Ink in the middle of the cells comes first.
        let middle = *places.get(places.len() / 2)?;
        places.sort_by_key(|at| (0..2).map(|k| (at[k] - middle[k]).abs()).sum::<i32>());
        let all: Vec<(usize, u8)> =
            pixels.iter().copied().enumerate().filter(|p| (1..250).contains(&p.1)).collect();
        // In an order without a pattern, so that the first ones stand for all.
        let stride = [41, 37, 31].into_iter().find(|&s| !all.len().is_multiple_of(s)).unwrap_or(1);
        let mut best: Option<(u32, Grid)> = None;
        for [top, left] in places {
            if ![top, left].iter().all(|at| (-BEFORE..16 - BEFORE).contains(at)) {
                continue;
            }
            let in_cell = |k: usize| {
                let (position, grey) = all[k * stride % all.len()];
                let line = |at: usize, first: i32| {
                    usize::try_from(at as i32 - first).ok().filter(|&line| line < LINES)
                };
                let y = line(position / IMAGE, top)?;
                Some((y * LINES + line(position % IMAGE, left)?, grey))
            };
            let greys: Vec<(usize, u8)> = (0..all.len()).filter_map(in_cell).collect();
            let lost = (all.len() - greys.len()) as u32 * u32::from(EMPTY);
            let Some((cost, side)) = self.costs().best(&greys) else { continue };
            let grid = Grid { side, top: top as i8, left: left as i8 };
            if best.is_none_or(|(least, _)| cost + lost < least) {
                best = Some((cost + lost, grid));
            }
            if cost + lost < CLEAR * all.len() as u32 {
                break;
            }
        }
        best.filter(|&(cost, _)| cost < WORTH * all.len() as u32).map(|(_, grid)| grid)
    }
}
