//! A slow decoder of the vbc format, written from SPEC.md in SPEC.md's order, with nothing of `vbc`.
//! It is an oracle for tests: where the two decoders differ, one of them or the text is wrong.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "the names are SPEC.md's")]

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};

// ---------------------------------------------------------------- 0. How to read this

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Corrupt,
    Unsupported,
    UnknownModel,
    BadModel,
    Limit,
}

/// A refusal: its kind, and what was wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub Kind, pub String);

type Result<T> = std::result::Result<T, Refusal>;

fn demand(condition: bool, kind: Kind, what: &str) -> Result<()> {
    if condition { Ok(()) } else { Err(Refusal(kind, what.to_owned())) }
}

fn require(condition: bool, what: &str) -> Result<()> {
    demand(condition, Kind::Corrupt, what)
}

// ---------------------------------------------------------------- 1. Basic elements

#[derive(Clone, Copy)]
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, n: u64) -> Result<&'a [u8]> {
        require(n <= self.0.len() as u64, "a field ends beyond its part")?;
        let (head, rest) = self.0.split_at(n as usize);
        self.0 = rest;
        Ok(head)
    }

    fn number(&mut self, bytes: u64) -> Result<u64> {
        Ok(self.take(bytes)?.iter().rev().fold(0, |n, &b| n << 8 | u64::from(b)))
    }

    fn varint(&mut self) -> Result<u64> {
        let mut value = 0;
        for i in 0..10 {
            let byte = self.number(1)?;
            require(i < 9 || byte & 0x7F <= 1, "a varint of more than 64 bits")?;
            value |= (byte & 0x7F) << (7 * i);
            if byte < 0x80 {
                require(byte != 0 || i == 0, "a varint that is not the shortest")?;
                return Ok(value);
            }
        }
        Err(Refusal(Kind::Corrupt, "a varint of more than 10 bytes".to_owned()))
    }

    fn varint_in(&mut self, what: &str, least: u64, most: u64) -> Result<u64> {
        let value = self.varint()?;
        require((least..=most).contains(&value), what)?;
        Ok(value)
    }

    fn name(&mut self, len: u64) -> Result<String> {
        require(len <= 4096, "a name is too long")?;
        let text = std::str::from_utf8(self.take(len)?).map(str::to_owned);
        text.map_err(|_| Refusal(Kind::Corrupt, "a name is not UTF-8".to_owned()))
    }

    fn end(&self) -> Result<()> {
        require(self.0.is_empty(), "bytes that no field accounts for")
    }
}

fn crc(parts: &[&[u8]]) -> u64 {
    u64::from(parts.iter().fold(0, |crc, part| crc32c::crc32c_append(crc, part)))
}

/// Takes a CRC of 4 bytes off the end of a part and checks it over what is before.
fn checked<'a>(part: &'a [u8], what: &str) -> Result<&'a [u8]> {
    require(part.len() >= 4, what)?;
    let (covered, end) = part.split_at(part.len() - 4);
    require(crc(&[covered]) == Bytes(end).number(4)?, what)?;
    Ok(covered)
}

fn unzstd(data: &[u8], len: u64) -> Result<Vec<u8>> {
    within("bytes to decode", len, 2 << 30)?;
    let out = zstd::bulk::decompress(data, len as usize).ok();
    let out = out.filter(|out| out.len() as u64 == len);
    out.ok_or_else(|| {
        Refusal(Kind::Corrupt, "zstd data is damaged or of another length".to_owned())
    })
}

fn packed(mut b: Bytes<'_>, limit: u64) -> Result<Vec<u8>> {
    let (encoding, len) = (b.number(1)?, b.varint()?);
    within("bytes to decode", len, limit)?;
    match encoding {
        1 => unzstd(b.0, len),
        _ => {
            require(encoding == 0 && b.0.len() as u64 == len, "an encoding or a length")?;
            Ok(b.0.to_vec())
        }
    }
}

// ---------------------------------------------------------------- 3. Images and pixel formats

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
    fn read(b: &mut Bytes<'_>) -> Result<Self> {
        let format = b.number(1)? as u8;
        require(format < 8, "a reserved pixel format")?;
        let width = b.varint_in("the width", 1, u64::from(u32::MAX))? as u32;
        let height = b.varint_in("the height", 1, u64::from(u32::MAX))? as u32;
        Ok(Shape { width, height, format })
    }

    fn channels(&self) -> usize {
        usize::from(self.format % 4) + 1
    }

    fn bytes(&self) -> Result<u64> {
        let pixels = u64::from(self.width) * u64::from(self.height);
        within("pixels of an image", pixels, 1 << 28)?;
        let bytes = pixels * self.channels() as u64 * if self.format < 4 { 1 } else { 2 };
        within("bytes of an image", bytes, 1 << 30)?;
        Ok(bytes)
    }
}

// ---------------------------------------------------------------- 4. Integer network layers

struct Layer {
    inputs: usize,
    outputs: usize,
    weights: Vec<i64>,
    bias: Vec<i64>,
    shift: Vec<i64>,
}

impl Layer {
    /// The bound of section 4.1, with M as a function of the input.
    fn check(&self, name: &str, magnitude: impl Fn(usize) -> i64) -> Result<()> {
        for o in 0..self.outputs {
            demand(self.shift[o] <= 24, Kind::BadModel, name)?;
            let row = &self.weights[o * self.inputs..][..self.inputs];
            let sum: i64 = row.iter().enumerate().map(|(i, w)| w.abs() * magnitude(i)).sum();
            let bound = self.bias[o].abs() + (1 << self.shift[o] >> 1) + sum;
            demand(bound < 1 << 31, Kind::BadModel, name)?;
        }
        Ok(())
    }

    fn wide(&self, inputs: &[i64]) -> Vec<i64> {
        assert_eq!(inputs.len(), self.inputs);
        let output = |o: usize| {
            let row = &self.weights[o * self.inputs..][..self.inputs];
            let acc = self.bias[o] + row.iter().zip(inputs).map(|(w, a)| w * a).sum::<i64>();
            (acc + (1 << self.shift[o] >> 1)) >> self.shift[o]
        };
        (0..self.outputs).map(output).collect()
    }

    fn saturated(&self, inputs: &[i64]) -> Vec<i64> {
        self.wide(inputs).into_iter().map(sat).collect()
    }

    fn relu(&self, inputs: &[i64]) -> Vec<i64> {
        self.saturated(inputs).into_iter().map(|a| a.max(0)).collect()
    }

    fn leaky(&self, inputs: &[i64], slope: i64) -> Vec<i64> {
        let leak = |t: i64| if t >= 0 { t } else { t >> slope };
        self.saturated(inputs).into_iter().map(leak).collect()
    }
}

fn sat(r: i64) -> i64 {
    r.clamp(-32_767, 32_767)
}

// ---------------------------------------------------------------- 5. Flow and bottleneck

struct Transform {
    /// Splits, and layers of which the last is wide.
    couplings: Vec<(Vec<i64>, Vec<Layer>, Layer)>,
    slope: i64,
    chunks: Vec<i64>,
    steps: Vec<i64>,
    /// For NVB the constant; `None` for RVB.
    null: Option<i64>,
}

fn wrap(value: i64) -> i64 {
    i64::from(value as i32)
}

impl Transform {
    fn preview(&self, z: &[i64]) -> Vec<u8> {
        let m = z.len();
        let mut y = vec![self.null.unwrap_or(0); self.chunks.len()];
        for (i, &position) in self.chunks.iter().enumerate() {
            if i < m || self.null.is_none() {
                y[position as usize] = wrap(z[i % m] * self.steps[i % m]);
            }
        }
        for (split, layers, last) in self.couplings.iter().rev() {
            let side = |s| (0..y.len()).filter(|&p| split[p] == s).collect::<Vec<usize>>();
            let (kept, changed) = (side(0), side(1));
            let a: Vec<i64> = kept.iter().map(|&p| sat(y[p])).collect();
            let a = layers.iter().fold(a, |a, layer| layer.leaky(&a, self.slope));
            changed.iter().zip(last.wide(&a)).for_each(|(&p, d)| y[p] = wrap(y[p] - d));
        }
        y.into_iter().map(|t| ((t + 8) >> 4).clamp(0, 255) as u8).collect()
    }
}

// ---------------------------------------------------------------- 6. Latent and pixels

struct Prior {
    centre: Vec<i64>,
    hidden: Layer,
    logits: Layer,
}

/// What is known of a latent part-way: latent inputs, and symbols.
type Latent = (Vec<i64>, Vec<i64>);

impl Prior {
    fn symbol(&self, (inputs, z): &mut Latent, coder: &mut Decoder<'_>) -> Result<()> {
        let j = z.len();
        // Units of later dimensions see zeros here, and no logit of this dimension sees them.
        let mut known = inputs.clone();
        known.resize(self.centre.len(), 0);
        let logits = self.logits.wide(&self.hidden.relu(&known));
        let mut u = coder.symbol(&frequencies(&logits[16 * j..16 * j + 16]))? as i64 - 7;
        if u == 8 {
            let negative = coder.bits(1)? == 1;
            let e = coder.bits(5)?;
            let (high, low) = (coder.bits((e - 16).max(0))?, coder.bits(e.min(16))?);
            u = (1 << e) + (high << 16) + low + 7;
            u = if negative { -u } else { u };
        }
        require(i32::try_from(u).is_ok(), "a latent symbol beyond 32 bits")?;
        z.push(wrap(self.centre[j] + u));
        inputs.push(64 * u.clamp(-127, 127));
        Ok(())
    }
}

/// An image part-way: section 6.2.
struct Context<'a> {
    width: i64,
    height: i64,
    preview: &'a [u8],
    pixels: Vec<u8>,
    after: [Vec<u8>; 4],
    modes: [u8; 2],
}

const NEAR_ABOVE: [(i64, i64); 10] =
    [(-1, 0), (-1, -1), (-1, 1), (-2, 0), (-1, -2), (-1, 2), (-2, -1), (-2, 1), (-2, -2), (-2, 2)];
const NEAR: [(i64, i64); 8] =
    [(0, -1), (-1, 0), (-1, -1), (-1, 1), (0, -2), (-2, 0), (-1, -2), (-1, 2)];
const FAR: [(i64, i64); 8] = [(-4, -4), (-4, 0), (-4, 4), (0, -4), (0, 4), (4, -4), (4, 0), (4, 4)];

impl<'a> Context<'a> {
    fn new((width, height): (i64, i64), preview: &'a [u8]) -> Self {
        let after = [256, 256, 4096, 4096].map(|n| vec![0; n]);
        Context { width, height, preview, pixels: Vec::new(), after, modes: [0; 2] }
    }

    fn place(&self, n: usize) -> (i64, i64) {
        (n as i64 % self.width, n as i64 / self.width)
    }

    fn look(&self, plane: &[u8], dy: i64, dx: i64) -> u8 {
        let (x, y) = self.place(self.pixels.len());
        let (x, y) = (x + dx, y + dy);
        let inside = (0..self.width).contains(&x) && (0..self.height).contains(&y);
        if inside { plane[(y * self.width + x) as usize] } else { 0 }
    }

    fn v(&self, (dy, dx): (i64, i64)) -> u8 {
        self.look(&self.pixels, dy, dx)
    }

    fn p(&self, (dy, dx): (i64, i64)) -> u8 {
        self.look(self.preview, dy, dx)
    }

    // 6.2.1
    fn above(&self, k: usize) -> u8 {
        self.v((-1 - k as i64 / 13, k as i64 % 13 - 6))
    }

    fn has_context(&self) -> bool {
        (0..52).any(|k| self.above(k) > 0) || (1..=6).any(|k| self.v((0, -k)) > 0)
    }

    // 6.2.2: pixels above 0 in the image (0), the column (1) or the row (2).
    fn coded(&self, which: usize) -> impl Iterator<Item = u8> {
        let (x, y) = self.place(self.pixels.len());
        let inside = move |&(n, &q): &(usize, &u8)| {
            let (px, py) = self.place(n);
            q > 0 && [true, px == x, py == y][which]
        };
        self.pixels.iter().enumerate().filter(inside).map(|(_, &q)| q)
    }

    fn count(&self, which: usize, value: u8) -> usize {
        self.coded(which).filter(|&q| q == value).count().min(255)
    }

    fn count_high(&self, which: usize, high: u8) -> usize {
        self.coded(which).filter(|&q| q >> 4 == high).count().min(255)
    }

    fn distinct(&self, high: u8) -> usize {
        self.coded(0).filter(|&q| q >> 4 == high).collect::<BTreeSet<u8>>().len()
    }

    // 6.2.3: of the column and of the row.
    fn saturated(&self) -> [u8; 2] {
        let (x, y) = self.place(self.pixels.len());
        let column = (1..=y).map(|d| self.v((-d, 0))).find(|&q| q >= 240);
        let row = (1..=x).map(|d| self.v((0, -d))).find(|&q| q >= 240);
        [column.unwrap_or(0), row.unwrap_or(0)]
    }

    // 6.2.4: whether and where in each of the four tables.
    fn corner(&self) -> [(bool, usize); 4] {
        let [west, north, east] = [(0, -1), (-1, 0), (-1, 1)].map(|o| usize::from(self.v(o)));
        let hash = |a: usize, b: usize| (67 * a + 1031 * b) % 4096;
        [
            (west > 0, west),
            (north > 0, north),
            (west > 0 || north > 0, hash(west, north)),
            (north > 0 || east > 0, hash(north, east)),
        ]
    }

    fn candidates(&self) -> Vec<u8> {
        let after = self.after.iter().zip(self.corner()).map(|(table, (_, at))| table[at]);
        let modes = self.modes.iter().map(|&q| if self.count(0, q) > 1 { q } else { 0 });
        after.chain(modes).collect()
    }

    fn push(&mut self, q: u8) {
        for (table, (learns, at)) in self.corner().into_iter().enumerate() {
            if learns {
                self.after[table][at] = q;
            }
        }
        self.pixels.push(q);
        let [first, second] = self.modes;
        if q != 0 && q != first {
            if self.count(0, q) > self.count(0, first) {
                self.modes = [q, first];
            } else if q != second && self.count(0, q) > self.count(0, second) {
                self.modes[1] = q;
            }
        }
    }

    // 6.2.5
    fn summary(&self) -> [i64; 8] {
        let (w, h, y) = (self.width, self.height, self.place(self.pixels.len()).1);
        let rows = &self.pixels[..(y * w) as usize];
        let ink: Vec<i64> = (0..y * w).filter(|&n| rows[n as usize] > 0).collect();
        let values: BTreeSet<u8> = rows.iter().copied().filter(|&q| q > 0).collect();
        let grey = rows.iter().filter(|&&q| q > 0 && q < 255).count() as i64;
        let mass: i64 = rows.iter().map(|&q| i64::from(q)).sum();
        let left = ink.iter().map(|n| n % w).min().unwrap_or(w);
        let right = ink.iter().map(|n| n % w + 1).max().unwrap_or(0);
        let top = ink.first().map(|n| n / w);
        let scalars = [
            (ink.len() as i64, 2048, w * h),
            (grey, 2048, w * h),
            (values.len() as i64, 2048, 256),
            (mass / 256, 4096, w * h),
            (left, 1024, w),
            (right, 1024, w),
            (top.unwrap_or(h), 1024, h),
            (top.map_or(0, |top| y - top), 1024, h),
        ];
        scalars.map(|(n, scale, of)| (n * scale / of).min(1024))
    }

    // 6.2.6
    fn row_inputs(&self) -> Vec<i64> {
        let (x, y) = self.place(self.pixels.len());
        let mut a = vec![0; row_inputs(self.width, self.height)];
        (0..52).for_each(|k| grey(&mut a, 2 * k, self.above(k)));
        let near = (0..25).map(|k| (k / 5 - 2, k % 5 - 2));
        for (k, offset) in near.chain(FAR).enumerate() {
            a[104 + k] = 4 * i64::from(self.p(offset));
        }
        a[138..146].copy_from_slice(&self.summary());
        for (k, &offset) in NEAR_ABOVE.iter().enumerate() {
            nibbles(&mut a, 146 + 32 * k, self.v(offset));
        }
        saturated_value(&mut a, 466, self.saturated()[0]);
        a[484 + y as usize] = 1024;
        a[484 + even(self.height) + x as usize] = 1024;
        a
    }

    // 6.2.7
    fn pixel_inputs(&self) -> Vec<i64> {
        let mut a = vec![0; 114];
        (0..6).for_each(|k| grey(&mut a, 2 * k, self.v((0, -1 - k as i64))));
        nibbles(&mut a, 12, self.v((0, -1)));
        nibbles(&mut a, 44, self.v((0, -2)));
        saturated_value(&mut a, 76, self.saturated()[1]);
        for (k, &q) in self.candidates().iter().enumerate() {
            grey(&mut a, 94 + 2 * k, q);
        }
        for (k, &offset) in NEAR.iter().enumerate() {
            a[106 + k] = lc(self.count(0, self.v(offset)));
        }
        a
    }

    // 6.2.8
    fn copies(&self) -> Vec<u8> {
        let near = NEAR.iter().map(|&offset| self.v(offset));
        near.chain(self.saturated()).chain(self.candidates()).collect()
    }
}

fn even(n: i64) -> usize {
    (n + n % 2) as usize
}

fn row_inputs(width: i64, height: i64) -> usize {
    484 + even(height) + even(width)
}

fn grey(a: &mut [i64], i: usize, v: u8) {
    (a[i], a[i + 1]) = (4 * i64::from(v), if v > 0 { 1024 } else { 0 });
}

fn nibbles(a: &mut [i64], i: usize, v: u8) {
    if v > 0 {
        a[i + usize::from(v >> 4)] = 1024;
        a[i + 16 + usize::from(v & 15)] = 1024;
    }
}

fn saturated_value(a: &mut [i64], i: usize, v: u8) {
    if v > 0 {
        a[i] = 1024;
        a[i + 2 + usize::from(v - 240)] = 1024;
    }
}

/// The largest e with 2^e ≤ (1 + n)^128, by multiplying it out in 17 words of 64 bits.
fn lc(n: usize) -> i64 {
    let mut power = [0u64; 17];
    power[0] = 1;
    for _ in 0..128 {
        let mut carry = 0u128;
        for word in &mut power {
            carry += u128::from(*word) * (n as u128 + 1);
            *word = carry as u64;
            carry >>= 64;
        }
    }
    let top = power.iter().rposition(|&w| w != 0).unwrap_or(0);
    64 * top as i64 + 63 - i64::from(power[top].leading_zeros())
}

// 6.4
struct Head {
    layers: Vec<Layer>,
    /// The tables of each kind (image, column, row), one behind the other, and entries of one.
    tables: [(Vec<i64>, usize); 3],
}

impl Head {
    fn check(&self, name: &str) -> Result<()> {
        let (mut gates, mut sum) = (0, 0);
        for (tables, unit) in &self.tables {
            demand(tables.len().is_multiple_of(*unit), Kind::BadModel, name)?;
            demand(tables.chunks(*unit).all(|t| t[0] == 0), Kind::BadModel, name)?;
            gates += tables.len() / unit;
            let largest = |t: &[i64]| t.iter().map(|e| e.abs()).max().unwrap_or(0);
            sum += tables.chunks(*unit).map(largest).sum::<i64>();
        }
        demand(gates <= 16, Kind::BadModel, name)?;
        demand(sum * 32_767 + 256 < 1 << 31, Kind::BadModel, name)?;
        self.layers.iter().try_for_each(|layer| {
            demand(layer.outputs == 32 + gates, Kind::BadModel, name)?;
            layer.check(name, |_| 32_767)
        })
    }

    /// `entry(kind, t)` is the place in a table of the kind; `copy(q)` the nibble that q copies to.
    fn frequencies(
        &self,
        o: &[i64],
        copies: &[u8],
        entry: impl Fn(usize, u8) -> usize,
        copy: impl Fn(u8) -> Option<u8>,
    ) -> Vec<u64> {
        let logit = |t: u8| {
            let tables = self.tables.iter().enumerate();
            let tables = tables.flat_map(|(k, (t, unit))| t.chunks(*unit).map(move |t| (k, t)));
            let (mut gate, mut sum) = (16, 128);
            for (kind, table) in tables {
                sum += o[gate] * table[entry(kind, t)];
                gate += 1;
            }
            let applies = |&(&q, _): &(&u8, _)| q != 0 && copy(q) == Some(t);
            let copied: i64 = copies.iter().zip(&o[gate..]).filter(applies).map(|(_, o)| o).sum();
            o[usize::from(t)] + (sum >> 8) + copied
        };
        frequencies(&(0..16).map(logit).collect::<Vec<i64>>())
    }
}

/// A loaded model.
pub struct Model {
    id: [u8; 32],
    size: (i64, i64),
    latent: Option<(Transform, Prior, Layer)>,
    row: Layer,
    pixel: Layer,
    hidden: Layer,
    high: Head,
    low: Head,
    position: Vec<i64>,
    preview: Vec<i64>,
    blank_high: Vec<i64>,
    blank_low: Vec<i64>,
}

impl Model {
    pub fn id(&self) -> [u8; 32] {
        self.id
    }

    pub fn shape(&self) -> Shape {
        Shape { width: self.size.0 as u32, height: self.size.1 as u32, format: 0 }
    }

    // 6.3 and 6.4
    fn inked(&self, c: &Context<'_>, vector: &[i64], coder: &mut Decoder<'_>) -> Result<u8> {
        let row = self.row.relu(&[&c.row_inputs()[..], vector].concat());
        let hidden = self.hidden.relu(&self.pixel.relu(&[row, c.pixel_inputs()].concat()));
        let copies = c.copies();
        let entry = |kind: usize, t: u8| match kind {
            0 => c.count_high(0, t).min(63) * 17 + c.distinct(t),
            _ => c.count_high(kind, t).min(31),
        };
        let o = self.high.layers[0].saturated(&hidden);
        let h = coder.symbol(&self.high.frequencies(&o, &copies, entry, |q| Some(q >> 4)))? as u8;
        let entry =
            |kind: usize, t: u8| c.count(kind, 16 * h + t).min(if kind == 0 { 63 } else { 31 });
        let copy = |q: u8| (q >> 4 == h).then_some(q & 15);
        let o = self.low.layers[usize::from(h)].saturated(&hidden);
        let l = coder.symbol(&self.low.frequencies(&o, &copies, entry, copy))? as u8;
        Ok(16 * h + l)
    }

    // 6.5
    fn blank(&self, c: &Context<'_>, coder: &mut Decoder<'_>) -> Result<u8> {
        let i = usize::from(c.coded(0).next().is_some());
        let around = (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (dy, dx)));
        let largest = around.map(|offset| c.p(offset)).max().unwrap_or(0);
        let j = 8 - largest.leading_zeros() as usize;
        let logit = self.position[2 * c.pixels.len() + i] + self.preview[j];
        if coder.symbol(&frequencies(&[0, logit]))? == 0 {
            return Ok(0);
        }
        let h = coder.symbol(&frequencies(&self.blank_high))?;
        let l = coder.symbol(&frequencies(&self.blank_low[16 * h..16 * h + 16]))?;
        require(16 * h + l > 0, "ink of value 0")?;
        Ok((16 * h + l) as u8)
    }

    // 6.6
    fn latents(&self, images: usize, coder: &mut Decoder<'_>) -> Result<Vec<Latent>> {
        let mut latents = vec![Latent::default(); images];
        if let Some((_, prior, _)) = &self.latent {
            for _ in 0..prior.centre.len() {
                latents.iter_mut().try_for_each(|latent| prior.symbol(latent, coder))?;
            }
        }
        Ok(latents)
    }

    fn pixels(&self, latents: &[&Latent], coder: &mut Decoder<'_>) -> Result<Vec<Vec<u8>>> {
        let pixels = (self.size.0 * self.size.1) as usize;
        let parts = latents.iter().map(|(inputs, z)| match &self.latent {
            Some((transform, _, image)) => (transform.preview(z), image.relu(inputs)),
            None => (vec![0; pixels], Vec::new()),
        });
        let parts: Vec<(Vec<u8>, Vec<i64>)> = parts.collect();
        let contexts = parts.iter().map(|(preview, _)| Context::new(self.size, preview));
        let mut contexts: Vec<Context<'_>> = contexts.collect();
        for _ in 0..pixels {
            for (c, (_, vector)) in contexts.iter_mut().zip(&parts) {
                let inked = c.has_context();
                c.push(if inked { self.inked(c, vector, coder)? } else { self.blank(c, coder)? });
            }
        }
        Ok(contexts.into_iter().map(|c| c.pixels).collect())
    }

    fn alone<'s>(&self, stream: &'s [u8]) -> Result<(Vec<u8>, Decoder<'s>)> {
        let mut coder = Decoder::new(stream);
        let latents = self.latents(1, &mut coder)?;
        Ok((self.pixels(&[&latents[0]], &mut coder)?.concat(), coder))
    }

    /// An image drawn from the model by random bytes, and the stream that an encoder makes of it.
    ///
    /// # Errors
    /// Where the bytes are no symbols: try others.
    pub fn draw(&self, random: &[u8]) -> Result<(Vec<u8>, Vec<u8>)> {
        let (pixels, coder) = self.alone(random)?;
        Ok((pixels, coder.canonical()))
    }

    fn block(&self, images: usize, latent: &[u8], lanes: &[&[u8]]) -> Result<Vec<u8>> {
        let mut coder = Decoder::new(latent);
        let latents = self.latents(images, &mut coder)?;
        coder.finish()?;
        let mut out = vec![Vec::new(); images];
        for (lane, stream) in lanes.iter().enumerate() {
            let mine: Vec<&Latent> = latents.iter().skip(lane).step_by(lanes.len()).collect();
            let mut coder = Decoder::new(stream);
            for (k, pixels) in self.pixels(&mine, &mut coder)?.into_iter().enumerate() {
                out[lane + k * lanes.len()] = pixels;
            }
            coder.finish()?;
        }
        Ok(out.concat())
    }
}

// ---------------------------------------------------------------- 7. Entropy coding

pub fn exp2_table() -> Vec<u32> {
    let root = (0..10).fold(1u128 << 62, |root, _| (root << 63).isqrt());
    let powers = std::iter::successors(Some(1u128 << 63), |power| Some((power * root) >> 63));
    powers.take(1024).map(|power| (power >> 46).div_ceil(2) as u32).collect()
}

pub fn frequencies(logits: &[i64]) -> Vec<u64> {
    static EXP2: std::sync::LazyLock<Vec<u32>> = std::sync::LazyLock::new(exp2_table);
    let n = logits.len() as u64;
    let largest = logits.iter().copied().max().unwrap_or(0);
    let best = logits.iter().position(|&l| l == largest).unwrap_or(0);
    let weight = |l: &i64| {
        let d = (largest - l) as u64;
        u64::from(EXP2[(d % 1024) as usize] >> (d / 1024).min(31))
    };
    let weights: Vec<u64> = logits.iter().map(weight).collect();
    let scale = ((65_536 - n) << 16) / weights.iter().sum::<u64>();
    let mut f: Vec<u64> = weights.iter().map(|w| 1 + ((w * scale) >> 16)).collect();
    f[best] += 65_536 - f.iter().sum::<u64>();
    f
}

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

    fn bits(&mut self, count: i64) -> Result<i64> {
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
    fn canonical(&self) -> Vec<u8> {
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

// ---------------------------------------------------------------- 8. Container

/// All images of a file, single or archive.
///
/// # Errors
/// Where SPEC.md says to refuse the file.
pub fn decode(file: &[u8], models: &[Model]) -> Result<Vec<Image>> {
    match file {
        [0x56, 0x42, 0x43, ..] => Archive::open(file)?.images(models),
        [0x56, 0x42, mode, ..] if mode & 0x80 != 0 => Ok(vec![single(file, models)?]),
        _ => Err(Refusal(Kind::Corrupt, "not a vbc file".to_owned())),
    }
}

/// The shape that a file states, or its model implies.
fn one_shape(model: Option<&Model>, stated: Option<Shape>) -> Result<Shape> {
    require(model.is_some() != stated.is_some(), "a shape too many or too few")?;
    Ok(stated.unwrap_or_else(|| model.map_or_else(|| unreachable!(), Model::shape)))
}

// 8.1
fn single(file: &[u8], models: &[Model]) -> Result<Image> {
    let mut b = Bytes(file);
    b.take(2)?;
    let mode = b.number(1)?;
    demand(mode >> 5 & 3 == 1, Kind::Unsupported, "version")?;
    let method = mode >> 3 & 3;
    require(method != 3 && mode & 1 == 0, "a reserved bit or method")?;
    let id = b.take(if method == 2 { 4 } else { 0 })?;
    let stated = if mode & 4 != 0 { Some(Shape::read(&mut b)?) } else { None };
    require(stated.is_some() || method == 2, "a shape is missing")?;
    let mut name = None;
    if mode & 2 != 0 {
        let len = b.varint()?;
        name = Some(b.name(len)?);
    }
    let head = &file[..file.len() - b.0.len()];
    let (checksum, stream) = (b.number(4)?, b.0);
    let fitting = models.iter().filter(|m| method == 2 && m.id.starts_with(id));
    let fitting: Vec<&Model> = fitting.collect();
    demand(fitting.len() == usize::from(method == 2), Kind::UnknownModel, "model")?;
    let model = fitting.first().copied();
    let shape = one_shape(model, stated)?;
    let size = shape.bytes()?;
    let data = if let Some(model) = model {
        let (data, coder) = model.alone(stream)?;
        coder.finish()?;
        data
    } else {
        untrained(method == 0, shape, size, stream)?
    };
    require(crc(&[head, &data, stream]) == checksum, "the CRC does not match")?;
    Ok(Image { shape, name, data })
}

/// An archive whose header, footer and root have been read.
pub struct Archive<'a> {
    file: &'a [u8],
    lanes: u64,
    block_images: u64,
    images: u64,
    /// Blocks, images, first block, place of the section.
    pages: Vec<(u64, u64, u64, Place)>,
    /// Id, and place of the MODEL section.
    methods: Vec<([u8; 32], Option<Place>)>,
    files: Vec<Place>,
}

/// Offset and length.
type Place = (u64, u64);

fn part(file: &[u8], (offset, len): Place) -> Result<&[u8]> {
    let mut b = Bytes(file);
    b.take(offset)?;
    b.take(len)
}

// 8.3
fn section(file: &[u8], place: Place, ty: u64) -> Result<Bytes<'_>> {
    let bytes = part(file, place)?;
    let mut b = Bytes(bytes);
    let framed = b.number(1)? == ty && b.varint()? == b.0.len() as u64 && b.0.len() >= 4;
    require(framed, "another section")?;
    let frame = bytes.len() - b.0.len();
    Ok(Bytes(&checked(bytes, "the CRC of a section")?[frame..]))
}

// 8.10
fn footer(file: &[u8], offset: u64) -> Result<[u64; 5]> {
    let bytes = part(file, (offset, 50))?;
    let mut b = Bytes(bytes);
    require(b.take(2)? == [0x07, 0x30], "no footer")?;
    let mut fields = [0; 5];
    for field in &mut fields {
        *field = b.number(8)?;
    }
    let checksum = crc(&[&bytes[..42], &offset.to_le_bytes()]);
    require(b.number(4)? == checksum && b.0 == [0xF5, 0x56, 0x42, 0x45], "no footer")?;
    let [root, len, images, blocks, previous] = fields;
    let inside = plus(root, len)? <= offset && blocks <= images && previous < offset;
    require(inside, "a footer that cannot be")?;
    Ok(fields)
}

fn plus(a: u64, b: u64) -> Result<u64> {
    a.checked_add(b).ok_or_else(|| Refusal(Kind::Corrupt, "a sum beyond 64 bits".to_owned()))
}

// 8.4
fn definition(b: &mut Bytes<'_>) -> Result<[u8; 32]> {
    demand(b.number(1)? == 1, Kind::Unsupported, "a kind of method")?;
    Ok(b.take(32)?.try_into().unwrap_or([0; 32]))
}

impl<'a> Archive<'a> {
    // 8.11
    /// Reads header, footer and root.
    ///
    /// # Errors
    /// Where SPEC.md says to refuse the file.
    pub fn open(file: &'a [u8]) -> Result<Self> {
        // 8.2
        let mut b = Bytes(file);
        require(b.take(8)? == b"VBC\x89\r\n\x1A\n", "no archive")?;
        demand(b.number(1)? == 1, Kind::Unsupported, "version")?;
        let (flags, lanes, block_images) = (b.number(1)?, b.number(2)?, b.number(4)?);
        require(crc(&[&file[..16]]) == b.number(4)?, "the CRC of the header")?;
        let fits = (1..=64).contains(&lanes) && (1..=65_536).contains(&block_images);
        require(flags == 0 && fits, "flags, lanes or block images")?;

        let len = file.len() as u64;
        let mut places = (len.saturating_sub(1 << 30).max(20)..(len + 1).saturating_sub(50)).rev();
        let fields = places.find_map(|at| footer(file, at).ok());
        require(fields.is_some(), "no footer")?;
        let [root, root_len, images, blocks, _] = fields.unwrap_or_default();
        let (pages, methods, files) = (Vec::new(), Vec::new(), Vec::new());
        let mut a = Archive { file, lanes, block_images, images, pages, methods, files };
        a.root(section(file, (root, root_len), 0x06)?, root)?;
        let totals = a.pages.iter().fold((0, 0), |t, p| (t.0 + p.0, t.1 + p.1));
        require(totals == (blocks, images), "other totals than the footer's")?;
        within("images of an archive", images, 1 << 36)?;
        Ok(a)
    }

    // 8.9
    fn root(&mut self, mut b: Bytes<'_>, at: u64) -> Result<()> {
        let (pages, mut first_block, mut sum) = (b.varint()?, 0, 0);
        for i in 0..pages {
            let blocks = b.varint_in("blocks", if i + 1 < pages { 1024 } else { 1 }, 1024)?;
            let images = b.varint()?;
            sum = plus(sum, images)?;
            first_block = plus(first_block, b.varint()?)?;
            let place = (plus(first_block, b.varint()?)?, b.varint()?);
            require(plus(place.0, place.1)? <= at, "a page behind the root")?;
            self.pages.push((blocks, images, first_block, place));
        }
        let mut end = 0;
        for _ in 0..b.varint()? {
            let ty = b.number(1)?;
            let place = (plus(end, b.varint()?)?, b.varint()?);
            end = plus(place.0, place.1)?;
            match ty {
                0x81 => self.methods.push((definition(&mut b)?, None)),
                0x82 => {
                    let defined = self.methods.len() as u64 + 1;
                    let method = b.varint_in("the method of a model", 2, defined)?;
                    let model = &mut self.methods[method as usize - 2].1;
                    *model = model.or(Some(place));
                }
                0x83 => self.files.push(place),
                0x84 | 0x05 | 0x06 | 0x07 => require(false, "a section not for the list")?,
                _ => demand(ty & 0x80 == 0, Kind::Unsupported, "an essential section")?,
            }
            require(end <= at && self.methods.len() <= 1022, "a section that cannot be")?;
        }
        b.end()
    }

    /// All images, in order.
    ///
    /// # Errors
    /// Where SPEC.md says to refuse the file.
    pub fn images(&self, models: &[Model]) -> Result<Vec<Image>> {
        let (mut loaded, mut out) = (BTreeMap::new(), Vec::new());
        // 8.8
        for &(blocks, page_images, first_block, place) in &self.pages {
            let mut b = section(self.file, place, 0x05)?;
            require(b.varint()? == blocks, "another number of blocks than the root's")?;
            let (mut end, mut images, mut sum, mut places) =
                (first_block, self.block_images, 0, Vec::new());
            for i in 0..blocks {
                let code = b.varint()?;
                let mut gap = 0;
                if code % 2 == 1 {
                    gap = b.varint()?;
                    let n = b.varint_in("images of a block", 1, self.block_images)?;
                    require((gap != 0 || n != images) && (gap == 0 || i > 0), "an entry")?;
                    images = n;
                }
                let block = (plus(end, gap)?, code / 2);
                end = plus(block.0, block.1)?;
                require(block.1 > 0 && end <= place.0, "a block behind its page")?;
                places.push((block, images));
                sum += images;
            }
            b.end()?;
            require(sum == page_images, "another number of images than the root's")?;
            for (block, images) in places {
                self.block(block, images, models, &mut loaded, &mut out)?;
            }
        }
        Ok(out)
    }

    // 8.5
    fn embedded(&self, method: usize) -> Result<Option<Model>> {
        let (id, Some(place)) = self.methods[method - 2] else { return Ok(None) };
        let mut b = section(self.file, place, 0x82)?;
        require(b.varint()? == method as u64, "the model of another method")?;
        let model = Model::load(&packed(b, 1 << 26)?)?;
        require(model.id == id, "a model of another id")?;
        Ok(Some(model))
    }

    // 8.7
    fn block(
        &self,
        place: Place,
        listed: u64,
        models: &[Model],
        loaded: &mut BTreeMap<usize, Option<Model>>,
        out: &mut Vec<Image>,
    ) -> Result<()> {
        let whole = part(self.file, place)?;
        let mut b = Bytes(whole);
        let framed = b.number(1)? == 0x84 && b.varint()? == b.0.len() as u64;
        require(framed, "no block, or another length than the index says")?;
        let method = b.varint_in("the method", 0, 1023)? as usize;
        let images = b.varint()?;
        require(images == listed, "another number of images than the index says")?;
        let flags = b.number(1)?;
        require(flags < 4, "reserved flags")?;
        let stated = if flags & 1 != 0 { Some(Shape::read(&mut b)?) } else { None };
        let names_len = if flags & 2 != 0 { b.varint_in("names", 7, u64::MAX)? } else { 0 };
        let latent_len = b.varint()?;
        let lanes = if method < 2 { 1 } else { self.lanes.min(images) };
        let lengths = (1..lanes).map(|_| b.varint()).collect::<Result<Vec<u64>>>()?;
        let (pixels_crc, residual_crc) = (b.number(4)?, b.number(4)?);
        let head = &whole[..whole.len() - b.0.len()];
        let (head_crc, names, latent) = (b.number(4)?, b.take(names_len)?, b.take(latent_len)?);
        require(crc(&[head, latent]) == head_crc, "the CRC of the head")?;
        let mut streams = lengths.iter().map(|&n| b.take(n)).collect::<Result<Vec<_>>>()?;
        streams.push(b.0);
        require(crc(&streams) == residual_crc, "the CRC of the residual")?;
        let names = if flags & 2 != 0 { list(names, images)? } else { vec![None; images as usize] };

        let mut model = None;
        if method >= 2 {
            require(method - 2 < self.methods.len(), "no such method in the table")?;
            if let Entry::Vacant(entry) = loaded.entry(method) {
                entry.insert(self.embedded(method)?);
            }
            let id = self.methods[method - 2].0;
            model = loaded[&method].as_ref().or_else(|| models.iter().find(|m| m.id == id));
            demand(model.is_some(), Kind::UnknownModel, "model")?;
        }
        let shape = one_shape(model, stated)?;
        let size = shape.bytes()?;
        within("bytes of a block", size * images, 1 << 30)?;
        let pixels = if let Some(model) = model {
            model.block(images as usize, latent, &streams)?
        } else {
            require(latent.is_empty(), "a latent without a model")?;
            untrained(method == 1, shape, size * images, streams[0])?
        };
        require(crc(&[&pixels]) == pixels_crc, "the CRC of the pixels")?;
        let pixels = pixels.chunks(size as usize).map(<[u8]>::to_vec);
        out.extend(pixels.zip(names).map(|(data, name)| Image { shape, name, data }));
        Ok(())
    }

    // 8.6
    /// The input files that have a FILE section, as names and bytes.
    ///
    /// # Errors
    /// Where SPEC.md says to refuse the file.
    pub fn files(&self, images: &[Image]) -> Result<Vec<(String, Vec<u8>)>> {
        let (mut files, mut end) = (Vec::new(), 0);
        for &place in &self.files {
            let mut b = section(self.file, place, 0x83)?;
            let (kind, len) = (b.number(1)?, b.varint()?);
            let (name, first) = (b.name(len)?, b.varint()?);
            require(kind < 2 && first >= end, "a reserved kind of file, or files that overlap")?;
            let mut bytes = b.0.to_vec();
            end = first;
            if kind == 1 {
                let checksum = b.number(4)?;
                bytes = packed(b, 1 << 30)?;
                require(crc(&[&bytes]) == checksum, "the CRC of a file")?;
            } else {
                let (shape, count) = idx(b)?;
                end = plus(first, count)?;
                let own = images.iter().skip(first as usize).take(count as usize);
                for image in own {
                    require(image.shape == shape, "an image of another shape in an IDX file")?;
                    bytes.extend(&image.data);
                }
            }
            require(end <= self.images, "a file of more images than there are")?;
            files.push((name, bytes));
        }
        Ok(files)
    }
}

fn idx(mut b: Bytes<'_>) -> Result<(Shape, u64)> {
    require(b.take(3)? == [0, 0, 8], "no IDX of bytes")?;
    let rank = b.number(1)?;
    require(rank == 3 || rank == 4, "no IDX of images")?;
    let mut counts = [1u32; 4];
    for count in &mut counts[..rank as usize] {
        *count = b.take(4)?.iter().fold(0, |n, &d| n << 8 | u32::from(d));
    }
    b.end()?;
    let product = counts.iter().try_fold(1u64, |p, &c| p.checked_mul(u64::from(c)));
    let [images, height, width, samples] = counts;
    require(product.is_some_and(|p| p > 0) && samples <= 4, "an IDX of no images")?;
    Ok((Shape { width, height, format: samples as u8 - 1 }, u64::from(images)))
}

fn list(names: &[u8], images: u64) -> Result<Vec<Option<String>>> {
    let list = packed(Bytes(checked(names, "the CRC of the names")?), 1 << 30)?;
    let mut b = Bytes(&list);
    let mut out = Vec::new();
    for _ in 0..images {
        let k = b.varint()?;
        out.push(if k == 0 { None } else { Some(b.name(k - 1)?) });
    }
    b.end()?;
    require(out.iter().any(Option::is_some), "a list without any name")?;
    Ok(out)
}

// ---------------------------------------------------------------- 9. Model files

/// Tensors by name: type, dimensions, data. What is taken is removed.
struct Tensors<'a>(BTreeMap<String, (usize, Vec<usize>, &'a [u8])>);

impl Tensors<'_> {
    fn get(&mut self, name: &str, ty: usize) -> Result<(Vec<usize>, Vec<i64>)> {
        let found = self.0.remove(name).filter(|t| t.0 == ty);
        demand(found.is_some(), Kind::BadModel, name)?;
        let (_, shape, data) = found.unwrap_or_default();
        let number = |bytes: &[u8]| {
            let value = bytes.iter().rev().fold(0, |n, &b| n << 8 | i64::from(b));
            let sign = 1i64 << (8 * bytes.len() - 1);
            if (1..=3).contains(&ty) && value >= sign { value - 2 * sign } else { value }
        };
        Ok((shape, data.chunks([1, 1, 2, 4, 4][ty]).map(number).collect()))
    }

    fn flat(&mut self, name: &str, ty: usize, len: usize) -> Result<Vec<i64>> {
        let (_, values) = self.get(name, ty)?;
        demand(values.len() == len, Kind::BadModel, name)?;
        Ok(values)
    }

    /// The layers of a tensor of rank 3 (`head.low`), or the one of rank 2.
    fn layers(&mut self, name: &str, rank: usize, inputs: usize) -> Result<Vec<Layer>> {
        let (dims, weights) = self.get(&format!("{name}.weight"), 1)?;
        let fits = dims.len() == rank && dims[rank - 1] == inputs;
        demand(fits, Kind::BadModel, name)?;
        let (outputs, count) = (dims[rank - 2], if rank == 3 { dims[0] } else { 1 });
        let bias = self.flat(&format!("{name}.bias"), 3, count * outputs)?;
        let shift = self.flat(&format!("{name}.shift"), 0, count * outputs)?;
        let layer = |k: usize| Layer {
            inputs,
            outputs,
            weights: weights[k * outputs * inputs..][..outputs * inputs].to_vec(),
            bias: bias[k * outputs..][..outputs].to_vec(),
            shift: shift[k * outputs..][..outputs].to_vec(),
        };
        Ok((0..count).map(layer).collect())
    }

    fn layer(&mut self, name: &str, inputs: usize, m: impl Fn(usize) -> i64) -> Result<Layer> {
        let layer = self.layers(name, 2, inputs)?.remove(0);
        layer.check(name, m)?;
        Ok(layer)
    }

    fn head(&mut self, name: &str, rank: usize, hidden: usize, image: usize) -> Result<Head> {
        let layers = self.layers(name, rank, hidden)?;
        let fits = layers.len() == if rank == 3 { 16 } else { 1 } && hidden > 0;
        demand(fits, Kind::BadModel, name)?;
        let mut table = |kind: &str| Ok(self.get(&format!("{name}.{kind}"), 2)?.1);
        let tables = [(table("image")?, image), (table("column")?, 32), (table("row")?, 32)];
        let head = Head { layers, tables };
        head.check(name)?;
        Ok(head)
    }
}

impl Model {
    /// Loads a model file.
    ///
    /// # Errors
    /// Where SPEC.md says to refuse it.
    pub fn load(file: &[u8]) -> Result<Self> {
        // 9.1
        within("bytes of a model file", file.len() as u64, 1 << 26)?;
        let bad = |e: safetensors::SafeTensorError| Refusal(Kind::BadModel, e.to_string());
        let (n, header) = safetensors::SafeTensors::read_metadata(file).map_err(bad)?;
        let mut t = Tensors(BTreeMap::new());
        for (name, info) in header.tensors() {
            let types = ["U8", "I8", "I16", "I32", "U32"];
            let ty = types.iter().position(|ty| *ty == format!("{:?}", info.dtype));
            let small = info.shape.len() <= 4 && info.shape.iter().all(|&d| d < 1 << 32);
            demand(ty.is_some() && small, Kind::BadModel, &name)?;
            let (begin, end) = info.data_offsets;
            let data = &file[8 + n + begin..8 + n + end];
            t.0.insert(name, (ty.unwrap_or(0), info.shape.clone(), data));
        }
        let metadata = header.metadata().clone().unwrap_or_default();
        let keys = ["format", "shape", "c", "bottleneck", "null", "slope"];
        let missing = keys.iter().find(|key| !metadata.contains_key(**key));
        demand(missing.is_none(), Kind::BadModel, "metadata")?;
        let number = |key: &str, least: i64, most: i64| {
            let value = metadata[key].parse().ok().filter(|n| (least..=most).contains(n));
            value.ok_or_else(|| Refusal(Kind::BadModel, key.to_owned()))
        };

        // 9.3
        let mut serial: Vec<u8> = Vec::new();
        keys.iter().for_each(|key| serial.extend(format!("{key}={}\n", metadata[*key]).bytes()));
        for (name, (ty, shape, data)) in &t.0 {
            serial.extend(name.bytes().chain([0, *ty as u8, shape.len() as u8]));
            shape.iter().for_each(|&d| serial.extend((d as u32).to_le_bytes()));
            serial.extend(*data);
        }
        let id = *blake3::hash(&serial).as_bytes();

        let later = metadata["format"].starts_with("vbc-model-");
        let refusal = if later { Kind::Unsupported } else { Kind::BadModel };
        demand(metadata["format"] == "vbc-model-1", refusal, "format")?;
        let dims = metadata["shape"].split('x').map(|d| d.parse().unwrap_or(-1));
        let dims: Vec<i64> = dims.collect();
        demand(dims.len() == 3, Kind::BadModel, "shape")?;
        let (height, width) = (dims[0], dims[1]);
        demand(dims[2] == 1, Kind::Unsupported, "channels of a model")?;
        let sides = 1..=16_384;
        let fits = sides.contains(&width) && sides.contains(&height) && width * height <= 16_384;
        demand(fits, Kind::BadModel, "shape")?;
        let pixels = (width * height) as usize;

        // 9.2
        let nvb = metadata["bottleneck"] == "nvb";
        let latent = if metadata["bottleneck"] == "none" {
            None
        } else {
            demand(nvb || metadata["bottleneck"] == "rvb", Kind::BadModel, "bottleneck")?;
            let c = number("c", 1, pixels as i64)? as usize;
            demand(pixels.is_multiple_of(c), Kind::BadModel, "c")?;
            let range = (i64::from(i32::MIN), i64::from(i32::MAX));
            let null = if nvb { Some(number("null", range.0, range.1)?) } else { None };
            let transform = transform(&mut t, pixels, pixels / c, null, number("slope", 0, 15)?)?;
            let (prior, image) = prior(&mut t, pixels / c)?;
            Some((transform, prior, image))
        };
        let vector = latent.as_ref().map_or(0, |(_, _, image)| image.outputs);
        let features = row_inputs(width, height);
        let row = |i| if i < features { 1024 } else { 32_767 };
        let row = t.layer("row", features + vector, row)?;
        demand(row.outputs % 2 == 0, Kind::BadModel, "row")?;
        let pixel = |i| if i < row.outputs { 32_767 } else { 1024 };
        let pixel = t.layer("pixel", row.outputs + 114, pixel)?;
        let hidden = t.layer("hidden", pixel.outputs, |_| 32_767)?;
        let model = Model {
            id,
            size: (width, height),
            latent,
            row,
            pixel,
            high: t.head("head.high", 2, hidden.outputs, 64 * 17)?,
            low: t.head("head.low", 3, hidden.outputs, 64)?,
            hidden,
            position: t.flat("blank.position", 2, 2 * pixels)?,
            preview: t.flat("blank.preview", 2, 9)?,
            blank_high: t.flat("blank.high", 2, 16)?,
            blank_low: t.flat("blank.low", 2, 256)?,
        };
        demand(t.0.is_empty(), Kind::BadModel, "a tensor that has no place")?;
        Ok(model)
    }
}

fn transform(
    t: &mut Tensors<'_>,
    pixels: usize,
    m: usize,
    null: Option<i64>,
    slope: i64,
) -> Result<Transform> {
    let mut couplings = Vec::new();
    while t.0.contains_key(&format!("flow.{}.split", couplings.len())) {
        let name = format!("flow.{}", couplings.len());
        let split = t.flat(&format!("{name}.split"), 0, pixels)?;
        demand(split.iter().all(|&s| s < 2), Kind::BadModel, &name)?;
        let changed = split.iter().sum::<i64>() as usize;
        let (mut layers, mut width) = (Vec::<Layer>::new(), pixels - changed);
        while t.0.contains_key(&format!("{name}.{}.weight", layers.len())) {
            layers.push(t.layer(&format!("{name}.{}", layers.len()), width, |_| 32_767)?);
            width = layers[layers.len() - 1].outputs;
        }
        demand(!layers.is_empty() && width == changed, Kind::BadModel, &name)?;
        let last = layers.remove(layers.len() - 1);
        couplings.push((split, layers, last));
    }
    let chunks = t.flat("latent.chunks", 4, pixels)?;
    let sorted: BTreeSet<i64> = chunks.iter().copied().collect();
    demand(sorted.into_iter().eq(0..pixels as i64), Kind::BadModel, "latent.chunks")?;
    let steps = t.flat("latent.step", 3, m)?;
    demand(steps.iter().all(|s| (1..=1 << 20).contains(s)), Kind::BadModel, "latent.step")?;
    Ok(Transform { couplings, slope, chunks, steps, null })
}

fn prior(t: &mut Tensors<'_>, m: usize) -> Result<(Prior, Layer)> {
    let centre = t.flat("prior.centre", 3, m)?;
    let hidden = t.layer("prior.hidden", m, |_| 8_128)?;
    let units = hidden.outputs / m;
    let fits = (1..=32).contains(&units) && hidden.outputs == units * m;
    demand(fits, Kind::BadModel, "prior.hidden")?;
    let logits = t.layer("prior.logits", units * m, |_| 32_767)?;
    demand(logits.outputs == 16 * m, Kind::BadModel, "prior.logits")?;
    let masked = |layer: &Layer, seen: &dyn Fn(usize) -> usize| {
        let mut rows = layer.weights.chunks(layer.inputs).enumerate();
        rows.all(|(r, row)| row[seen(r)..].iter().all(|&w| w == 0))
    };
    demand(masked(&hidden, &|r| r / units + 1), Kind::BadModel, "prior.hidden")?;
    demand(masked(&logits, &|r| r / 16 * units), Kind::BadModel, "prior.logits")?;
    Ok((Prior { centre, hidden, logits }, t.layer("image", m, |_| 8_128)?))
}

// ---------------------------------------------------------------- 10. Coders without a model

/// `size` bytes of images by the raw or the generic coder.
fn untrained(raw: bool, shape: Shape, size: u64, stream: &[u8]) -> Result<Vec<u8>> {
    if raw {
        require(stream.len() as u64 == size, "another number of raw bytes")?;
        return Ok(stream.to_vec());
    }
    let mut b = Bytes(stream);
    let (flags, channels) = (b.number(1)?, shape.channels());
    require(matches!(flags, 0 | 1) || (flags == 3 && channels >= 3), "reserved flags")?;
    if flags == 0 {
        return unzstd(b.0, size);
    }
    let (width, height, wide) = (shape.width as usize, shape.height as usize, shape.format >= 4);
    let rows = size / shape.bytes()? * (channels * height) as u64;
    let data = unzstd(b.0, size + rows)?;
    let (filters, residuals) = data.split_at(rows as usize);
    require(filters.iter().all(|&f| f < 6), "a reserved filter")?;
    let modulus = if wide { 1 << 16 } else { 1 << 8 };
    let plane_bytes = width * height * if wide { 2 } else { 1 };
    let mut planes: Vec<Vec<i64>> = Vec::new();
    for (filters, bytes) in filters.chunks(height).zip(residuals.chunks(plane_bytes)) {
        let (high, low) = bytes.split_at(plane_bytes - width * height);
        let mut samples: Vec<i64> = Vec::new();
        for (n, &low) in low.iter().enumerate() {
            let (x, y) = (n % width, n / width);
            let at = |dx, dy| if dx > x || dy > y { 0 } else { samples[n - dy * width - dx] };
            let p = prediction(filters[y], at(1, 0), at(0, 1), at(1, 1));
            let high = high.get(n).map_or(0, |&h| i64::from(h));
            samples.push((p + 256 * high + i64::from(low)) % modulus);
        }
        planes.push(samples);
    }
    let mut out = Vec::new();
    for planes in planes.chunks(channels) {
        for n in 0..width * height {
            for (channel, plane) in planes.iter().enumerate() {
                let shifted = flags == 3 && (channel == 0 || channel == 2);
                let sample = plane[n] + if shifted { planes[1][n] } else { 0 };
                out.extend(&(sample % modulus).to_le_bytes()[..if wide { 2 } else { 1 }]);
            }
        }
    }
    Ok(out)
}

fn prediction(filter: u8, a: i64, b: i64, c: i64) -> i64 {
    let p = a + b - c;
    match filter {
        0 => 0,
        1 => a,
        2 => b,
        3 => (a + b) / 2,
        4 => [a, b, c].into_iter().min_by_key(|v| (v - p).abs()).unwrap_or(0),
        _ => p.clamp(a.min(b), a.max(b)),
    }
}

// ---------------------------------------------------------------- 11. Limits

fn within(what: &str, found: u64, limit: u64) -> Result<()> {
    demand(found <= limit, Kind::Limit, what)
}
