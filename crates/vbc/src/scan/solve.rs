//! Finds the scan behind an image: sizes and places by the bright cells, then a short search of each,
//! then longer ones of the best.

use super::anneal::{Annealer, Cooling};
use super::candidates::{Candidate, candidates, cut};
use super::prior::BIT;
use super::probe::places;
use super::puzzle::Puzzle;
use super::{CELLS, PIXELS, Scan, render};

/// How long [`solve`] searches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Searches from the start; each sweeps twice as often as the one before.
    pub tries: u32,
    /// Sweeps of the first one over all pixels.
    pub sweeps: u32,
    /// Searches after each, round a cell that is wrong.
    pub repairs: u32,
    /// Sweeps of each of those.
    pub repair_sweeps: u32,
}

impl Default for Effort {
    fn default() -> Self {
        Effort { tries: 3, sweeps: 150, repairs: 100, repair_sweeps: 30 }
    }
}

/// A scan, and the pixels that it renders otherwise than the image has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Solved {
    /// The scan.
    pub scan: Scan,
    /// Position in raster order and true grey of each wrong pixel, by position.
    pub wrong: Vec<(u16, u8)>,
}

/// How widely is looked for sizes and places; later ones only where those before find nothing good.
struct Search {
    /// Whether the ink may be anywhere along the shorter side of the box.
    anywhere: bool,
    /// Cells whose greys may contradict the others'.
    ignored: usize,
    /// Sixteenths that the brightest cell may lack of being black all over.
    slack: i32,
}

const SEARCHES: [Search; 3] = [
    Search { anywhere: false, ignored: 0, slack: 0 },
    Search { anywhere: true, ignored: 12, slack: 0 },
    Search { anywhere: false, ignored: 0, slack: 6 },
];

/// Wrong cells up to which a size is taken to be the right one.
const GOOD: usize = 4;

/// Sizes and places that are searched at all, and those that are searched for longer.
const SHORTLIST: usize = 128;
const FINALISTS: usize = 2;

/// What a finalist may have more energy than the first.
const CLOSE: i32 = 100 * BIT;

/// What a cell that is not heeded, hence likely a correction, counts among the costs.
const IGNORED: i32 = 20 * BIT;

const SHORT_SWEEPS: u32 = 8;
const SHORT: Cooling = Cooling { temperature: [185, 90], weight: [256, 256] };
const LONG: Cooling = Cooling { temperature: [185, 90], weight: [20, 1024] };
const REPAIR: Cooling = Cooling { temperature: [185, 90], weight: [30, 1024] };

/// A size and place with its puzzle.
struct Contender {
    candidate: Candidate,
    greys: [u8; CELLS],
    puzzle: Puzzle,
    energy: i32,
}

/// The outcome of a search.
struct Outcome {
    rows: Vec<u128>,
    contender: usize,
    /// Wrong cells, then the bitmap's cost.
    badness: (usize, i32),
}

/// Looks for the scan that renders to an image. `None` where none is found that gives nearly all of
/// it. The same on every machine for the same `seed`.
pub fn solve(pixels: &[u8; PIXELS], effort: &Effort, seed: u64) -> Option<Solved> {
    let mut best: Option<Solved> = None;
    for search in &SEARCHES {
        let contenders = contenders(pixels, search, seed);
        if let Some(rows) = contest(&contenders, effort, seed) {
            let solved = Solved::new(Scan::new(rows)?, pixels);
            if best.as_ref().is_none_or(|b| solved.wrong.len() < b.wrong.len()) {
                best = Some(solved);
            }
        }
        if best.as_ref().is_some_and(|b| b.wrong.len() <= GOOD) {
            break;
        }
    }
    best
}

impl Solved {
    fn new(scan: Scan, pixels: &[u8; PIXELS]) -> Self {
        let rendered = scan.render();
        let pairs = (0..).zip(pixels.iter().zip(&rendered));
        let wrong = pairs.filter(|(_, (a, b))| a != b).map(|(p, (&grey, _))| (p, grey)).collect();
        Solved { scan, wrong }
    }
}

/// The sizes and places that a search allows, those that a short look likes best first.
fn contenders(pixels: &[u8; PIXELS], search: &Search, seed: u64) -> Vec<Contender> {
    let places = places(pixels, search.anywhere);
    let mut list = Vec::new();
    for candidate in candidates(pixels, &places, search.ignored).into_iter().take(SHORTLIST) {
        let greys = cut(pixels, candidate.at);
        let Candidate { side, maximum, .. } = candidate;
        let Some(puzzle) = Puzzle::new(&greys, side, maximum, search.slack, search.ignored) else {
            continue;
        };
        let mut annealer = Annealer::new(&puzzle, seed);
        annealer.cool(&all(&puzzle), SHORT_SWEEPS, &SHORT);
        let energy = annealer.energy() + puzzle.ignored as i32 * IGNORED;
        list.push(Contender { candidate, greys, puzzle, energy });
    }
    list.sort_by_key(|c| c.energy);
    list.truncate(FINALISTS);
    let limit = list.first().map_or(0, |c| c.energy + CLOSE);
    list.retain(|c| c.energy <= limit);
    list
}

fn all(puzzle: &Puzzle) -> Vec<u16> {
    (0..puzzle.free.len() as u16).collect()
}

/// The best bitmap that the contenders' searches find.
fn contest(contenders: &[Contender], effort: &Effort, seed: u64) -> Option<Vec<u128>> {
    let mut best: Option<Outcome> = None;
    for number in 0..effort.tries {
        for (index, contender) in contenders.iter().enumerate() {
            if number > 0 && best.as_ref().is_some_and(|b| b.contender != index) {
                continue;
            }
            let puzzle = &contender.puzzle;
            let mut annealer = Annealer::new(puzzle, seed ^ u64::from(number) << 32);
            let sweeps = effort.sweeps.saturating_mul(1 << number.min(8));
            annealer.cool(&all(puzzle), sweeps, &LONG);
            annealer.repair(effort.repairs, effort.repair_sweeps, &REPAIR);
            let rows = annealer.rows();
            let greys = render::greys(&render::ink(puzzle.side, &rows));
            let wrong = greys.iter().zip(&contender.greys).filter(|(a, b)| a != b).count();
            let badness = (wrong, annealer.state.cost);
            if best.as_ref().is_none_or(|b| badness < b.badness) {
                best = Some(Outcome { rows, contender: index, badness });
            }
        }
        if best.as_ref().is_none_or(|b| b.badness.0 == 0) {
            break;
        }
    }
    best.map(|b| b.rows)
}
