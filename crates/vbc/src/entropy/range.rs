//! The range coder: a 40-bit interval, byte-wise renormalisation, a canonical tail.
//!
//! The coded number is a base-256 fraction. The encoder keeps the interval `low .. low + range` of
//! numbers that still stand for the symbols so far, scaled by 2⁴⁰ and shifted by the bytes already
//! written. SPEC.md section 7.3 gives the same steps without this code.

use super::bits::{Bits, log2_q16};
use super::softmax::{Interval, TOTAL_BITS};
use crate::error::{Error, Place};

const WINDOW: u32 = 40;
const MASK: u64 = (1 << WINDOW) - 1;
/// Renormalisation keeps `range` at or above this, so that `range >> TOTAL_BITS` has 16 bits.
const MIN_RANGE: u64 = 1 << (WINDOW - 8);
const TAIL: usize = (WINDOW / 8) as usize;
/// Most bytes that one symbol shifts out: its range is 2¹⁶ or more.
const SHIFTED: usize = 2;
/// Bytes that [`Encoder::out`] grows by.
const ROOM: usize = 1 << 10;

/// Writes symbols into bytes.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    /// A place for a carry that never comes, the bytes written, then [`ROOM`] or more.
    out: Vec<u8>,
    /// Where the next byte goes.
    position: usize,
    low: u64,
    range: u64,
}

impl Encoder {
    pub fn new() -> Self {
        Encoder { out: vec![0; ROOM], position: 1, low: 0, range: 1 << WINDOW }
    }

    /// Codes a symbol that takes an interval.
    #[inline(always)]
    pub fn put(&mut self, interval: Interval) {
        self.encode(interval.start.into(), interval.frequency.into());
    }

    /// Codes a symbol that takes `start .. start + frequency` of 2^[`TOTAL_BITS`].
    #[inline(always)]
    pub fn encode(&mut self, start: u32, frequency: u32) {
        debug_assert!(frequency > 0 && start + frequency <= 1 << TOTAL_BITS);
        let unit = self.range >> TOTAL_BITS;
        self.low += unit * u64::from(start);
        self.range = unit * u64::from(frequency);
        self.carry();
        // Both bytes are written, and as many of them kept as there are to shift.
        if self.position + SHIFTED > self.out.len() {
            self.out.resize(self.position + ROOM, 0);
        }
        let window = ((self.low >> (WINDOW - 16)) as u16).to_be_bytes();
        self.out[self.position..self.position + SHIFTED].copy_from_slice(&window);
        let bytes = bytes_to_shift(self.range);
        self.position += bytes as usize;
        self.low = (self.low << (8 * bytes)) & MASK;
        self.range <<= 8 * bytes;
    }

    /// Codes many symbols with each of some coders.
    pub fn put_all(coders: &mut [Encoder], symbols: &[Vec<Interval>]) {
        let mut coders = coders.chunks_exact_mut(2);
        let mut symbols = symbols.chunks_exact(2);
        for (coders, symbols) in coders.by_ref().zip(symbols.by_ref()) {
            if let ([a, b], [of_a, of_b]) = (coders, symbols) {
                // Two in turn, for a symbol has to wait for the one before it in the same stream.
                let both = of_a.len().min(of_b.len());
                let (mut first, mut second) = (std::mem::take(a), std::mem::take(b));
                for (&of_a, &of_b) in of_a.iter().zip(of_b) {
                    first.put(of_a);
                    second.put(of_b);
                }
                (*a, *b) = (first, second);
                of_a[both..].iter().for_each(|&symbol| a.put(symbol));
                of_b[both..].iter().for_each(|&symbol| b.put(symbol));
            }
        }
        for (coder, symbols) in coders.into_remainder().iter_mut().zip(symbols.remainder()) {
            let mut alone = std::mem::take(coder);
            symbols.iter().for_each(|&symbol| alone.put(symbol));
            *coder = alone;
        }
    }

    /// Codes the low `count` bits of `value`, each with probability one half; `count` ≤ 16,
    /// 0 carries no information, but makes the range a multiple of 2^[`TOTAL_BITS`].
    pub fn encode_bits(&mut self, value: u32, count: u32) {
        let frequency = 1 << (TOTAL_BITS - count);
        self.encode((value & ((1 << count) - 1)) * frequency, frequency);
    }

    /// Information coded so far: how much smaller the interval has become. That is more than the symbols' own
    /// information by what rounding the interval takes, below 2⁻¹⁵ bit a symbol.
    pub fn bits(&self) -> Bits {
        let shifted = 8 * (self.position as u64 - 1);
        Bits::from_units(((shifted + u64::from(WINDOW)) << 16) - log2_q16(self.range))
    }

    /// The bytes, with the shortest tail that names the interval.
    pub fn finish(mut self) -> Vec<u8> {
        let (value, tail) = canonical_tail(self.low, self.range);
        self.low = value;
        self.carry();
        self.out.truncate(self.position);
        for i in 0..tail {
            self.out.push((self.low >> (WINDOW - 8 * (i as u32 + 1))) as u8);
        }
        self.out.remove(0);
        self.out
    }

    /// Moves a carry out of the window into the bytes already written.
    #[inline(always)]
    fn carry(&mut self) {
        let carry = (self.low >> WINDOW) as u8;
        self.low &= MASK;
        // Added without a test, which would be mispredicted; that it runs on is rare.
        let mut at = self.position - 1;
        self.out[at] = self.out[at].wrapping_add(carry);
        if carry > self.out[at] {
            while at > 0 && self.out[at] == 0 {
                at -= 1;
                self.out[at] = self.out[at].wrapping_add(1);
            }
        }
    }
}

/// How many bytes bring `range` ≥ 2¹⁶ to [`MIN_RANGE`] or above.
#[inline(always)]
fn bytes_to_shift(range: u64) -> u32 {
    u32::from(range < MIN_RANGE) + u32::from(range < MIN_RANGE >> 8)
}

/// The number in `low .. low + range` with the fewest bytes after the window's start, the smallest
/// of them, and that count of bytes.
fn canonical_tail(low: u64, range: u64) -> (u64, usize) {
    for bytes in 0..TAIL {
        let unit = 1u64 << (WINDOW - 8 * bytes as u32);
        let value = low.div_ceil(unit) * unit;
        if value < low + range {
            return (value, bytes);
        }
    }
    (low, TAIL)
}

/// Reads symbols back. Bytes beyond the end read as zero; [`finish`](Decoder::finish) tells whether
/// all was as an encoder writes it, so the hot path needs no error.
#[derive(Debug)]
#[must_use = "only `finish` says whether the stream was valid"]
pub(crate) struct Decoder<'a> {
    data: &'a [u8],
    /// Bytes taken in, those beyond the end included.
    position: usize,
    /// The coded number less the interval's low end; less than `range` in a valid stream.
    code: u64,
    range: u64,
    valid: bool,
}

impl<'a> Decoder<'a> {
    pub fn new(data: &'a [u8]) -> Self {
        let mut d = Decoder { data, position: 0, code: 0, range: 1 << WINDOW, valid: true };
        for _ in 0..TAIL {
            d.code = (d.code << 8) | d.next_byte();
        }
        d
    }

    /// Up to [`SHIFTED`] bytes, without a branch on their number where there are more.
    #[inline(always)]
    fn next_bytes(&mut self, bytes: u32) -> u64 {
        if let Some(&window) = self.data.get(self.position..).and_then(|d| d.first_chunk()) {
            self.position += bytes as usize;
            return u64::from(u16::from_be_bytes(window)) >> (16 - 8 * bytes);
        }
        (0..bytes).fold(0, |value, _| (value << 8) | self.next_byte())
    }

    fn next_byte(&mut self) -> u64 {
        let byte = self.data.get(self.position).copied().unwrap_or(0);
        self.position += 1;
        u64::from(byte)
    }

    /// The point in `0 .. 2^TOTAL_BITS` that the next symbol's interval holds.
    #[inline(always)]
    pub fn peek(&mut self) -> u32 {
        let point = self.code / (self.range >> TOTAL_BITS);
        if point >> TOTAL_BITS != 0 {
            // Between the last symbol and the end of the interval: no encoder writes that.
            self.valid = false;
            self.code = 0;
            return 0;
        }
        point as u32
    }

    /// Takes one of two symbols of which the second starts at `start`: as [`peek`](Self::peek) and
    /// [`consume`](Self::consume), without a division.
    #[inline(always)]
    pub fn decide(&mut self, start: u32) -> bool {
        let unit = self.range >> TOTAL_BITS;
        if self.code >= unit << TOTAL_BITS {
            // As in `peek`.
            self.valid = false;
            self.code = 0;
        }
        let first = unit * u64::from(start);
        let is_second = self.code >= first;
        let second = (unit << TOTAL_BITS) - first;
        self.code -= if is_second { first } else { 0 };
        self.renormalise(if is_second { second } else { first });
        is_second
    }

    /// Takes the symbol `start .. start + frequency`, which must hold the last `peek`.
    #[inline(always)]
    pub fn consume(&mut self, start: u32, frequency: u32) {
        let unit = self.range >> TOTAL_BITS;
        self.code -= unit * u64::from(start);
        self.renormalise(unit * u64::from(frequency));
    }

    #[inline(always)]
    fn renormalise(&mut self, range: u64) {
        let bytes = bytes_to_shift(range);
        self.code = (self.code << (8 * bytes)) | self.next_bytes(bytes);
        self.range = range << (8 * bytes);
    }

    /// Reads `count` ≤ 16 bits of probability one half.
    pub fn decode_bits(&mut self, count: u32) -> u32 {
        let value = self.peek() >> (TOTAL_BITS - count);
        let frequency = 1 << (TOTAL_BITS - count);
        self.consume(value * frequency, frequency);
        value
    }

    /// Marks the symbols so far as something no encoder writes.
    pub fn refuse(&mut self) {
        self.valid = false;
    }

    /// Whether the symbols so far can come from an encoder; a loop over hostile data may stop early.
    pub fn is_valid(&self) -> bool {
        self.valid && self.position <= self.data.len() + TAIL
    }

    /// Whether no byte beyond the end of the data had a part in the symbols so far.
    pub fn is_within(&self) -> bool {
        self.valid && self.position <= self.data.len()
    }

    /// Checks that the stream ends here, exactly as an encoder ends it.
    pub fn finish(self, place: Place) -> Result<(), Error> {
        if !self.is_valid() {
            return Err(Error::corrupt(place, "the range-coded stream holds impossible symbols"));
        }
        let window = (self.position - TAIL..self.position)
            .fold(0, |v, i| (v << 8) | u64::from(self.data.get(i).copied().unwrap_or(0)));
        let low = window.wrapping_sub(self.code) & MASK;
        let (value, tail) = canonical_tail(low, self.range);
        let length = self.position - TAIL + tail;
        if length != self.data.len() {
            return Err(Error::corrupt(
                place,
                format!("the range-coded stream is {} bytes, {length} expected", self.data.len()),
            ));
        }
        if value & MASK != window {
            return Err(Error::corrupt(place, "the range-coded stream has a wrong tail"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn symbols() -> impl Strategy<Value = Vec<(u32, u32)>> {
        let total = 1u32 << TOTAL_BITS;
        let any = (0..total, 1..=total).prop_map(move |(s, f)| (s, f.min(total - s)));
        let likely = Just((1u32, total - 1));
        let last = Just((total - 1, 1));
        proptest::collection::vec(prop_oneof![any, likely, last], 0..300)
    }

    #[test]
    #[expect(clippy::disallowed_types, reason = "a float logarithm is the oracle")]
    fn bits_are_the_information_of_the_symbols() {
        let (mut e, mut sum) = (Encoder::new(), 0f64);
        assert_eq!(e.bits().units(), 0);
        let frequencies = (1..=65_536u32).step_by(97).chain([65_536; 1000]).chain([1; 1000]);
        for (n, frequency) in frequencies.enumerate() {
            e.encode((65_536 - frequency) / 2, frequency);
            sum += 65_536.0 * (16.0 - f64::from(frequency).log2());
            let more = e.bits().units() as f64 - sum;
            assert!((-1.0..=2.0 * (n + 1) as f64 + 1.0).contains(&more), "{more} after {n}");
        }
    }

    fn encode(symbols: &[(u32, u32)]) -> (Vec<u8>, Bits) {
        let mut e = Encoder::new();
        symbols.iter().for_each(|&(s, f)| e.encode(s, f));
        let bits = e.bits();
        (e.finish(), bits)
    }

    fn decode(data: &[u8], symbols: &[(u32, u32)]) -> bool {
        let mut d = Decoder::new(data);
        for &(s, f) in symbols {
            let point = d.peek();
            if point < s || point >= s + f {
                return false;
            }
            d.consume(s, f);
        }
        d.finish(Place::default()).is_ok()
    }

    proptest! {
        #[test]
        fn round_trip(symbols in symbols()) {
            let (data, bits) = encode(&symbols);
            prop_assert!(decode(&data, &symbols));
            prop_assert!(data.len() as u64 * 8 <= bits.ceil() + 9, "{} bytes for {} bits", data.len(), bits.ceil());
        }

        #[test]
        fn other_bytes_are_other_symbols(symbols in symbols(), bit in 0usize..10_000) {
            let (mut data, _) = encode(&symbols);
            if !data.is_empty() {
                let bit = bit % (data.len() * 8);
                data[bit / 8] ^= 1 << (bit % 8);
                prop_assert!(!decode(&data, &symbols));
                data[bit / 8] ^= 1 << (bit % 8);
                data.pop();
                prop_assert!(!decode(&data, &symbols));
            }
            let (mut data, _) = encode(&symbols);
            data.push(0);
            prop_assert!(!decode(&data, &symbols));
        }

        #[test]
        fn two_symbols_need_no_division(
            data in proptest::collection::vec(any::<u8>(), 0..40), starts in proptest::collection::vec(1u32..65_536, 0..200)
        ) {
            let (mut a, mut b) = (Decoder::new(&data), Decoder::new(&data));
            for start in starts {
                let is_second = b.peek() >= start;
                if is_second { b.consume(start, 65_536 - start) } else { b.consume(0, start) }
                prop_assert_eq!(a.decide(start), is_second);
                prop_assert_eq!((a.position, a.code, a.range, a.valid), (b.position, b.code, b.range, b.valid));
            }
        }

        #[test]
        fn hostile_bytes_end(data in proptest::collection::vec(any::<u8>(), 0..64), f in 1u32..65_536) {
            let mut d = Decoder::new(&data);
            for _ in 0..500 {
                let p = d.peek();
                if p < f { d.consume(0, f) } else { d.consume(f, 65_536 - f) }
            }
            let _ = d.finish(Place::default());
        }

        #[test]
        fn uniform_bits(values in proptest::collection::vec((1u32..=16).prop_flat_map(|n| (0..1u32 << n, Just(n))), 0..50)) {
            let mut e = Encoder::new();
            values.iter().for_each(|&(v, n)| e.encode_bits(v, n));
            let data = e.finish();
            let mut d = Decoder::new(&data);
            for &(v, n) in &values {
                prop_assert_eq!(d.decode_bits(n), v);
            }
            prop_assert!(d.finish(Place::default()).is_ok());
        }
    }
}
