//! An image with a grid part-way, and what is seen of it from a cell (SPEC.md sections 6.9.1 to 6.9.3).

use crate::cells::{INPUTS, VALUE_INPUTS};
use crate::grid::{Grid, Grids, gates, grey_weight, high_weight};
use crate::inputs::lc;
use crate::softmax::frequencies;

/// The seven pairs of section 6.9.2.
const PAIRS: [[(i64, i64); 2]; 7] = [
    [(0, -1), (-1, 0)],
    [(-1, -1), (-1, 1)],
    [(0, -2), (-2, 0)],
    [(-1, 0), (-1, 1)],
    [(0, -1), (-1, -1)],
    [(-1, -2), (-1, 2)],
    [(-2, -1), (-2, 1)],
];

/// An image with a grid, part-way.
pub(super) struct Image {
    pub(super) grid: Grid,
    /// x̂.
    pub(super) preview: Vec<u8>,
    /// The outputs of `cells.image`.
    pub(super) vector: Vec<i64>,
    /// The cell to be coded.
    pub(super) i: i64,
    pub(super) j: i64,
    /// The cells coded so far that are above 0: place, kind, value.
    pub(super) ink: Vec<(i64, i64, usize, u8)>,
}

impl Image {
    /// Where the pixel of cell (i + di, j + dj) is in the image, if it is in it.
    pub(super) fn pixel(&self, di: i64, dj: i64) -> Option<usize> {
        let (y, x) = (self.grid.top + self.i + di, self.grid.left + self.j + dj);
        let inside = (0..28).contains(&y) && (0..28).contains(&x);
        inside.then_some((28 * y + x) as usize)
    }

    fn c(&self, (di, dj): (i64, i64)) -> u8 {
        let at = (self.i + di, self.j + dj);
        self.ink.iter().find(|ink| (ink.0, ink.1) == at).map_or(0, |ink| ink.3)
    }

    fn b(&self, di: i64, dj: i64) -> usize {
        usize::from(self.c((di, dj)) > 0)
    }

    pub(super) fn h(&self, di: i64, dj: i64) -> usize {
        self.pixel(di, dj).map_or(0, |p| usize::from(self.preview[p] >> 4))
    }

    pub(super) fn kind(&self, grids: &Grids) -> usize {
        let place = (self.grid.left + self.j, self.grid.top + self.i);
        grids.kind(self.grid, place).unwrap_or(0)
    }

    fn greys<'a>(&self, grids: &'a Grids) -> &'a [(i64, i64)] {
        grids.greys(Some(self.grid), (self.grid.left + self.j, self.grid.top + self.i))
    }

    // 6.9.1
    pub(super) fn is_plain(&self) -> bool {
        let above = (-2..=-1).flat_map(|di| (-2..=2).map(move |dj| (di, dj)));
        [(0, -2), (0, -1)].into_iter().chain(above).all(|at| self.c(at) == 0)
    }

    // 6.9.2
    pub(super) fn inputs(&self, grids: &Grids) -> Vec<usize> {
        let level = |at: (i64, i64)| match self.c(at) {
            0 => 0,
            v => usize::from(v >> 4).max(1),
        };
        let mut inputs: Vec<usize> = PAIRS
            .iter()
            .enumerate()
            .map(|(k, &[a, b])| 256 * k + 16 * level(a) + level(b))
            .collect();
        let above: usize = (0..9).map(|n| self.b(-1, n - 4) << n).sum();
        let far: usize = (0..7).map(|n| self.b(-2, n - 3) << n).sum();
        let beside: usize = (0..3).map(|n| self.b(0, n - 3) << (n + 7)).sum();
        let rows_above = self.ink.iter().filter(|ink| ink.0 < self.i);
        let (ink, full) = (rows_above.clone().count(), rows_above.filter(|c| c.3 >= 240).count());
        inputs.extend([
            1_792 + above,
            2_304 + far + beside,
            3_328 + 16 * self.h(0, 0) + self.h(0, 1),
            3_584 + 16 * self.h(1, 0) + self.h(1, 1),
            3_840 + 16 * self.h(0, -1) + self.h(1, -1),
            4_096 + (20 * self.i + self.j) as usize,
            4_496 + self.grid.side - 20,
            4_597 + 16 * (ink / 16).min(15) + 16 * full / (ink + 1),
            INPUTS + grids.class(self.grid, self.i as usize),
            INPUTS + grids.class(self.grid, self.j as usize),
        ]);
        inputs
    }

    /// q of section 6.9.3.
    fn q(&self, grids: &Grids) -> u8 {
        let kind = self.kind(grids);
        self.ink.iter().rev().find(|ink| ink.2 == kind).map_or(0, |ink| ink.3)
    }

    /// The one-hots of a network of values: section 6.9.3.
    pub(super) fn value_inputs(&self, grids: &Grids) -> Vec<usize> {
        let all = self.inputs(grids);
        let pairs =
            [0, 2, 3, 4].into_iter().enumerate().map(|(k, pair)| all[pair] + 256 * k - 256 * pair);
        let middle = all[9..15].iter().map(|input| input - 3_328 + 1_024);
        let values = [self.c((0, -1)), self.c((-1, 0)), self.q(grids)];
        let values = values.into_iter().enumerate().map(|(k, v)| 2_549 + 256 * k + usize::from(v));
        let classes = all[15..].iter().map(|input| input - INPUTS + VALUE_INPUTS);
        pairs.chain(middle).chain(values).chain(classes).collect()
    }

    /// C(n) of section 6.9.3, for the cells of which `is` says so.
    fn counted(&self, is: impl Fn(u8) -> bool) -> i64 {
        16 * lc(self.ink.iter().filter(|ink| is(ink.3)).count().min(255))
    }

    // 6.9.3
    pub(super) fn high(&self, grids: &Grids, o: &[i64]) -> Vec<u64> {
        let logit = |t: u8| {
            let [weight, known] = gates(high_weight(self.greys(grids), t));
            let count = self.counted(|v| v >> 4 == t);
            o[usize::from(t)] + ((128 + o[16] * count + o[17] * weight + o[18] * known) >> 8)
        };
        frequencies(&(0..16).map(logit).collect::<Vec<i64>>())
    }

    pub(super) fn low(&self, grids: &Grids, p: &[i64], h: u8) -> Vec<u64> {
        let q = self.q(grids);
        let logit = |t: u8| {
            let value = 16 * h + t;
            let [weight, known] = gates(grey_weight(self.greys(grids), value));
            let count = self.counted(|v| v == value);
            let copied = if q > 0 && q == value { 256 } else { 0 };
            let sum = 128 + p[16] * count + p[17] * copied + p[18] * weight + p[19] * known;
            p[usize::from(t)] + (sum >> 8)
        };
        frequencies(&(0..16).map(logit).collect::<Vec<i64>>())
    }

    pub(super) fn pixels(&self) -> Vec<u8> {
        let mut pixels = vec![0; 784];
        for &(i, j, _, value) in &self.ink {
            pixels[(28 * (self.grid.top + i) + self.grid.left + j) as usize] = value;
        }
        pixels
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::tests::grids;

    /// A grid of side 30, of which line i is of class (i + 1) mod 3, over greys that are all different
    /// near one another.
    fn image(ink: &[(i64, i64, u8)], (i, j): (i64, i64)) -> Image {
        let preview = (0..784).map(|p| (37 * p % 256) as u8).collect();
        let grid = Grid { side: 30, top: -2, left: 11 };
        let mut image = Image { grid, preview, vector: Vec::new(), i: 0, j: 0, ink: Vec::new() };
        for &(i, j, v) in ink {
            (image.i, image.j) = (i, j);
            image.ink.push((i, j, image.kind(&grids()), v));
        }
        (image.i, image.j) = (i, j);
        image
    }

    #[test]
    fn cells_lie_in_the_image_or_not() {
        let at = |i, j| image(&[], (i, j)).pixel(0, 0);
        assert_eq!(
            [at(0, 0), at(1, 5), at(2, 0), at(2, 16), at(2, 17)],
            [None, None, Some(11), Some(27), None]
        );
        assert_eq!(image(&[], (2, 0)).h(1, 1), (37 * 40 % 256) >> 4);
        assert_eq!(image(&[], (2, 0)).h(-1, 0), 0);
    }

    #[test]
    fn ink_near_is_twelve_cells() {
        let near = (0..20).flat_map(|i| (0..20).map(move |j| (i, j)));
        let near = near.filter(|&(i, j)| !image(&[(i, j, 9)], (10, 10)).is_plain());
        let expected = (8..10).flat_map(|i| (8..13).map(move |j| (i, j)));
        assert!(near.eq(expected.chain([(10, 8), (10, 9)])));
    }

    #[test]
    fn counts_are_logarithms() {
        let image = image(&[(2, 0, 250), (2, 1, 250), (2, 2, 255), (3, 0, 3)], (5, 5));
        assert_eq!(image.counted(|v| v >> 4 == 15), 16 * 32);
        assert_eq!([image.counted(|v| v == 250), image.counted(|v| v == 4)], [16 * 25, 0]);
        assert_eq!(image.pixels().iter().filter(|v| **v > 0).count(), 4);
    }

    #[test]
    fn inputs_of_one_cell() {
        let above = [(8, 8, 17), (8, 14, 255), (9, 11, 3), (9, 15, 16)];
        let image = image(&[&above[..], &[(10, 8, 240), (10, 10, 200)]].concat(), (10, 11));
        let pairs = [193, 256, 512, 768 + 16, 1_024 + 192, 1_280, 1_536];
        let bits = [1_792 + 16 + 256, 2_304 + 1 + 64 + 128 + 512];
        let greys = [3_328 + 16 * 8 + 11, 3_584 + 16 * 9 + 11, 3_840 + 16 * 6 + 7];
        // One of four cells above is full, and the sides below have 23 classes.
        let others = [4_096 + 211, 4_496 + 10, 4_597 + 3, 4_853 + 23 + 2, 4_853 + 23];
        assert_eq!(image.inputs(&grids()), [&pairs[..], &bits, &greys, &others].concat());
    }

    #[test]
    fn levels_of_pairs() {
        let near = [(-1, -2), (-1, 2), (-2, -1), (-2, 1), (-1, -1)];
        let near = near.into_iter().chain([(-1, 1), (0, -2), (-2, 0), (0, -1), (-1, 0)]);
        let ink = near.zip(2..).map(|((di, dj), level)| (10 + di, 10 + dj, 16 * level));
        let inputs = image(&ink.collect::<Vec<_>>(), (10, 10)).inputs(&grids());
        let levels = [[10, 11], [6, 7], [8, 9], [11, 7], [10, 6], [2, 3], [4, 5]];
        let levels = levels.iter().zip(0..).map(|([a, b], k)| 256 * k + 16 * a + b);
        assert!(inputs[..7].iter().copied().eq(levels));
    }

    #[test]
    fn inputs_of_a_network_of_values() {
        let above = [(8, 8, 17), (8, 11, 40), (8, 14, 255), (9, 11, 3), (9, 12, 70), (9, 15, 16)];
        let image = |last: usize| {
            let mut image =
                image(&[&above[..], &[(10, 9, 0x77), (10, 10, 200)]].concat(), (10, 11));
            let kind = image.kind(&grids());
            image.ink.iter_mut().for_each(|ink| ink.2 = kind + 1);
            image.ink.get_mut(last).into_iter().for_each(|ink| ink.2 = kind);
            image
        };
        let pairs = [192 + 1, 256 + 112 + 2, 512 + 16 + 4, 768 + 192];
        let greys = [1_024 + 16 * 8 + 11, 1_280 + 16 * 9 + 11, 1_536 + 16 * 6 + 7];
        // One of six cells above is full, and the sides below have 23 classes.
        let others = [1_792 + 211, 2_192 + 10, 2_293 + 2, 2_549 + 200, 2_805 + 3];
        for (last, q) in [(2, 255), (0, 17), (9, 0)] {
            let last_ones = [3_061 + q, 3_317 + 23 + 2, 3_317 + 23];
            let expected = [&pairs[..], &greys, &others, &last_ones].concat();
            assert_eq!(image(last).value_inputs(&grids()), expected);
        }
    }

    #[test]
    fn counts_have_a_limit() {
        let all = (0..380).map(|n| (n / 20, n % 20, 255)).collect::<Vec<_>>();
        let image = image(&all, (19, 0));
        assert_eq!(image.inputs(&grids())[14], 4_597 + 255);
        assert_eq!(image.counted(|v| v == 255), 16 * 128);
    }

    #[test]
    fn each_part_of_the_list_has_one() {
        let grids = grids();
        let starts = (0..8).map(|k| 256 * k);
        let starts = starts.chain([2_304, 3_328, 3_584, 3_840, 4_096, 4_496, 4_597, 4_853]);
        let starts: Vec<usize> = starts.chain([4_853 + grids.classes()]).collect();
        for (side, value) in [(20, 1), (71, 16), (120, 255)] {
            let mut image = image(&[], (0, 0));
            (image.grid, image.preview) = (Grid { side, top: 4, left: 4 }, vec![value; 784]);
            for n in 0..400 {
                (image.i, image.j) = (n / 20, n % 20);
                let a = image.inputs(&grids);
                assert_eq!(a.len(), starts.len());
                for part in starts.windows(2) {
                    let found = a.iter().filter(|i| (part[0]..part[1]).contains(i)).count();
                    let wanted = if part[0] == 4_853 { 2 } else { 1 };
                    assert_eq!(found, wanted, "{part:?} at {n}");
                }
                image.ink.push((image.i, image.j, 0, value));
            }
        }
    }

    /// The sixteen distributions of low nibbles, with every second entry of `cells.low` 1000.
    fn lows(image: &Image, o: &[i64]) -> Vec<Vec<u64>> {
        let low: Vec<i64> = (0..256).map(|n| n % 2 * 1000).collect();
        let of = |h: usize| [&low[16 * h..16 * h + 16], &o[19..]].concat();
        (0..16).map(|h| image.low(&grids(), &of(h.into()), h)).collect()
    }

    /// The same, with something added to the logits of some values.
    fn plus(more: &[(usize, i64)]) -> Vec<Vec<u64>> {
        let mut logits: Vec<i64> = (0..256).map(|n| n % 2 * 1000).collect();
        more.iter().for_each(|&(value, l)| logits[value] += l);
        logits.chunks(16).map(frequencies).collect()
    }

    fn only(at: usize, value: i64) -> Vec<i64> {
        (0..23).map(|n| if n == at { value } else { 0 }).collect()
    }

    #[test]
    fn the_last_value_of_a_kind() {
        let o = only(20, 777);
        // The classes of row and column are 2 and 2, 2 and 0, 0 and 2, 2 and 2.
        let ink = [(1, 4, 37), (1, 2, 99), (5, 7, 98), (7, 4, 36)];
        assert_eq!(lows(&image(&ink, (10, 10)), &o), plus(&[(36, 777)]));
        assert_eq!(lows(&image(&ink[..3], (10, 10)), &o), plus(&[(37, 777)]));
        for place in [(10, 11), (11, 10)] {
            assert_eq!(lows(&image(&ink, place), &o), plus(&[(98, 777)]));
        }
        assert_eq!(lows(&image(&ink, (9, 10)), &o), plus(&[]));
    }

    #[test]
    fn what_is_added_to_a_nibble() {
        let grids = grids();
        let image = image(&[(2, 0, 250), (2, 1, 250), (2, 3, 255), (3, 0, 3)], (10, 10));
        // The one grey of the kind, and its weight of 7, which is that of its high nibble too.
        let grey = image.greys(&grids)[0].0 as usize;
        for (at, high, low) in [
            (5, vec![(5, 905)], vec![]),
            (16, vec![(15, 1_810), (0, 905)], vec![]),
            (17, vec![(grey >> 4, (128 + 905 * 112) >> 8)], vec![]),
            (18, vec![(grey >> 4, 905)], vec![]),
            (19, vec![], vec![(250, (128 + 905 * 400) >> 8), (255, 905), (3, 905)]),
            (21, vec![], vec![(grey, (128 + 905 * 112) >> 8)]),
            (22, vec![], vec![(grey, 905)]),
        ] {
            let mut logits = [0; 16];
            high.into_iter().for_each(|(t, l): (usize, i64)| logits[t] = l);
            let o = only(at, 905);
            assert_eq!(image.high(&grids, &o), frequencies(&logits), "output {at}");
            assert_eq!(lows(&image, &o), plus(&low), "output {at}");
        }
    }
}
