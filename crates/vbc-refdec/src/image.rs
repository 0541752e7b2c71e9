//! Images and pixel formats (SPEC.md section 3).

use crate::elements::Bytes;
use crate::refusal::{Result, require, within};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub width: u32,
    pub height: u32,
    pub format: u8,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    pub shape: Shape,
    pub name: Option<String>,
    pub data: Vec<u8>,
}

impl Shape {
    pub(crate) fn read(b: &mut Bytes<'_>) -> Result<Self> {
        let format = b.number(1)? as u8;
        require(format < 8, "a reserved pixel format")?;
        let width = b.varint_in("the width", 1, u64::from(u32::MAX))? as u32;
        let height = b.varint_in("the height", 1, u64::from(u32::MAX))? as u32;
        Ok(Shape { width, height, format })
    }

    pub(crate) fn channels(&self) -> usize {
        usize::from(self.format % 4) + 1
    }

    pub(crate) fn bytes(&self) -> Result<u64> {
        let pixels = u64::from(self.width) * u64::from(self.height);
        within("pixels of an image", pixels, 1 << 28)?;
        let bytes = pixels * self.channels() as u64 * if self.format < 4 { 1 } else { 2 };
        within("bytes of an image", bytes, 1 << 30)?;
        Ok(bytes)
    }
}
