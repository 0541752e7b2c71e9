//! Simulated annealing of a puzzle's free pixels: flips, and swaps with a pixel nearby.

use super::CELLS;
use super::chance::{LOG_FRAC, exponential};
use super::penalty::penalty;
use super::prior::{COSTS, MARGIN, PATTERNS, TEMPLATE};
use super::puzzle::{Cell, FIXED, Pixel, Puzzle, interval};
use super::random::Random;
use super::window::Window;

/// Farthest rows or columns to a pixel that one is swapped with.
const SWAP: usize = 2;
const SWAPS: u64 = (2 * SWAP as u64 + 1).pow(2);

/// A weight of 1 of the penalties.
pub(super) const WEIGHT_ONE: i32 = 256;

/// How a search cools: contours move freely while the greys hardly count, and settle as those come
/// to count for ever more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cooling {
    /// First and last temperature, in units of cost.
    pub temperature: [i32; 2],
    /// First and last weight of the penalties, in units of 1/[`WEIGHT_ONE`].
    pub weight: [i32; 2],
}

/// A puzzle's bitmap while it is searched for.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// Pattern of each site of the padded raster: see [`TEMPLATE`].
    patterns: Vec<u16>,
    /// The cells with their ink and its penalty.
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
    /// Sites ahead to those whose patterns a pixel is part of, by the bit that it is there.
    ahead: [usize; TEMPLATE.len() + 1],
    pub state: State,
    pub random: Random,
}

impl<'a> Annealer<'a> {
    pub fn new(puzzle: &'a Puzzle, seed: u64) -> Self {
        let mut ahead = [0; TEMPLATE.len() + 1];
        for (to, (dy, dx)) in ahead[1..].iter_mut().zip(TEMPLATE) {
            *to = (-dy * puzzle.stride as i32 - dx) as usize;
        }
        let sites = puzzle.start.len() + ahead.iter().max().unwrap_or(&0);
        let state = State { patterns: vec![0; sites], cells: puzzle.cells, fault: 0, cost: 0 };
        let mut annealer = Annealer { puzzle, ahead, state, random: Random::new(seed) };
        for (site, _) in puzzle.start.iter().enumerate().filter(|(_, black)| **black) {
            annealer.state.cost += annealer.cost_of_flip(site);
            annealer.turn(site);
        }
        annealer.weigh();
        annealer
    }

    /// Computes all penalties anew.
    pub fn weigh(&mut self) {
        self.state.fault = 0;
        for cell in &mut self.state.cells {
            cell.fault = penalty(cell, cell.ink);
            self.state.fault += cell.fault;
        }
    }

    /// Takes the cell of the brightest greys that holds most ink for the brightest of all, and that for
    /// the scale of the greys.
    pub fn rescale(&mut self, window: &Window) -> i32 {
        let bright = (0..CELLS).filter(|&c| window.greys[c] >= 254);
        let maximum = bright.map(|c| self.state.cells[c].ink).max().unwrap_or(0);
        for (c, cell) in self.state.cells.iter_mut().take(CELLS).enumerate() {
            if window.is_seen[c] {
                (cell.low, cell.high) = interval(window.greys[c], maximum);
            }
        }
        self.weigh();
        maximum
    }

    /// Penalties and costs together: the less, the better.
    pub fn energy(&self) -> i32 {
        self.state.fault + self.state.cost
    }

    /// Proposes as many flips or swaps of the pixels in `among` as it has, at a temperature in units
    /// of cost, with the penalties' weight.
    pub fn sweep(&mut self, among: &[u16], temperature: i32, weight: i32) {
        let puzzle = self.puzzle;
        for _ in 0..among.len() {
            let word = self.random.next();
            let pixel = &puzzle.free[usize::from(among[Random::below(word, among.len())])];
            let site = pixel.site as usize;
            // Within ink or blank paper a flip is rarely any good.
            if self.is_dull(site) && word >> 12 & 7 != 0 {
                continue;
            }
            let allowed = (temperature * exponential(word)) >> LOG_FRAC;
            let (cost, fault) = (self.cost_of_flip(site), self.fault_of_flip(pixel));
            if word >> 15 & 1 == 0 {
                if cost + weighted(fault, weight) <= allowed {
                    self.flip(pixel, cost, fault);
                }
                continue;
            }
            let Some(partner) = self.partner(site, word >> 16) else { continue };
            self.flip(pixel, cost, fault);
            let more_cost = self.cost_of_flip(partner.site as usize);
            let more_fault = self.fault_of_flip(partner);
            if cost + more_cost + weighted(fault + more_fault, weight) <= allowed {
                self.flip(partner, more_cost, more_fault);
            } else {
                self.flip(pixel, -cost, -fault);
            }
        }
    }

    /// Sweeps while the search cools, ever slower; rescales after each where a window is given.
    pub fn cool(
        &mut self,
        among: &[u16],
        sweeps: u32,
        cooling: &Cooling,
        floating: Option<&Window>,
    ) {
        let sweeps = i64::from(sweeps);
        let between = |[from, to]: [i32; 2], part: i64| {
            from + (i64::from(to - from) * part * part / (sweeps * sweeps)) as i32
        };
        let [hot, cold] = cooling.temperature;
        for done in 0..sweeps {
            let temperature = between([cold, hot], sweeps - 1 - done);
            self.sweep(among, temperature, between(cooling.weight, done));
            if let Some(window) = floating {
                self.rescale(window);
            }
        }
    }

    /// Whether the pixel at a site is ink.
    #[inline(always)]
    fn is_ink(&self, site: usize) -> bool {
        self.state.patterns[site] & 1 == 1
    }

    /// Whether the pixels before a site and those after it are what it is.
    #[inline(always)]
    fn is_dull(&self, site: usize) -> bool {
        const ALL: u16 = (PATTERNS - 1) as u16;
        let pattern = self.state.patterns[site];
        (pattern == 0 || pattern == ALL)
            && self.state.patterns[site + self.puzzle.stride + 1] == pattern
    }

    /// A free pixel near a site that is not what it is, if it is there.
    #[inline(always)]
    fn partner(&self, site: usize, word: u64) -> Option<&'a Pixel> {
        let away = (word % SWAPS) as usize;
        let (dy, dx) = (away / (2 * SWAP + 1), away % (2 * SWAP + 1));
        let partner = site + dy * self.puzzle.stride + dx - SWAP * (self.puzzle.stride + 1);
        let number = self.puzzle.at[partner];
        (number != FIXED && self.is_ink(partner) != self.is_ink(site))
            .then(|| &self.puzzle.free[usize::from(number)])
    }

    /// What the patterns cost more once the pixel at `site` is the other.
    #[inline(always)]
    fn cost_of_flip(&self, site: usize) -> i32 {
        let mut sum = 0;
        for (k, ahead) in self.ahead.iter().enumerate() {
            let pattern = usize::from(self.state.patterns[site + ahead]);
            sum += i32::from(COSTS[(pattern ^ 1 << k) % PATTERNS]);
            sum -= i32::from(COSTS[pattern % PATTERNS]);
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
            sum += penalty(cell, cell.ink + sign * w) - cell.fault;
        }
        sum
    }

    /// Makes a pixel the other, which costs that much more.
    #[inline(always)]
    fn flip(&mut self, pixel: &Pixel, cost: i32, fault: i32) {
        let site = pixel.site as usize;
        let sign = if self.is_ink(site) { -1 } else { 1 };
        for (&c, w) in pixel.cells.iter().zip(pixel.weights) {
            let cell = &mut self.state.cells[usize::from(c)];
            cell.ink += sign * w;
            cell.fault = penalty(cell, cell.ink);
        }
        self.turn(site);
        self.state.cost += cost;
        self.state.fault += fault;
    }

    #[inline(always)]
    fn turn(&mut self, site: usize) {
        for (k, ahead) in self.ahead.iter().enumerate() {
            self.state.patterns[site + ahead] ^= 1 << k;
        }
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

#[inline(always)]
fn weighted(fault: i32, weight: i32) -> i32 {
    fault * weight / WEIGHT_ONE
}
