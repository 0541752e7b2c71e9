//! Simulated annealing of a puzzle's free pixels: flips, and swaps with a neighbour.

use super::CELLS;
use super::chance::{LOG_FRAC, exponential};
use super::prior::{MARGIN, PATTERNS, TEMPLATE, costs};
use super::puzzle::{Cell, FIXED, Pixel, Puzzle};
use super::random::Random;

/// Steps of a fault's size: an eighth of a grey level, or so.
const FAULT_SHIFT: u32 = 13;
const FAULTS: usize = 1 << 11;

/// Farthest rows or columns to a pixel that one is swapped with.
const SWAP: usize = 2;

/// Penalty by how far a cell's ink is outside its interval.
#[derive(Clone, Debug)]
pub(super) struct Penalty([i32; FAULTS]);

impl Penalty {
    /// `slope` a level up to 8 levels off, a quarter of it from there on, and `step` at once.
    pub fn new(step: i32, slope: i32) -> Self {
        Penalty(std::array::from_fn(|d| {
            let d = d as i32;
            if d == 0 { 0 } else { step + slope * (d.min(64) + (d - 64).max(0) / 4) / 8 }
        }))
    }

    #[inline(always)]
    fn of(&self, cell: &Cell, ink: i32) -> i32 {
        let off = (cell.low - ink).max(ink - cell.high).max(0);
        self.0[((off + (1 << FAULT_SHIFT) - 1) >> FAULT_SHIFT) as usize & (FAULTS - 1)]
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Cool { pub hot: i32, pub cold: i32, pub soft: i32, pub hard: i32 }

/// A puzzle's bitmap while it is searched for.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// Pattern of each site of the padded raster: see [`TEMPLATE`].
    patterns: Vec<u16>,
    pub cells: [Cell; CELLS + 1],
    /// Sum of the cells' penalties.
    pub fault: i32,
    /// Sum of the patterns' costs.
    pub cost: i32,
}

/// Searches one puzzle.
#[derive(Debug)]
pub(super) struct Annealer<'a> {
    pub puzzle: &'a Puzzle,
    penalty: Penalty,
    costs: &'static [i16; PATTERNS],
    /// Sites ahead to those whose patterns a pixel is part of, by the bit that it is there.
    ahead: [usize; TEMPLATE.len() + 1],
    pub state: State,
    random: Random,
}

impl<'a> Annealer<'a> {
    pub fn new(puzzle: &'a Puzzle, penalty: Penalty, seed: u64) -> Self {
        let stride = puzzle.stride;
        let mut ahead = [0; TEMPLATE.len() + 1];
        for (to, (dy, dx)) in ahead[1..].iter_mut().zip(TEMPLATE) {
            *to = (-dy * stride as i32 - dx) as usize;
        }
        let state = State {
            patterns: vec![0; puzzle.start.len() + ahead.iter().max().unwrap_or(&0)],
            cells: puzzle.cells,
            fault: 0,
            cost: 0,
        };
        let mut annealer = Annealer {
            puzzle,
            penalty,
            costs: costs(),
            ahead,
            state,
            random: Random::new(seed),
        };
        for (site, _) in puzzle.start.iter().enumerate().filter(|(_, black)| **black) {
            annealer.state.cost += annealer.cost_of_flip(site);
            annealer.turn(site);
        }
        annealer.weigh();
        annealer
    }

    /// Takes another penalty.
    pub fn set_penalty(&mut self, penalty: Penalty) {
        self.penalty = penalty;
        self.weigh();
    }

    fn weigh(&mut self) {
        self.state.fault = 0;
        for cell in &mut self.state.cells {
            cell.fault = self.penalty.of(cell, cell.ink);
            self.state.fault += cell.fault;
        }
    }

    /// Whether the pixel at a site is ink.
    #[inline(always)]
    fn is_ink(&self, site: usize) -> bool {
        self.state.patterns[site] & 1 == 1
    }

    /// What the patterns cost more once the pixel at `site` is the other.
    #[inline(always)]
    fn cost_of_flip(&self, site: usize) -> i32 {
        let mut sum = 0;
        for (k, ahead) in self.ahead.iter().enumerate() {
            let pattern = usize::from(self.state.patterns[site + ahead]);
            sum += i32::from(self.costs[(pattern ^ 1 << k) % PATTERNS]);
            sum -= i32::from(self.costs[pattern % PATTERNS]);
        }
        sum
    }

    /// What the cells' penalties are more once a pixel is the other.
    #[inline(always)]
    fn fault_of_flip(&self, pixel: &Pixel) -> i32 {
        let sign = if self.is_ink(pixel.site as usize) { -1 } else { 1 };
        let mut sum = 0;
        for (&c, w) in pixel.cells.iter().zip(pixel.weights) {
            let cell = &self.state.cells[usize::from(c)];
            sum += self.penalty.of(cell, cell.ink + sign * w) - cell.fault;
        }
        sum
    }

    #[inline(always)]
    fn turn(&mut self, site: usize) {
        for (k, ahead) in self.ahead.iter().enumerate() {
            self.state.patterns[site + ahead] ^= 1 << k;
        }
    }

    #[inline(always)]
    fn flip(&mut self, pixel: &Pixel) {
        let site = pixel.site as usize;
        let sign = if self.is_ink(site) { -1 } else { 1 };
        for (&c, w) in pixel.cells.iter().zip(pixel.weights) {
            let cell = &mut self.state.cells[usize::from(c)];
            cell.ink += sign * w;
            cell.fault = self.penalty.of(cell, cell.ink);
        }
        self.turn(site);
    }

    /// Proposes as many flips or swaps of the pixels in `among` as it has, at a temperature in units
    /// of cost.
    pub fn sweep(&mut self, among: &[u16], temperature: i32, weight: i32) {
        let puzzle = self.puzzle;
        for _ in 0..among.len() {
            let word = self.random.next();
            let pixel = &puzzle.free[usize::from(among[Random::below(word, among.len())])];
            let site = pixel.site as usize;
            // Within ink or blank paper a flip is rarely any good.
            let pattern = self.state.patterns[site];
            if self.is_dull(site, pattern) && word >> 12 & 7 != 0 {
                continue;
            }
            let allowed = (temperature * exponential(word)) >> LOG_FRAC;
            let cost = self.cost_of_flip(site);
            let fault = self.fault_of_flip(pixel);
            if word >> 15 & 1 == 0 {
                if cost + (fault * weight >> 8) <= allowed {
                    self.flip(pixel);
                    self.state.cost += cost;
                    self.state.fault += fault;
                }
                continue;
            }
            let away = (word >> 16) as usize % ((2 * SWAP + 1) * (2 * SWAP + 1));
            let (dy, dx) = (away / (2 * SWAP + 1), away % (2 * SWAP + 1));
            let partner = site + dy * puzzle.stride + dx - SWAP * puzzle.stride - SWAP;
            let number = puzzle.at[partner];
            if number == FIXED || self.is_ink(partner) == (pattern & 1 == 1) {
                continue;
            }
            let partner = &puzzle.free[usize::from(number)];
            self.flip(pixel);
            let cost = cost + self.cost_of_flip(partner.site as usize);
            let fault = fault + self.fault_of_flip(partner);
            if cost + (fault * weight >> 8) <= allowed {
                self.flip(partner);
                self.state.cost += cost;
                self.state.fault += fault;
            } else {
                self.flip(pixel);
            }
        }
    }

    /// Sweeps while the temperature falls from `hot` to `cold`, ever slower.
    pub fn cool(&mut self, among: &[u16], sweeps: i32, c: Cool) {
        for left in (0..sweeps).rev() {
            let done = sweeps - 1 - left;
            let t = c.cold + (c.hot - c.cold) * left / sweeps * left / sweeps;
            self.sweep(among, t, c.soft + (c.hard - c.soft) * done / sweeps * done / sweeps);
        }
    }

    /// Whether the pixels before a site and those after it are what it is.
    #[inline(always)]
    fn is_dull(&self, site: usize, pattern: u16) -> bool {
        let all = (PATTERNS - 1) as u16;
        let after = self.state.patterns[site + self.puzzle.stride + 1];
        (pattern == 0 && after == 0) || (pattern == all && after == all)
    }

    /// The bitmap's rows.
    pub fn rows(&self) -> Vec<u128> {
        let (side, stride) = (self.puzzle.side, self.puzzle.stride);
        let row = |y: usize| {
            let first = (y + MARGIN) * stride + MARGIN;
            (0..side).fold(0, |row, x| row | u128::from(self.is_ink(first + x)) << x)
        };
        (0..side).map(row).collect()
    }
}
