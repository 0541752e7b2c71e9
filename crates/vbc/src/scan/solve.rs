//! Finds the scan behind an image.
use super::anneal::{Cool, Annealer, Penalty};
use super::candidates::{candidates, cut, places, Candidate};
use super::puzzle::Puzzle;
use super::{PIXELS, Scan, CELLS};
use super::render;
use super::random::Random;

#[derive(Clone, Debug, Default)]
pub struct Found { pub rows: Vec<u128>, pub at: [i32;2], pub wrong: u32, pub fault: i32, pub cost: i32, pub maximum: i32, pub full: i32 , pub free: usize, pub contra: u32, pub log: String, pub rank: usize }

pub struct Par { pub p: Vec<i32> }

fn grade(f: &mut Found, a: &Annealer, greys: &[u8; CELLS]) {
    f.rows = a.rows();
    let ink = render::ink(f.rows.len(), &f.rows);
    f.wrong = render::greys(&ink).iter().zip(greys).filter(|(a, b)| a != b).count() as u32;
    f.maximum = (ink.iter().max().unwrap() >> 28) as i32;
    f.fault = a.state.fault; f.cost = a.state.cost;
}

pub fn find(pixels: &[u8; PIXELS], seed: u64, par: &[i32]) -> Option<Found> {
    let c = candidates(pixels, &places(pixels));
    let best = c.first()?.hits;
    let mut list: Vec<(i32, Candidate, Puzzle, [u8; CELLS], usize)> = vec![];
    let near = c.iter().filter(|c| c.hits + par[0] as u32 >= best);
    for (rank, cand) in near.enumerate() {
        let greys = cut(pixels, cand.at);
        let puzzle = Puzzle::new(&greys, cand.side, cand.maximum);
        if puzzle.contradictions > 0 { continue; }
        let mut a = Annealer::new(&puzzle, Penalty::new(par[11], par[1]), seed);
        let all: Vec<u16> = (0..puzzle.free.len() as u16).collect();
        a.cool(&all, par[2], Cool { hot: par[3], cold: par[4], soft: 256, hard: 256 });
        let e = a.state.fault + a.state.cost;
        list.push((e, *cand, puzzle, greys, rank));
    }
    list.sort_by_key(|l| l.0);
    let mut best: Option<Found> = None;
    for t in 0..par[9] {
        for (k, (e, cand, puzzle, greys, rank)) in list.iter().take(2).enumerate() {
            if k > 0 && (t > 0 && best.as_ref().is_some_and(|b| (b.rows.len(), b.at) != (cand.side, cand.at)) || *e > list[0].0 + 100 * 128) { continue; }
            let mut random = Random::new(seed * 100 + t as u64);
            let mut a = Annealer::new(puzzle, Penalty::new(par[11], par[1]), random.next());
            let all: Vec<u16> = (0..puzzle.free.len() as u16).collect();
            a.cool(&all, par[5] << t, Cool { hot: par[3], cold: par[6], soft: par[12], hard: par[13] });
            let mut f = Found { at: cand.at, free: all.len(), full: cand.maximum, contra: list.len() as u32, rank: *rank, ..Default::default() };
            let before = (0..CELLS).filter(|&c| a.state.cells[c].fault > 0).count();
            let fb = a.state.fault;
            let r = a.repair(par[7] as u32, par[8], Cool { hot: par[10], cold: par[6], soft: par[14], hard: par[13] }, &mut random);
            grade(&mut f, &a, greys);
            f.log = format!("try {t} e0 {} anneal wrong {before} fault {fb} repairs {r}", e / 128);
            if best.as_ref().is_none_or(|b| (f.wrong, f.cost) < (b.wrong, b.cost)) { best = Some(f); }
        }
        if best.as_ref().is_some_and(|b| b.wrong == 0) { return best; }
    }
    best
}
impl Found { pub fn scan(&self) -> Option<Scan> { Scan::new(self.rows.clone()) } }
