//! Anneals again round the cells that are still wrong, and keeps what is no worse.

use super::anneal::{Annealer, Cool};
use super::random::Random;
use super::{BOX, CELLS};

impl Annealer<'_> {
    /// Up to `tries` such searches of `sweeps` each, down from the temperature `hot` to `cold`; ends
    /// once no cell is wrong.
    pub fn repair(&mut self, tries: u32, sweeps: i32, c: Cool, random: &mut Random) -> u32 {
        let mut kept = self.state.clone();
        let mut among = Vec::new();
        for t in 0..tries {
            let wrong = (0..CELLS).filter(|&c| self.state.cells[c].fault > 0);
            let count = wrong.clone().count();
            if count == 0 {
                return t;
            }
            let word = random.next();
            let Some(centre) = wrong.clone().nth(Random::below(word, count)) else { break };
            let reach = 1 + (word & 1) as usize;
            let (y, x) = (centre / BOX, centre % BOX);
            among.clear();
            among.extend((0..self.puzzle.free.len() as u16).filter(|&n| {
                self.puzzle.free[usize::from(n)].cells.iter().any(|&c| {
                    let c = usize::from(c);
                    c < CELLS && (c / BOX).abs_diff(y) <= reach && (c % BOX).abs_diff(x) <= reach
                })
            }));
            let energy = self.state.fault + self.state.cost;
            self.cool(&among, sweeps, c);
            if self.state.fault + self.state.cost <= energy {
                kept.clone_from(&self.state);
            } else {
                self.state.clone_from(&kept);
            }
        }
        tries
    }
}
