//! Simulated annealing of a puzzle's free pixels: flips, and swaps with a pixel nearby.

use super::CELLS;
use super::chance::{LOG_FRAC, exponential};
use super::flips::{Flip, Touched};
use super::penalty::penalty;
use super::prior::{COSTS, MARGIN, MOST_SAVED, PATTERNS, TEMPLATE};
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
    /// What a flip of each free pixel costs.
    flips: Vec<Flip>,
}

/// Searches one puzzle.
#[derive(Debug)]
pub(super) struct Annealer<'a> {
    pub puzzle: &'a Puzzle,
    /// Sites ahead to those whose patterns a pixel is part of, by the bit that it is there.
    ahead: [usize; TEMPLATE.len() + 1],
    touched: Touched,
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
        let flips = vec![Flip::default(); puzzle.free.len()];
        let (patterns, cells) = (vec![0; sites], puzzle.cells);
        let state = State { patterns, cells, fault: 0, cost: 0, flips };
        let (touched, random) = (Touched::new(puzzle, &ahead), Random::new(seed));
        let mut annealer = Annealer { puzzle, ahead, touched, state, random };
        for (site, _) in puzzle.start.iter().enumerate().filter(|(_, black)| **black) {
            annealer.turn(site, annealer.cost_of_flip(site));
        }
        for (number, pixel) in puzzle.free.iter().enumerate() {
            annealer.state.flips[number].cost = annealer.cost_of_flip(pixel.site as usize);
        }
        annealer.weigh();
        annealer
    }

    /// Computes all penalties anew.
    fn weigh(&mut self) {
        self.state.fault = 0;
        for cell in &mut self.state.cells {
            cell.fault = penalty(cell, cell.ink);
            self.state.fault += cell.fault;
        }
        for (number, pixel) in self.puzzle.free.iter().enumerate() {
            self.state.flips[number].fault = self.fault_of_flip(pixel);
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

    /// Proposes a flip of each of the pixels in `among`, and as many swaps, at a temperature in units of cost, with
    /// the penalties' weight.
    pub fn sweep(&mut self, among: &[u16], temperature: i32, weight: i32) {
        let puzzle = self.puzzle;
        let allowed = |word: u64| (temperature * exponential(word)) >> LOG_FRAC;
        for &number in among {
            let Flip { cost, fault } = self.state.flips[usize::from(number)];
            if cost + weighted(fault, weight) <= allowed(self.random.next()) {
                let pixel = &puzzle.free[usize::from(number)];
                self.pour(pixel, self.sign(pixel.site as usize), fault);
                self.turn(pixel.site as usize, cost);
                self.update(pixel);
            }
        }
        for _ in among {
            let word = self.random.next();
            let number = usize::from(among[Random::below(word, among.len())]);
            let pixel = &puzzle.free[number];
            let site = pixel.site as usize;
            let Some(partner) = self.partner(site, word >> 16) else { continue };
            let (Flip { cost, fault }, sign) = (self.state.flips[number], self.sign(site));
            self.pour(pixel, sign, fault);
            let more_fault = self.fault_of_flip(partner);
            let allowed = allowed(word) - weighted(fault + more_fault, weight);
            // Patterns are looked up only where they can decide.
            let mut is_good = cost - MOST_SAVED <= allowed;
            if is_good {
                self.turn(site, cost);
                let more_cost = self.cost_of_flip(partner.site as usize);
                is_good = cost + more_cost <= allowed;
                if is_good {
                    self.pour(partner, -sign, more_fault);
                    self.turn(partner.site as usize, more_cost);
                    self.update(pixel);
                    self.update(partner);
                } else {
                    self.turn(site, -cost);
                }
            }
            if !is_good {
                self.pour(pixel, -sign, -fault);
            }
        }
    }

    /// Finds anew what flips cost that a flip of a pixel has changed.
    fn update(&mut self, pixel: &Pixel) {
        for site in self.touched.by_patterns(pixel.site as usize) {
            let number = self.puzzle.at.get(site).copied().unwrap_or(FIXED);
            if number != FIXED {
                self.state.flips[usize::from(number)].cost = self.cost_of_flip(site);
            }
        }
        for &c in &pixel.cells {
            for &number in self.touched.of_cell(c.into()) {
                let number = usize::from(number);
                self.state.flips[number].fault = self.fault_of_flip(&self.puzzle.free[number]);
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

    /// Whether a flip of the pixel at a site adds ink, as 1, or takes it, as -1.
    #[inline(always)]
    fn sign(&self, site: usize) -> i32 {
        if self.is_ink(site) { -1 } else { 1 }
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
        let sign = self.sign(pixel.site as usize);
        let mut sum = 0;
        for (&c, w) in pixel.cells.iter().zip(pixel.weights) {
            let cell = &self.state.cells[usize::from(c)];
            sum += penalty(cell, cell.ink + sign * w) - cell.fault;
        }
        sum
    }

    /// Adds what a pixel holds to its cells, or takes it from them, which costs `fault` more.
    #[inline(always)]
    fn pour(&mut self, pixel: &Pixel, sign: i32, fault: i32) {
        for (&c, w) in pixel.cells.iter().zip(pixel.weights) {
            let cell = &mut self.state.cells[usize::from(c)];
            cell.ink += sign * w;
            cell.fault = penalty(cell, cell.ink);
        }
        self.state.fault += fault;
    }

    /// Makes the pixel at a site the other, which costs that much more.
    #[inline(always)]
    fn turn(&mut self, site: usize, cost: i32) {
        for (k, ahead) in self.ahead.iter().enumerate() {
            self.state.patterns[site + ahead] ^= 1 << k;
        }
        self.state.cost += cost;
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

#[cfg(test)]
mod tests {
    use super::super::puzzle::{full, full_maximum};
    use super::super::{IMAGE, Scan};
    use super::*;

    #[test]
    fn what_flips_cost_is_kept_up_to_date() {
        for side in [53, 64, 96] {
            let centre = side as i64 / 2;
            let row = |y: i64| {
                let is_ink = |x: &i64| (y - centre).pow(2) + (x - centre).pow(2) < centre * centre;
                (0..side as i64).filter(is_ink).fold(0u128, |row, x| row | 1 << x)
            };
            let image = Scan::new((0..side as i64).map(row).collect()).unwrap().render();
            let first =
                |line: &dyn Fn(usize) -> bool| (0..IMAGE).find(|&k| line(k)).unwrap() as i32;
            let top = first(&|y| image[y * IMAGE..][..IMAGE].iter().any(|&v| v > 0));
            let left = first(&|x| image[x..].iter().step_by(IMAGE).any(|&v| v > 0));
            let window = Window::new(&image, [top, left]);
            let maximum = full_maximum(&window.greys, &full(side));
            let puzzle = Puzzle::new(&window, side, maximum, 0, 400).unwrap();
            let among: Vec<u16> = (0..puzzle.free.len() as u16).collect();
            let mut annealer = Annealer::new(&puzzle, 1);
            let mut rows = annealer.rows();
            for hot in [4000, 400] {
                // Hot enough for many flips and swaps.
                annealer.sweep(&among, hot, 10);
                assert_ne!(
                    std::mem::replace(&mut rows, annealer.rows()),
                    annealer.rows(),
                    "{side}"
                );
                for (pixel, flip) in puzzle.free.iter().zip(&annealer.state.flips) {
                    let cost = annealer.cost_of_flip(pixel.site as usize);
                    let fault = annealer.fault_of_flip(pixel);
                    assert_eq!(*flip, Flip { cost, fault }, "{side}");
                }
                let costs =
                    annealer.state.patterns.iter().map(|&p| i32::from(COSTS[usize::from(p)]));
                let blank = i32::from(COSTS[0]) * annealer.state.patterns.len() as i32;
                assert_eq!(annealer.state.cost, costs.sum::<i32>() - blank, "{side}");
                let energy = annealer.energy();
                annealer.weigh();
                assert_eq!(annealer.energy(), energy, "{side}");
            }
        }
    }
}
