//! The range coder (SPEC.md section 7.3).

use crate::refusal::{Result, require};

pub struct Decoder<'a> {
    stream: &'a [u8],
    position: usize,
    code: u64,
    range: u64,
}

impl<'a> Decoder<'a> {
    pub fn new(stream: &'a [u8]) -> Self {
        let mut d = Decoder { stream, position: 0, code: 0, range: 1 << 40 };
        (0..5).for_each(|_| d.next_byte());
        d
    }

    /// The bytes up to position; 0 beyond the end.
    fn taken(&self, from: usize) -> impl Iterator<Item = u8> {
        (from..self.position).map(|i| self.stream.get(i).copied().unwrap_or(0))
    }

    fn next_byte(&mut self) {
        self.position += 1;
        self.code = self.taken(self.position - 1).fold(self.code, |c, b| c << 8 | u64::from(b));
    }

    /// The next symbol of a distribution.
    ///
    /// # Errors
    /// Where no encoder writes what is there.
    pub fn symbol(&mut self, f: &[u64]) -> Result<usize> {
        let unit = self.range >> 16;
        let point = self.code / unit;
        require(point < 1 << 16, "a point behind the last symbol")?;
        let (mut i, mut start) = (0, 0);
        while point >= start + f[i] {
            start += f[i];
            i += 1;
        }
        self.code -= unit * start;
        self.range = unit * f[i];
        while self.range < 1 << 32 {
            self.next_byte();
            self.range <<= 8;
        }
        Ok(i)
    }

    pub(crate) fn bits(&mut self, count: i64) -> Result<i64> {
        Ok(self.symbol(&vec![1 << (16 - count); 1 << count])? as i64)
    }

    fn low(&self) -> u64 {
        let window = self.taken(self.position - 5).fold(0, |w, b| w << 8 | u64::from(b));
        window.wrapping_sub(self.code) % (1 << 40)
    }

    /// The canonical end.
    ///
    /// # Errors
    /// Where the stream does not end as an encoder ends it.
    pub fn finish(self) -> Result<()> {
        require(self.canonical() == self.stream, "a stream that no encoder ends so")
    }

    /// The stream that an encoder makes of the symbols: all bytes taken less `code`, and the tail.
    pub(crate) fn canonical(&self) -> Vec<u8> {
        let mut number: Vec<u8> = self.taken(0).collect();
        let mut add = |amount: i64| {
            let mut carry = amount;
            for byte in number.iter_mut().rev() {
                carry += i64::from(*byte);
                *byte = carry as u8;
                carry >>= 8;
            }
        };
        add(-(self.code as i64));
        let (low, written) = (self.low(), self.position - 5);
        let carries = low + self.range > 1 << 40;
        if low != 0 {
            add(if carries { (1 << 40) - low as i64 } else { (1 << 32) - 1 });
        }
        number.truncate(if low == 0 || carries { written } else { written + 1 });
        number
    }
}
