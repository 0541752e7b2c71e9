//! Symbols of a grid whose side no latent tells (SPEC.md section 6.8.3).

use crate::grid::Grid;
use crate::range_coder::Decoder;
use crate::refusal::{Result, require};
use crate::softmax::frequencies;
use crate::tensors::Tensors;

/// The logits of the symbols of a grid.
pub(super) struct Symbols {
    side_high: Vec<i64>,
    side_low: Vec<i64>,
    top: Vec<i64>,
    left: Vec<i64>,
}

impl Symbols {
    // 9.2
    pub(super) fn load(t: &mut Tensors<'_>) -> Result<Self> {
        Ok(Symbols {
            side_high: t.flat("grid.side.high", 2, 16)?,
            side_low: t.flat("grid.side.low", 2, 256)?,
            top: t.flat("grid.top", 2, 16)?,
            left: t.flat("grid.left", 2, 256)?,
        })
    }

    pub(super) fn grid(&self, coder: &mut Decoder<'_>) -> Result<Option<Grid>> {
        let high = coder.symbol(&frequencies(&self.side_high))?;
        let low = coder.symbol(&frequencies(&self.side_low[16 * high..][..16]))?;
        let number = 16 * high + low;
        require(number <= 101, "a side of a grid above 120")?;
        if number == 0 {
            return Ok(None);
        }
        let row = coder.symbol(&frequencies(&self.top))?;
        let column = coder.symbol(&frequencies(&self.left[16 * row..][..16]))?;
        Ok(Some(Grid::of_symbols(number, row, column)))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::refusal::Kind;

    /// All logits are 0, so that a symbol is a nibble of the stream.
    pub(crate) fn symbols() -> Symbols {
        let table = |n: usize| vec![0; n];
        let (side_high, side_low, top, left) = (table(16), table(256), table(16), table(256));
        Symbols { side_high, side_low, top, left }
    }

    #[test]
    fn numbers_of_sides() {
        let found = |stream: &[u8]| symbols().grid(&mut Decoder::new(stream));
        assert_eq!(found(&[0x00, 0x12, 0x34]), Ok(None));
        assert_eq!(found(&[0x01, 0x2F]), Ok(Some(Grid { side: 20, top: -1, left: 12 })));
        assert_eq!(found(&[0x65, 0xF0]), Ok(Some(Grid { side: 120, top: 12, left: -3 })));
        for number in 102..=255 {
            let refusal = found(&[number, 0x77]).expect_err("no number of a side");
            assert_eq!(refusal.0, Kind::Corrupt);
        }
    }
}
