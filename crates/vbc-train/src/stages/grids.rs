//! Grids: which greys the cells of the training images' scans have, and what that tells a pixel
//! (SPEC.md section 6.8).

use vbc::training::LOGIT_ONE;
use vbc::training::grid::{
    CellWeights, GRID_SIDES, Grid, GridCells, GridTables, GridTensors, cell_weights, grid_cells,
    grid_weight,
};

use crate::data::Images;

/// A grey that was seen less often in a cell is left out.
const LEAST: u32 = 2;

/// What stands before the first place.
const BEFORE: i8 = 3;

/// What was counted.
#[derive(Debug)]
pub struct GridCounts {
    cells: GridCells,
    /// `[cell][grey]`.
    counts: Vec<[u32; 256]>,
    tensors: GridTensors,
    /// The codec's tables of it.
    pub tables: GridTables,
}

/// Cell and grey of each of an image's pixels that are ink.
#[derive(Debug, Default)]
pub struct Cells(Vec<Option<(usize, u8)>>);

impl GridCounts {
    /// Counts the images that have a grid.
    ///
    /// # Errors
    /// Where the tables are not such as the codec takes.
    pub fn new(images: &Images, grids: &[Option<Grid>]) -> Result<Self, vbc::Error> {
        let (cells, mut counts) = (GridCells::new()?, vec![[0; 256]; grid_cells()]);
        for (i, grid) in grids.iter().enumerate() {
            for (cell, grey) in of_image(&cells, images, i, *grid).0.into_iter().flatten() {
                counts[cell][usize::from(grey)] += 1;
            }
        }
        let mut tensors = symbols(grids);
        for counts in &counts {
            let kept = (1..=255).map(|v: u8| (v, counts[usize::from(v)])).filter(|c| c.1 >= LEAST);
            let before = tensors.greys.len();
            tensors.greys.extend(kept.clone().map(|c| c.0));
            tensors.weights.extend(kept.map(|c| grid_weight(c.1)));
            tensors.counts.push((tensors.greys.len() - before) as u8);
        }
        let tables = GridTables::new(&tensors)?;
        Ok(GridCounts { cells, counts, tensors, tables })
    }

    /// The tensors of a model file.
    pub fn tensors(&self) -> &GridTensors {
        &self.tensors
    }

    /// The cells of an image.
    pub fn cells_of(&self, images: &Images, index: usize, grid: Option<Grid>) -> Cells {
        of_image(&self.cells, images, index, grid)
    }

    /// What the cell of a pixel says. With `is_counted` the image is one of those that were counted, and
    /// its own greys are taken away.
    pub fn weights(&self, cells: &Cells, position: usize, is_counted: bool) -> CellWeights {
        let Some(Some((cell, _))) = cells.0.get(position) else { return [[0; 16]; 17] };
        let mut counts = self.counts[*cell];
        if is_counted {
            for (_, grey) in cells.0.iter().flatten().filter(|c| c.0 == *cell) {
                counts[usize::from(*grey)] -= 1;
            }
        }
        cell_weights(&counts.map(|count| if count >= LEAST { grid_weight(count) } else { 0 }))
    }

    /// Bits an image of the symbols of these grids, in real numbers.
    pub fn symbol_bits(&self, grids: &[Option<Grid>]) -> f64 {
        let t = &self.tensors;
        let real = |logit: i16| f64::from(logit) / f64::from(LOGIT_ONE);
        let cost = |logits: &[i16], row: usize, symbol: usize| {
            let row = &logits[16 * row..16 * (row + 1)];
            row.iter().map(|&l| real(l).exp2()).sum::<f64>().log2() - real(row[symbol])
        };
        let bits = |grid: &Option<Grid>| {
            let [side, top, left] = grid_numbers(*grid);
            let bits = cost(&t.side_high, 0, side / 16) + cost(&t.side_low, side / 16, side % 16);
            let place = cost(&t.top, 0, top) + cost(&t.left, top, left);
            bits + if grid.is_some() { place } else { 0.0 }
        };
        grids.iter().map(bits).sum::<f64>() / grids.len().max(1) as f64
    }
}

/// The numbers that stand for a grid's side, first row and first column: m less 19 and both plus 3; zeros without one.
pub fn grid_numbers(grid: Option<Grid>) -> [usize; 3] {
    let Some(grid) = grid else { return [0; 3] };
    let place = |at: i8| (at + BEFORE) as usize;
    [usize::from(grid.side) + 1, place(grid.top), place(grid.left)]
}

fn of_image(cells: &GridCells, images: &Images, index: usize, grid: Option<Grid>) -> Cells {
    let Some(grid) = grid else { return Cells::default() };
    let pixels = images.image(index).iter().enumerate();
    Cells(
        pixels
            .map(|(p, &grey)| {
                let cell = cells.cell(grid, p / images.width, p % images.width);
                cell.filter(|_| grey > 0).map(|cell| (cell, grey))
            })
            .collect(),
    )
}

/// Logits of how often each symbol is used; one that is not used counts for a fifth of a use.
fn symbols(grids: &[Option<Grid>]) -> GridTensors {
    let mut uses = [vec![0.2; 16], vec![0.2; 256], vec![0.2; 16], vec![0.2; 256]];
    for grid in grids {
        let [side, top, left] = grid_numbers(*grid);
        uses[0][side / 16] += 1.0;
        uses[1][side] += 1.0;
        if grid.is_some() {
            uses[2][top] += 1.0;
            uses[3][16 * top + left] += 1.0;
        }
    }
    // No encoder writes a size beyond the last.
    uses[0][GRID_SIDES / 16 + 1..].fill(1e-6);
    uses[1][GRID_SIDES + 1..].fill(1e-6);
    let logits = |uses: &Vec<f64>| -> Vec<i16> {
        let rows = uses.chunks_exact(16).flat_map(|row| {
            let most = row.iter().copied().fold(0.0, f64::max);
            row.iter().map(move |&n| (n / most).log2() * f64::from(LOGIT_ONE))
        });
        rows.map(|logit| logit.round() as i16).collect()
    };
    let [side_high, side_low, top, left] = uses.each_ref().map(logits);
    GridTensors { side_high, side_low, top, left, ..GridTensors::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vbc::training::scan::Scan;

    /// Bars of a scan of 48 × 48, `copies` of each of two, and a blank image.
    fn bars(copies: usize) -> (Images, Vec<Option<Grid>>) {
        let scan = |from: u32, slant: u32| {
            let row = |y: u32| ((1u128 << 11) - 1) << (from + y / slant);
            Scan::new((0..48).map(row).collect()).unwrap()
        };
        let scans = [scan(9, 3), scan(14, 5)];
        let (mut pixels, mut grids) = (Vec::new(), Vec::new());
        for scan in scans.iter().cycle().take(2 * copies) {
            pixels.extend(scan.render());
            grids.push(scan.grid());
        }
        pixels.extend([0; 784]);
        grids.push(None);
        (Images { n: 2 * copies + 1, height: 28, width: 28, channels: 1, pixels }, grids)
    }

    #[test]
    fn an_images_own_greys_are_taken_away() {
        let (images, grids) = bars(1);
        let counts = GridCounts::new(&images, &grids).unwrap();
        let cells = counts.cells_of(&images, 0, grids[0]);
        let position = images.image(0).iter().position(|&grey| grey > 0 && grey < 250).unwrap();
        let grey = usize::from(images.image(0)[position]);
        let weight =
            |is_counted| counts.weights(&cells, position, is_counted)[1 + grey / 16][grey % 16];
        let (with, without) = (weight(false), weight(true));
        assert!(with > without, "{with} {without}");
        // A slanted bar has the same greys again and again: with three images of each, two are left.
        let (images, grids) = bars(3);
        let counts = GridCounts::new(&images, &grids).unwrap();
        let cells = counts.cells_of(&images, 0, grids[0]);
        let weights = counts.weights(&cells, position, true);
        assert!(weights[1 + grey / 16][grey % 16] >= grid_weight(2));
        assert_eq!(counts.weights(&cells, 0, true), [[0; 16]; 17], "no ink, or outside");
        assert!(counts.cells_of(&images, 6, None).0.is_empty());
    }

    #[test]
    fn grids_are_found_and_cost_their_share() {
        let (images, grids) = bars(3);
        let counts = GridCounts::new(&images, &grids).unwrap();
        for (i, grid) in grids.iter().enumerate() {
            assert_eq!(counts.tables.find(images.image(i)), *grid, "{i}");
        }
        // One of two places six times of seven, or none: above the entropy of that, and not far.
        let bits = counts.symbol_bits(&grids);
        assert!((1.4..4.0).contains(&bits), "{bits}");
        assert!(counts.symbol_bits(&[None]) > 2.0 && counts.symbol_bits(&[]) == 0.0);
    }
}
