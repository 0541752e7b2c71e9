//! Finds the scan behind an image: sizes and places by the bright cells, then a short search of each,
//! then longer ones of the best.

use super::anneal::{Annealer, Cooling};
use super::candidates::{Candidate, candidates};
use super::look::Look;
use super::prior::BIT;
use super::probe::places;
use super::puzzle::Puzzle;
use super::window::Window;
use super::{PIXELS, Scan};

/// How long [`solve`] searches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Searches from the start; number n sweeps n times as often as the first.
    pub tries: u32,
    /// Sweeps of the first one over all pixels.
    pub sweeps: u32,
    /// Searches after each, round a cell that is wrong.
    pub repairs: u32,
    /// Sweeps of each of those.
    pub repair_sweeps: u32,
}

impl Effort {
    /// The usual searches, `tries` of them.
    pub const fn new(tries: u32) -> Self {
        Effort { tries, sweeps: 100, repairs: 100, repair_sweeps: 60 }
    }
}

impl Default for Effort {
    fn default() -> Self {
        Effort::new(4)
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

/// Wrong cells above which neither repair nor another try is worth its time.
const HOPELESS: usize = 24;

/// Sizes and places that are searched at all, and those that are searched for longer.
const SHORTLIST: usize = 16;
const FINALISTS: usize = 2;

/// Bright cells that count for nothing where sizes are told apart.
const SPARE_HITS: u32 = 3;

/// Cells that may contradict the others' greys once the brightest cell's ink has been found.
const SETTLED_IGNORED: usize = 12;

/// What a finalist may have more energy than the first.
const CLOSE: i32 = 100 * BIT;

/// What a cell that is not heeded, hence likely a correction, counts among the costs.
const IGNORED: i32 = 20 * BIT;

const SHORT_SWEEPS: u32 = 8;
// A temperature of 1 nat at first: contours are then drawn from the prior.
const SHORT: Cooling = Cooling { temperature: [185, 90], weight: [256, 256] };
const LONG: Cooling = Cooling { temperature: [185, 90], weight: [20, 1024] };
const REPAIR: Cooling = Cooling { temperature: [185, 90], weight: [30, 1024] };

/// A size and place with its puzzle.
struct Contender {
    side: usize,
    window: Window,
    puzzle: Puzzle,
    energy: i32,
}

/// The outcome of a search.
struct Outcome {
    solved: Solved,
    contender: usize,
    /// Cost of the bitmap.
    cost: i32,
}

/// Looks for the scan that renders to an image. `None` where none is found that gives nearly all of
/// it. The same on every machine for the same `seed`.
pub fn solve(pixels: &[u8; PIXELS], effort: &Effort, seed: u64) -> Option<Solved> {
    // The first that fits is nearly always the right one.
    let first: Vec<Contender> = feasible(pixels, &SEARCHES[0]).take(1).collect();
    let mut best = contest(pixels, &first, effort, seed, GOOD);
    // Where none fits, the first search would find none either.
    for search in &SEARCHES[usize::from(first.is_empty())..] {
        if best.as_ref().is_some_and(|b| b.wrong.len() <= GOOD) {
            break;
        }
        let contenders = contenders(pixels, search, effort, seed);
        if let Some(solved) = contest(pixels, &contenders, effort, seed, HOPELESS)
            && best.as_ref().is_none_or(|b| solved.wrong.len() < b.wrong.len())
        {
            best = Some(solved);
        }
    }
    best
}

impl Solved {
    /// The image: the scan's picture with the wrong pixels put right.
    pub fn image(&self) -> [u8; PIXELS] {
        let mut image = self.scan.render();
        for &(position, grey) in &self.wrong {
            if let Some(pixel) = image.get_mut(usize::from(position)) {
                *pixel = grey;
            }
        }
        image
    }

    fn new(scan: Scan, pixels: &[u8; PIXELS]) -> Self {
        let rendered = scan.render();
        let pairs = (0..).zip(pixels.iter().zip(&rendered));
        let wrong = pairs.filter(|(_, (a, b))| a != b).map(|(p, (&grey, _))| (p, grey)).collect();
        Solved { scan, wrong }
    }
}

/// The sizes and places that a search allows, those with the most hits first, as they are asked for.
fn feasible(pixels: &[u8; PIXELS], search: &Search) -> impl Iterator<Item = Contender> {
    let &Search { anywhere, ignored, slack } = search;
    let candidates = candidates(pixels, &places(pixels, anywhere), ignored).into_iter();
    let mut least_hits = 0;
    let contender = move |c: Candidate| {
        if c.hits < least_hits {
            return None;
        }
        let window = Window::new(pixels, c.at);
        if (slack, ignored) == (0, 0) && Look::new(c.side).contradicts(&window, c.maximum) {
            return Some(None);
        }
        let puzzle = Puzzle::new(&window, c.side, c.maximum, slack, ignored);
        if puzzle.is_some() {
            // A scan that fits has nearly as many hits as any that does.
            least_hits = least_hits.max((c.hits * 3 / 4).saturating_sub(SPARE_HITS));
        }
        Some(puzzle.map(|puzzle| Contender { side: c.side, window, puzzle, energy: 0 }))
    };
    candidates.map_while(contender).flatten()
}

/// The sizes and places that a search allows, those that a short look likes best first.
fn contenders(
    pixels: &[u8; PIXELS],
    search: &Search,
    effort: &Effort,
    seed: u64,
) -> Vec<Contender> {
    let is_floating = search.slack > 0;
    let mut list: Vec<Contender> = feasible(pixels, search).take(SHORTLIST).collect();
    for contender in &mut list {
        let puzzle = &contender.puzzle;
        let mut annealer = Annealer::new(puzzle, seed);
        let window = is_floating.then_some(&contender.window);
        annealer.cool(&all(puzzle), SHORT_SWEEPS, &SHORT, window);
        contender.energy = annealer.energy() + puzzle.ignored as i32 * IGNORED;
    }
    list.sort_by_key(|c| c.energy);
    list.truncate(FINALISTS);
    let limit = list.first().map_or(0, |c| c.energy + CLOSE);
    list.retain(|c| c.energy <= limit);
    if is_floating {
        list.retain_mut(|contender| contender.settle(effort, seed));
    }
    list
}

impl Contender {
    /// Finds how much ink the brightest cell holds, and makes the puzzle anew with that. False where
    /// it then has no solution.
    fn settle(&mut self, effort: &Effort, seed: u64) -> bool {
        let mut annealer = Annealer::new(&self.puzzle, seed);
        annealer.cool(&all(&self.puzzle), effort.sweeps, &LONG, Some(&self.window));
        let maximum = annealer.rescale(&self.window);
        let settled = Puzzle::new(&self.window, self.side, maximum, 0, SETTLED_IGNORED);
        let is_good = settled.is_some();
        self.puzzle = settled.unwrap_or_else(|| self.puzzle.clone());
        is_good
    }
}

fn all(puzzle: &Puzzle) -> Vec<u16> {
    (0..puzzle.free.len() as u16).collect()
}

/// The best bitmap that the contenders' searches find; there is a second one only where the first leaves at most
/// `hopeless` cells wrong.
fn contest(
    pixels: &[u8; PIXELS],
    contenders: &[Contender],
    effort: &Effort,
    seed: u64,
    hopeless: usize,
) -> Option<Solved> {
    let mut best: Option<Outcome> = None;
    for number in 0..effort.tries {
        for (index, contender) in contenders.iter().enumerate() {
            if number > 0 && best.as_ref().is_some_and(|b| b.contender != index) {
                continue;
            }
            let puzzle = &contender.puzzle;
            let mut annealer = Annealer::new(puzzle, seed ^ u64::from(number) << 32);
            let sweeps = effort.sweeps.saturating_mul(number + 1);
            annealer.cool(&all(puzzle), sweeps, &LONG, None);
            if annealer.wrong() <= HOPELESS {
                annealer.repair(effort.repairs, effort.repair_sweeps, &REPAIR);
            }
            let solved = Solved::new(Scan::new(annealer.rows())?, pixels);
            let cost = annealer.state.cost;
            let badness = |s: &Solved, cost: i32| (s.wrong.len(), cost);
            if best.as_ref().is_none_or(|b| badness(&solved, cost) < badness(&b.solved, b.cost)) {
                best = Some(Outcome { solved, contender: index, cost });
            }
        }
        let is_over = |b: &Outcome| {
            let wrong = b.solved.wrong.len();
            let is_free = !contenders[b.contender].puzzle.free.is_empty();
            wrong == 0 || wrong > hopeless || !is_free
        };
        if best.as_ref().is_none_or(is_over) {
            break;
        }
    }
    best.map(|b| b.solved)
}

#[cfg(test)]
mod tests {
    use super::super::random::Random;
    use super::super::{IMAGE, MAX_SIDE, MIN_SIDE};
    use super::*;

    /// A ring of a stroke's width that touches all four sides, thicker below.
    fn ring(side: usize) -> Scan {
        let centre = side as i64 - 1;
        let row = |y: i64| {
            let is_ink = |x: &i64| {
                let (dy, dx) = (2 * y - centre, 2 * x - centre);
                let hole = (side as i64 * 5 / 8).pow(2);
                let inner = (dy + side as i64 / 8).pow(2) + dx * dx;
                dy * dy + dx * dx <= centre * centre + 1 && inner > hole
            };
            (0..side as i64).filter(is_ink).fold(0u128, |row, x| row | 1 << x)
        };
        Scan::new((0..side as i64).map(row).collect()).unwrap()
    }

    #[test]
    fn rendered_scans_are_found() {
        for side in [MIN_SIDE, 29, 37, 47, 55, 63] {
            let scan = ring(side);
            let image = scan.render();
            let solved = solve(&image, &Effort::default(), 1).unwrap();
            assert_eq!(solved.wrong, [], "{side}");
            assert_eq!(solved.scan.render(), image);
            assert_eq!(solve(&image, &Effort::default(), 1), Some(solved), "the same again");
        }
    }

    #[test]
    fn a_changed_pixel_is_a_correction() {
        let mut image = ring(37).render();
        let position = (14 * IMAGE..).find(|&p| (50..200).contains(&image[p])).unwrap();
        image[position] += 3;
        let solved = solve(&image, &Effort::default(), 1).unwrap();
        assert_eq!(solved.wrong, [(position as u16, image[position])]);
    }

    #[test]
    fn other_images_end_too() {
        let effort = Effort { tries: 1, sweeps: 2, repairs: 2, repair_sweeps: 2 };
        let none = Effort { tries: 0, sweeps: 0, repairs: 0, repair_sweeps: 0 };
        let mut random = Random::new(1);
        for kind in 0..6 {
            let image = std::array::from_fn(|p| {
                let (y, x) = (p / IMAGE, p % IMAGE);
                let is_inside = (4..24).contains(&y) && (4..24).contains(&x);
                let noise = (random.next() >> 56) as u8;
                match kind {
                    0 => 0,
                    1 => noise,
                    2 if is_inside => 255,
                    3 if is_inside => noise.max(1),
                    4 if is_inside => 200 + noise / 5,
                    5 if is_inside && (y == 4 || y == 23) => 254 + (noise & 1),
                    _ => 0,
                }
            });
            for effort in [&effort, &none] {
                let Some(solved) = solve(&image, effort, 1) else { continue };
                assert!((MIN_SIDE..=MAX_SIDE).contains(&solved.scan.side()));
                let mut rendered = solved.scan.render();
                solved.wrong.iter().for_each(|&(p, grey)| rendered[usize::from(p)] = grey);
                assert_eq!(rendered, image, "{kind}");
            }
        }
    }
}
