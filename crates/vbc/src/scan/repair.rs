//! Anneals again round the cells that are still wrong, and keeps what is no worse.

use super::anneal::{Annealer, Cooling};
use super::random::Random;
use super::{BOX, CELLS};

impl Annealer<'_> {
    /// Number of cells whose ink is outside its interval.
    pub fn wrong(&self) -> usize {
        self.state.cells.iter().filter(|c| c.fault > 0).count()
    }

    /// Up to `tries` such searches of `sweeps` each; ends once no cell is wrong.
    pub fn repair(&mut self, tries: u32, sweeps: u32, cooling: &Cooling) {
        let mut kept = self.state.clone();
        let mut among = Vec::with_capacity(self.puzzle.free.len());
        for _ in 0..tries {
            let wrong = (0..CELLS).filter(|&c| self.state.cells[c].fault > 0);
            let word = self.random.next();
            let number = Random::below(word, wrong.clone().count());
            let Some(centre) = { wrong }.nth(number) else { return };
            self.near(centre, 1 + (word & 1) as usize, &mut among);
            let energy = self.energy();
            self.cool(&among, sweeps, cooling, None);
            if self.energy() <= energy {
                kept.clone_from(&self.state);
            } else {
                self.state.clone_from(&kept);
            }
        }
    }

    /// Finds the free pixels on cells that are at most `reach` rows and columns from a cell.
    fn near(&self, centre: usize, reach: usize, among: &mut Vec<u16>) {
        let is_near = |&c: &u16| {
            let c = usize::from(c);
            c < CELLS
                && (c / BOX).abs_diff(centre / BOX) <= reach
                && (c % BOX).abs_diff(centre % BOX) <= reach
        };
        among.clear();
        for (number, pixel) in self.puzzle.free.iter().enumerate() {
            if pixel.cells.iter().any(is_near) {
                among.push(number as u16);
            }
        }
    }
}
