//! A slow decoder of the vbc format, written from SPEC.md in SPEC.md's order, with nothing of `vbc`.
//!
//! It is an oracle for tests: where the two decoders differ, one of them or the text is wrong.
//! It does everything in the most literal way and holds whole files in memory.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

use std::collections::{BTreeMap, BTreeSet};

// ---------------------------------------------------------------- 0. How to read this

/// Why a file was refused (SPEC.md section 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Not what the format allows.
    Corrupt,
    /// Of a later version, perhaps.
    Unsupported,
    /// The model is not at hand.
    UnknownModel,
    /// Beyond a limit.
    Limit,
    /// A model file that must not be used.
    Model,
}

/// A refusal: its kind, and what was wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub Kind, pub String);

type Result<T> = std::result::Result<T, Refusal>;

fn refuse<T>(what: impl Into<String>) -> Result<T> {
    Err(Refusal(Kind::Corrupt, what.into()))
}

fn unsupported<T>(what: impl Into<String>) -> Result<T> {
    Err(Refusal(Kind::Unsupported, what.into()))
}

fn require(condition: bool, what: &str) -> Result<()> {
    if condition { Ok(()) } else { refuse(what) }
}

// ---------------------------------------------------------------- 1. Basic elements

/// Bytes read from the front.
#[derive(Clone, Copy)]
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, n: u64) -> Result<&'a [u8]> {
        if n > self.0.len() as u64 {
            return refuse("a field ends beyond its part");
        }
        let (head, rest) = self.0.split_at(n as usize);
        self.0 = rest;
        Ok(head)
    }

    fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
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
        refuse("a varint of more than 10 bytes")
    }

    fn varint_in(&mut self, what: &str, range: std::ops::RangeInclusive<u64>) -> Result<u64> {
        let value = self.varint()?;
        require(range.contains(&value), what)?;
        Ok(value)
    }

    fn name(&mut self, len: u64) -> Result<String> {
        require(len <= 4096, "a name is too long")?;
        match std::str::from_utf8(self.take(len)?) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => refuse("a name is not UTF-8"),
        }
    }

    fn end(&self) -> Result<()> {
        require(self.0.is_empty(), "bytes that no field accounts for")
    }
}

fn crc(parts: &[&[u8]]) -> u64 {
    u64::from(parts.iter().fold(0, |crc, part| crc32c::crc32c_append(crc, part)))
}

fn unzstd(data: &[u8], len: u64) -> Result<Vec<u8>> {
    within("bytes to decode", len, 1 << 30)?;
    match zstd::bulk::decompress(data, len as usize) {
        Ok(out) if out.len() as u64 == len => Ok(out),
        _ => refuse("zstd data is damaged or of another length"),
    }
}

fn packed(mut b: Bytes<'_>, limit: u64) -> Result<Vec<u8>> {
    let encoding = b.number(1)?;
    let len = b.varint()?;
    within("bytes to decode", len, limit)?;
    match encoding {
        0 if b.0.len() as u64 == len => Ok(b.0.to_vec()),
        1 => unzstd(b.0, len),
        _ => refuse("a reserved encoding or a wrong length"),
    }
}

// ---------------------------------------------------------------- 3. Images and pixel formats

/// Width, height, and pixel format byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Shape {
    pub width: u32,
    pub height: u32,
    pub format: u8,
}

/// An image and its name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Image {
    pub shape: Shape,
    pub name: Option<String>,
    pub data: Vec<u8>,
}

impl Shape {
    fn channels(&self) -> usize {
        usize::from(self.format % 4) + 1
    }

    fn wide(&self) -> bool {
        self.format >= 4
    }

    fn bytes(&self) -> Result<u64> {
        let pixels = u64::from(self.width) * u64::from(self.height);
        within("pixels of an image", pixels, 1 << 28)?;
        let bytes = pixels * self.channels() as u64 * (1 + u64::from(self.wide()));
        within("bytes of an image", bytes, 1 << 30)?;
        Ok(bytes)
    }
}

fn shape(b: &mut Bytes<'_>) -> Result<Shape> {
    let format = b.number(1)?;
    require(format < 8, "a reserved pixel format")?;
    let side = 1..=u64::from(u32::MAX);
    let width = b.varint_in("the width", side.clone())? as u32;
    let height = b.varint_in("the height", side)? as u32;
    Ok(Shape { width, height, format: format as u8 })
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
            model_requires((0..=24).contains(&self.shift[o]), name, "a shift above 24")?;
            let row = &self.weights[o * self.inputs..][..self.inputs];
            let sum: i64 = row.iter().enumerate().map(|(i, w)| w.abs() * magnitude(i)).sum();
            let bound = self.bias[o].abs() + self.half(o) + sum;
            model_requires(bound < 1 << 31, name, "an accumulator can overflow")?;
        }
        Ok(())
    }

    fn half(&self, o: usize) -> i64 {
        if self.shift[o] == 0 { 0 } else { 1 << (self.shift[o] - 1) }
    }

    fn wide(&self, inputs: &[i64]) -> Vec<i64> {
        assert_eq!(inputs.len(), self.inputs);
        let used: Vec<usize> = (0..self.inputs).filter(|&i| inputs[i] != 0).collect();
        let output = |o: usize| {
            let row = &self.weights[o * self.inputs..][..self.inputs];
            let acc = self.bias[o] + used.iter().map(|&i| row[i] * inputs[i]).sum::<i64>();
            (acc + self.half(o)) >> self.shift[o]
        };
        (0..self.outputs).map(output).collect()
    }

    fn saturated(&self, inputs: &[i64]) -> Vec<i64> {
        self.wide(inputs).into_iter().map(sat).collect()
    }

    fn relu(&self, inputs: &[i64]) -> Vec<i64> {
        self.saturated(inputs).into_iter().map(|a| a.max(0)).collect()
    }

    fn leaky(&self, inputs: &[i64], slope: u32) -> Vec<i64> {
        let leak = |t: i64| if t >= 0 { t } else { t >> slope };
        self.saturated(inputs).into_iter().map(leak).collect()
    }
}

fn sat(r: i64) -> i64 {
    r.clamp(-32_767, 32_767)
}

// ---------------------------------------------------------------- 5. Flow and bottleneck

struct Coupling {
    split: Vec<u8>,
    layers: Vec<Layer>,
}

struct Transform {
    couplings: Vec<Coupling>,
    slope: u32,
    chunks: Vec<usize>,
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
        for (at, &position) in self.chunks.iter().enumerate() {
            if at < m || self.null.is_none() {
                y[position] = wrap(z[at % m] * self.steps[at % m]);
            }
        }
        for coupling in self.couplings.iter().rev() {
            let side = |s: u8| (0..y.len()).filter(|&p| coupling.split[p] == s).collect::<Vec<_>>();
            let (kept, changed) = (side(0), side(1));
            let mut a: Vec<i64> = kept.iter().map(|&p| sat(y[p])).collect();
            let (last, before) = coupling.layers.split_last().expect("checked when loading");
            for layer in before {
                a = layer.leaky(&a, self.slope);
            }
            for (&p, d) in changed.iter().zip(last.wide(&a)) {
                y[p] = wrap(y[p] - d);
            }
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

/// What is known of a latent part-way.
#[derive(Clone, Default)]
struct Latent {
    inputs: Vec<i64>,
    z: Vec<i64>,
}

impl Prior {
    fn symbol(&self, latent: &mut Latent, coder: &mut Decoder<'_>) -> Result<()> {
        let (m, j) = (self.centre.len(), latent.z.len());
        let mut inputs = latent.inputs.clone();
        inputs.resize(m, 0);
        // Units of later dimensions see zeros here, and no logit of this dimension sees them.
        let units = self.hidden.relu(&inputs);
        let logits = self.logits.wide(&units)[16 * j..16 * j + 16].to_vec();
        let u = match coder.symbol(&frequencies(&logits))? as i64 {
            15 => {
                let negative = coder.bits(1)? == 1;
                let e = coder.bits(5)?;
                let high = coder.bits((e - 16).max(0))?;
                let low = coder.bits(e.min(16))?;
                let magnitude = (1 << e) + (high << 16) + low + 7;
                if negative { -magnitude } else { magnitude }
            }
            s => s - 7,
        };
        require(i32::try_from(u).is_ok(), "a latent symbol beyond 32 bits")?;
        latent.z.push(wrap(self.centre[j] + u));
        latent.inputs.push(64 * u.clamp(-127, 127));
        Ok(())
    }
}

/// An image part-way: section 6.2.
struct Context<'a> {
    width: i64,
    height: i64,
    preview: &'a [u8],
    pixels: Vec<u8>,
    after_w: Vec<u8>,
    after_n: Vec<u8>,
    after_wn: Vec<u8>,
    after_ne: Vec<u8>,
    modes: [u8; 2],
}

const NEAR_ABOVE: [(i64, i64); 10] =
    [(-1, 0), (-1, -1), (-1, 1), (-2, 0), (-1, -2), (-1, 2), (-2, -1), (-2, 1), (-2, -2), (-2, 2)];
const NEAR: [(i64, i64); 8] =
    [(0, -1), (-1, 0), (-1, -1), (-1, 1), (0, -2), (-2, 0), (-1, -2), (-1, 2)];
const FAR: [(i64, i64); 8] =
    [(-4, -4), (-4, 0), (-4, 4), (0, -4), (0, 4), (4, -4), (4, 0), (4, 4)];

impl<'a> Context<'a> {
    fn new(width: i64, height: i64, preview: &'a [u8]) -> Self {
        Context {
            width,
            height,
            preview,
            pixels: Vec::new(),
            after_w: vec![0; 256],
            after_n: vec![0; 256],
            after_wn: vec![0; 4096],
            after_ne: vec![0; 4096],
            modes: [0; 2],
        }
    }

    fn at(&self) -> (i64, i64) {
        let n = self.pixels.len() as i64;
        (n % self.width, n / self.width)
    }

    fn look(&self, plane: &[u8], dy: i64, dx: i64) -> u8 {
        let (x, y) = self.at();
        let (x, y) = (x + dx, y + dy);
        let inside = (0..self.width).contains(&x) && (0..self.height).contains(&y);
        if inside { plane[(y * self.width + x) as usize] } else { 0 }
    }

    fn v(&self, dy: i64, dx: i64) -> u8 {
        self.look(&self.pixels, dy, dx)
    }

    fn p(&self, dy: i64, dx: i64) -> u8 {
        self.look(self.preview, dy, dx)
    }

    // 6.2.1
    fn above(&self, k: i64) -> u8 {
        self.v(-1 - k / 13, k % 13 - 6)
    }

    fn has_context(&self) -> bool {
        (0..52).any(|k| self.above(k) > 0) || (1..=6).any(|k| self.v(0, -k) > 0)
    }

    // 6.2.2: `which` is 'i' (image), 'c' (column) or 'r' (row).
    fn coded(&self, which: char) -> impl Iterator<Item = u8> {
        let (x, y) = self.at();
        let place = move |n: i64| (n % self.width, n / self.width);
        self.pixels.iter().enumerate().filter_map(move |(n, &q)| {
            let (px, py) = place(n as i64);
            let inside = match which {
                'c' => px == x,
                'r' => py == y,
                _ => true,
            };
            (inside && q > 0).then_some(q)
        })
    }

    fn count(&self, which: char, value: u8) -> usize {
        self.coded(which).filter(|&q| q == value).count().min(255)
    }

    fn count_high(&self, which: char, high: u8) -> usize {
        self.coded(which).filter(|&q| q >> 4 == high).count().min(255)
    }

    fn distinct(&self, high: u8) -> usize {
        self.coded('i').filter(|&q| q >> 4 == high).collect::<BTreeSet<u8>>().len()
    }

    // 6.2.3
    fn sat_column(&self) -> u8 {
        let (_, y) = self.at();
        (1..=y).map(|d| self.v(-d, 0)).find(|&q| q >= 240).unwrap_or(0)
    }

    fn sat_row(&self) -> u8 {
        let (x, _) = self.at();
        (1..=x).map(|d| self.v(0, -d)).find(|&q| q >= 240).unwrap_or(0)
    }

    // 6.2.4
    fn corner(&self) -> [usize; 3] {
        [self.v(0, -1), self.v(-1, 0), self.v(-1, 1)].map(usize::from)
    }

    fn candidates(&self) -> [u8; 6] {
        let [w, n, ne] = self.corner();
        let mode = |q: u8| if self.count('i', q) > 1 { q } else { 0 };
        [
            self.after_w[w],
            self.after_n[n],
            self.after_wn[hash(w, n)],
            self.after_ne[hash(n, ne)],
            mode(self.modes[0]),
            mode(self.modes[1]),
        ]
    }

    fn push(&mut self, q: u8) {
        let [w, n, ne] = self.corner();
        self.pixels.push(q);
        if w != 0 {
            self.after_w[w] = q;
        }
        if n != 0 {
            self.after_n[n] = q;
        }
        if w != 0 || n != 0 {
            self.after_wn[hash(w, n)] = q;
        }
        if n != 0 || ne != 0 {
            self.after_ne[hash(n, ne)] = q;
        }
        let [first, second] = self.modes;
        if q != 0 && q != first {
            if self.count('i', q) > self.count('i', first) {
                self.modes = [q, first];
            } else if q != second && self.count('i', q) > self.count('i', second) {
                self.modes[1] = q;
            }
        }
    }

    // 6.2.5
    fn summary(&self) -> [i64; 8] {
        let (w, h, y) = (self.width, self.height, self.at().1);
        let rows = &self.pixels[..(y * w) as usize];
        let ink: Vec<i64> = (0..y * w).filter(|&n| rows[n as usize] > 0).collect();
        let values: BTreeSet<u8> = rows.iter().copied().filter(|&q| q > 0).collect();
        let grey = rows.iter().filter(|&&q| q > 0 && q < 255).count() as i64;
        let mass: i64 = rows.iter().map(|&q| i64::from(q)).sum();
        let left = ink.iter().map(|n| n % w).min().unwrap_or(w);
        let right = ink.iter().map(|n| n % w + 1).max().unwrap_or(0);
        let top = ink.first().map(|n| n / w);
        [
            ink.len() as i64 * 2048 / (w * h),
            grey * 2048 / (w * h),
            values.len() as i64 * 2048 / 256,
            mass / 256 * 4096 / (w * h),
            left * 1024 / w,
            right * 1024 / w,
            top.unwrap_or(h) * 1024 / h,
            top.map_or(0, |top| y - top) * 1024 / h,
        ]
        .map(|s| s.min(1024))
    }

    // 6.2.6
    fn row_inputs(&self) -> Vec<i64> {
        let (x, y) = self.at();
        let mut a = vec![0; row_inputs(self.width, self.height)];
        for k in 0..52 {
            grey(&mut a, 2 * k, self.above(k as i64));
        }
        for k in 0..33 {
            let near = (k as i64 / 5 - 2, k as i64 % 5 - 2);
            let (dy, dx) = if k < 25 { near } else { FAR[k - 25] };
            a[104 + k] = 4 * i64::from(self.p(dy, dx));
        }
        a[138..146].copy_from_slice(&self.summary());
        for (k, &(dy, dx)) in NEAR_ABOVE.iter().enumerate() {
            nibbles(&mut a, 146 + 32 * k, self.v(dy, dx));
        }
        saturated_value(&mut a, 466, self.sat_column());
        a[484 + y as usize] = 1024;
        a[484 + even(self.height) + x as usize] = 1024;
        a
    }

    // 6.2.7
    fn pixel_inputs(&self) -> Vec<i64> {
        let mut a = vec![0; 114];
        for k in 0..6 {
            grey(&mut a, 2 * k, self.v(0, -1 - k as i64));
        }
        nibbles(&mut a, 12, self.v(0, -1));
        nibbles(&mut a, 44, self.v(0, -2));
        saturated_value(&mut a, 76, self.sat_row());
        for (k, &q) in self.candidates().iter().enumerate() {
            grey(&mut a, 94 + 2 * k, q);
        }
        for (k, &(dy, dx)) in NEAR.iter().enumerate() {
            a[106 + k] = lc(self.count('i', self.v(dy, dx)));
        }
        a
    }

    // 6.2.8
    fn copies(&self) -> Vec<u8> {
        let near = NEAR.iter().map(|&(dy, dx)| self.v(dy, dx));
        near.chain([self.sat_column(), self.sat_row()]).chain(self.candidates()).collect()
    }
}

fn hash(a: usize, b: usize) -> usize {
    (67 * a + 1031 * b) % 4096
}

fn even(n: i64) -> usize {
    (n + n % 2) as usize
}

fn row_inputs(width: i64, height: i64) -> usize {
    484 + even(height) + even(width)
}

fn grey(a: &mut [i64], i: usize, v: u8) {
    if v > 0 {
        a[i] = 4 * i64::from(v);
        a[i + 1] = 1024;
    }
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

/// The largest e with 2^e ≤ (1 + n)^128, by multiplying (1 + n) out in 17 words of 64 bits.
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

// 6.3 and 6.4
struct Head {
    layers: Vec<Layer>,
    /// Image, column and row tables.
    tables: [Vec<i64>; 3],
    /// Entries of one table of each kind.
    units: [usize; 3],
}

impl Head {
    fn gates(&self) -> usize {
        (0..3).map(|k| self.tables[k].len() / self.units[k]).sum()
    }

    fn check(&self, name: &str) -> Result<()> {
        let mut sum = 0;
        for (table, &unit) in self.tables.iter().zip(&self.units) {
            model_requires(table.len() % unit == 0, name, "a table of a wrong size")?;
            sum += table.chunks(unit).map(|t| t.iter().map(|e| e.abs()).max().unwrap_or(0)).sum::<i64>();
        }
        model_requires(sum * 32_767 + 256 < 1 << 31, name, "gates can overflow")?;
        for layer in &self.layers {
            model_requires(layer.outputs == 32 + self.gates(), name, "a wrong number of outputs")?;
            layer.check(name, |_| 32_767)?;
        }
        Ok(())
    }

    /// `entry(kind, t)` is the index into a table of the kind; `copy(q)` the nibble that q copies to.
    fn logits(
        &self,
        layer: usize,
        hidden: &[i64],
        copies: &[u8],
        entry: impl Fn(usize, u8) -> usize,
        copy: impl Fn(u8) -> Option<u8>,
    ) -> Vec<i64> {
        let o = self.layers[layer].saturated(hidden);
        let logit = |t: u8| {
            let (mut gate, mut sum) = (16, 128);
            for kind in 0..3 {
                for table in self.tables[kind].chunks(self.units[kind]) {
                    sum += o[gate] * table[entry(kind, t)];
                    gate += 1;
                }
            }
            let copied = copies.iter().zip(&o[gate..]).filter(|&(&q, _)| q != 0 && copy(q) == Some(t));
            o[usize::from(t)] + (sum >> 8) + copied.map(|(_, w)| w).sum::<i64>()
        };
        (0..16).map(logit).collect()
    }
}

/// A loaded model.
pub struct Model {
    id: [u8; 32],
    width: i64,
    height: i64,
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
    /// The id (section 9.3).
    pub fn id(&self) -> [u8; 32] {
        self.id
    }

    /// Width and height of its images.
    pub fn size(&self) -> (u32, u32) {
        (self.width as u32, self.height as u32)
    }

    fn shape(&self) -> Shape {
        Shape { width: self.width as u32, height: self.height as u32, format: 0 }
    }

    fn code(&self, c: &mut Context<'_>, vector: &[i64], coder: &mut Decoder<'_>) -> Result<()> {
        let q = if c.has_context() {
            let row = self.row.relu(&[&c.row_inputs()[..], vector].concat());
            let pixel = self.pixel.relu(&[row, c.pixel_inputs()].concat());
            let hidden = self.hidden.relu(&pixel);
            let copies = c.copies();
            let high_entry = |kind: usize, t: u8| match kind {
                0 => c.count_high('i', t).min(63) * 17 + c.distinct(t),
                1 => c.count_high('c', t).min(31),
                _ => c.count_high('r', t).min(31),
            };
            let logits = self.high.logits(0, &hidden, &copies, high_entry, |q| Some(q >> 4));
            let h = coder.symbol(&frequencies(&logits))? as u8;
            let low_entry = |kind: usize, t: u8| match kind {
                0 => c.count('i', 16 * h + t).min(63),
                1 => c.count('c', 16 * h + t).min(31),
                _ => c.count('r', 16 * h + t).min(31),
            };
            let copy = |q: u8| (q >> 4 == h).then_some(q & 15);
            let logits = self.low.logits(usize::from(h), &hidden, &copies, low_entry, copy);
            16 * h + coder.symbol(&frequencies(&logits))? as u8
        } else {
            // 6.5
            let i = usize::from(c.pixels.iter().any(|&q| q > 0));
            let around = (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (dy, dx)));
            let largest = around.map(|(dy, dx)| c.p(dy, dx)).max().unwrap_or(0);
            let j = 8 - largest.leading_zeros() as usize;
            let logit = self.position[2 * c.pixels.len() + i] + self.preview[j];
            if coder.symbol(&frequencies(&[0, logit]))? == 0 {
                0
            } else {
                let h = coder.symbol(&frequencies(&self.blank_high))?;
                let l = coder.symbol(&frequencies(&self.blank_low[16 * h..16 * h + 16]))?;
                require(16 * h + l > 0, "ink of value 0")?;
                (16 * h + l) as u8
            }
        };
        c.push(q);
        Ok(())
    }

    // 6.6
    fn latents(&self, images: usize, coder: &mut Decoder<'_>) -> Result<Vec<Latent>> {
        let mut latents = vec![Latent::default(); images];
        if let Some((_, prior, _)) = &self.latent {
            for _ in 0..prior.centre.len() {
                for latent in &mut latents {
                    prior.symbol(latent, coder)?;
                }
            }
        }
        Ok(latents)
    }

    /// The pixels of images in one stream.
    fn pixels(&self, latents: &[&Latent], coder: &mut Decoder<'_>) -> Result<Vec<Vec<u8>>> {
        let blank = vec![0; (self.width * self.height) as usize];
        let parts = latents.iter().map(|latent| match &self.latent {
            Some((transform, _, image)) => (transform.preview(&latent.z), image.relu(&latent.inputs)),
            None => (blank.clone(), Vec::new()),
        });
        let parts: Vec<(Vec<u8>, Vec<i64>)> = parts.collect();
        let mut contexts: Vec<Context<'_>> =
            parts.iter().map(|(p, _)| Context::new(self.width, self.height, p)).collect();
        for _ in 0..self.width * self.height {
            for (context, (_, vector)) in contexts.iter_mut().zip(&parts) {
                self.code(context, vector, coder)?;
            }
        }
        Ok(contexts.into_iter().map(|c| c.pixels).collect())
    }

    fn single(&self, stream: &[u8]) -> Result<Vec<u8>> {
        let (pixels, coder) = self.alone(stream)?;
        coder.finish()?;
        Ok(pixels)
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
            let numbers: Vec<usize> = (lane..images).step_by(lanes.len()).collect();
            let mine: Vec<&Latent> = numbers.iter().map(|&i| &latents[i]).collect();
            let mut coder = Decoder::new(stream);
            for (i, pixels) in numbers.iter().zip(self.pixels(&mine, &mut coder)?) {
                out[*i] = pixels;
            }
            coder.finish()?;
        }
        Ok(out.concat())
    }
}

// ---------------------------------------------------------------- 7. Entropy coding

/// The exp2 table of section 7.2.
pub fn exp2_table() -> Vec<u32> {
    let mut root = 1u128 << 62;
    for _ in 0..10 {
        root = (root << 63).isqrt();
    }
    let mut power = 1u128 << 63;
    let mut table = Vec::new();
    for _ in 0..1024 {
        table.push((((power >> 46) + 1) / 2) as u32);
        power = (power * root) >> 63;
    }
    table
}

/// Logits to frequencies (section 7.2).
pub fn frequencies(logits: &[i64]) -> Vec<u64> {
    static EXP2: std::sync::LazyLock<Vec<u32>> = std::sync::LazyLock::new(exp2_table);
    let n = logits.len() as u64;
    let largest = *logits.iter().max().expect("at least two symbols");
    let best = logits.iter().position(|&l| l == largest).expect("it is there");
    let weight = |l: &i64| {
        let d = (largest - l) as u64;
        u64::from(EXP2[(d % 1024) as usize] >> (d / 1024).min(31))
    };
    let weights: Vec<u64> = logits.iter().map(weight).collect();
    let scale = ((65_536 - n) << 20) / weights.iter().sum::<u64>();
    let mut f: Vec<u64> = weights.iter().map(|w| 1 + ((w * scale) >> 20)).collect();
    f[best] += 65_536 - f.iter().sum::<u64>();
    f
}

/// The range decoder (section 7.3).
pub struct Decoder<'a> {
    stream: &'a [u8],
    position: usize,
    code: u64,
    range: u64,
}

impl<'a> Decoder<'a> {
    /// A decoder at the start of a stream.
    pub fn new(stream: &'a [u8]) -> Self {
        let mut d = Decoder { stream, position: 0, code: 0, range: 1 << 40 };
        (0..5).for_each(|_| d.next_byte());
        d
    }

    fn byte(&self, at: usize) -> u64 {
        self.stream.get(at).map_or(0, |&b| u64::from(b))
    }

    fn next_byte(&mut self) {
        self.code = self.code << 8 | self.byte(self.position);
        self.position += 1;
    }

    /// The next symbol of a distribution.
    ///
    /// # Errors
    /// Where no encoder writes what is there.
    pub fn symbol(&mut self, f: &[u64]) -> Result<usize> {
        let unit = self.range >> 16;
        let point = self.code / unit;
        require(point < 1 << 16, "a point between symbols and the end of the interval")?;
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
        let f = vec![1 << (16 - count); 1 << count];
        Ok(self.symbol(&f)? as i64)
    }

    /// The stream that an encoder makes of the symbols so far: the low end of the interval, which
    /// is all bytes taken less `code`, and the tail.
    fn canonical(&self) -> Vec<u8> {
        let mut number: Vec<u8> = (0..self.position).map(|i| self.byte(i) as u8).collect();
        let mut add = |at: usize, amount: i64| {
            let mut carry = amount;
            for byte in number[..at].iter_mut().rev() {
                carry += i64::from(*byte);
                *byte = carry as u8;
                carry >>= 8;
            }
            Bytes(&number[self.position - 5..]).0.iter().fold(0, |n, &b| n << 8 | u64::from(b))
        };
        let low = add(self.position, -(self.code as i64));
        let written = self.position - 5;
        let length = if low == 0 {
            written
        } else if low + self.range > 1 << 40 {
            add(written, 1);
            written
        } else {
            add(self.position, (1 << 32) - 1);
            written + 1
        };
        number.truncate(length);
        number
    }

    /// The canonical end.
    ///
    /// # Errors
    /// Where the stream does not end as an encoder ends it.
    pub fn finish(self) -> Result<()> {
        let window = (self.position - 5..self.position).fold(0, |w, i| w << 8 | self.byte(i));
        let low = window.wrapping_sub(self.code) % (1 << 40);
        let (tail, value) = if low == 0 || low + self.range > 1 << 40 {
            (0, 0)
        } else {
            (1, low.div_ceil(1 << 32) << 32)
        };
        let ends = self.stream.len() == self.position - 5 + tail && window == value;
        require(ends, "a stream does not end as an encoder ends it")
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
        _ => refuse("not a vbc file"),
    }
}

// 8.1
fn single(file: &[u8], models: &[Model]) -> Result<Image> {
    let mut b = Bytes(file);
    b.take(2)?;
    let mode = b.number(1)?;
    if mode >> 5 & 3 != 1 {
        return unsupported("a later version");
    }
    let method = mode >> 3 & 3;
    require(method != 3 && mode & 1 == 0, "a reserved bit or method")?;
    let id = b.take(if method == 2 { 4 } else { 0 })?;
    let stated = if mode & 4 != 0 { Some(shape(&mut b)?) } else { None };
    require(stated.is_some() || method == 2, "a shape is missing")?;
    let mut name = None;
    if mode & 2 != 0 {
        let len = b.varint()?;
        name = Some(b.name(len)?);
    }
    let head = &file[..file.len() - b.0.len()];
    let checksum = b.number(4)?;
    let stream = b.rest();
    let fitting: Vec<&Model> = models.iter().filter(|m| m.id.starts_with(id)).collect();
    let model = match fitting[..] {
        _ if method < 2 => None,
        [model] => Some(model),
        _ => return Err(Refusal(Kind::UnknownModel, format!("{id:02x?}"))),
    };
    let shape = match (model, stated) {
        (Some(model), None) => model.shape(),
        (None, Some(shape)) => shape,
        _ => return refuse("a shape where the model has one"),
    };
    let size = shape.bytes()?;
    let data = match model {
        Some(model) => model.single(stream)?,
        None if method == 0 => raw(size, stream)?,
        None => generic(shape, 1, stream)?,
    };
    require(crc(&[head, &data, stream]) == checksum, "the CRC does not match")?;
    Ok(Image { shape, name, data })
}

/// An input file of an archive that comes back byte for byte: its name and its bytes.
pub type InputFile = (String, Vec<u8>);

struct BlockRef {
    offset: u64,
    len: u64,
    images: u64,
}

struct Page {
    blocks: u64,
    images: u64,
    first_block: u64,
    offset: u64,
    len: u64,
}

/// An archive whose footer and root have been read.
pub struct Archive<'a> {
    file: &'a [u8],
    lanes: u64,
    block_images: u64,
    pages: Vec<Page>,
    /// Method, id, and place of the MODEL section.
    methods: Vec<([u8; 32], Option<(u64, u64)>)>,
    files: Vec<(u64, u64)>,
    images: u64,
}

fn part(file: &[u8], offset: u64, len: u64) -> Result<&[u8]> {
    let mut b = Bytes(file);
    b.take(offset)?;
    b.take(len)
}

// 8.3
fn section(bytes: &[u8], ty: u8) -> Result<Bytes<'_>> {
    let mut b = Bytes(bytes);
    let found = b.number(1)?;
    let len = b.varint()?;
    require(found == u64::from(ty) && len == b.0.len() as u64 && len >= 4, "another section")?;
    let (covered, end) = bytes.split_at(bytes.len() - 4);
    require(crc(&[covered]) == Bytes(end).number(4)?, "the CRC of a section does not match")?;
    Ok(Bytes(&b.0[..b.0.len() - 4]))
}

// 8.10
fn footer(file: &[u8], offset: u64) -> Result<[u64; 5]> {
    let bytes = part(file, offset, 50)?;
    let mut b = Bytes(bytes);
    require(b.take(2)? == [0x07, 0x30], "no footer")?;
    let mut fields = [0; 5];
    for field in &mut fields {
        *field = b.number(8)?;
    }
    let [root, len, images, blocks, previous] = fields;
    let checksum = crc(&[&bytes[..42], &offset.to_le_bytes()]);
    require(b.number(4)? == checksum && b.rest() == [0xF5, 0x56, 0x42, 0x45], "no footer")?;
    let inside = root.checked_add(len).is_some_and(|end| end <= offset);
    require(inside && blocks <= images && previous < offset, "a footer that cannot be")?;
    Ok(fields)
}

fn plus(a: u64, b: u64) -> Result<u64> {
    a.checked_add(b).map_or_else(|| refuse("a sum beyond 64 bits"), Ok)
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
        if b.number(1)? != 1 {
            return unsupported("a later version");
        }
        let flags = b.number(1)?;
        let (lanes, block_images) = (b.number(2)?, b.number(4)?);
        require(crc(&[&file[..16]]) == b.number(4)?, "the CRC of the header does not match")?;
        require(flags == 0, "reserved flags")?;
        require((1..=64).contains(&lanes), "lanes")?;
        require((1..=65_536).contains(&block_images), "block images")?;

        let len = file.len() as u64;
        let lowest = len.saturating_sub(1 << 30).max(20);
        let mut places = (lowest..(len + 1).saturating_sub(50)).rev();
        let Some(fields) = places.find_map(|at| footer(file, at).ok()) else {
            return refuse("no footer");
        };
        let [root, root_len, images, blocks, _] = fields;
        let mut archive = Archive {
            file,
            lanes,
            block_images,
            pages: Vec::new(),
            methods: Vec::new(),
            files: Vec::new(),
            images,
        };
        archive.root(section(part(file, root, root_len)?, 0x06)?, root)?;
        let sum = |f: fn(&Page) -> u64| archive.pages.iter().map(f).sum::<u64>();
        require(sum(|p| p.blocks) == blocks && sum(|p| p.images) == images, "other totals")?;
        within("images of an archive", images, 1 << 36)?;
        Ok(archive)
    }

    // 8.9
    fn root(&mut self, mut b: Bytes<'_>, at: u64) -> Result<()> {
        let (pages, mut first_block, mut images) = (b.varint()?, 0, 0u64);
        for i in 0..pages {
            let full = if i + 1 < pages { 1024 } else { 1 };
            let blocks = b.varint_in("blocks of a page", full..=1024)?;
            let n = b.varint()?;
            images = plus(images, n)?;
            first_block = plus(first_block, b.varint()?)?;
            let offset = plus(first_block, b.varint()?)?;
            let len = b.varint()?;
            require(plus(offset, len)? <= at, "a page behind the root")?;
            self.pages.push(Page { blocks, images: n, first_block, offset, len });
        }
        let mut end = 0;
        for _ in 0..b.varint()? {
            let ty = b.number(1)?;
            let offset = plus(end, b.varint()?)?;
            let len = b.varint()?;
            end = plus(offset, len)?;
            match ty {
                0x81 => {
                    let id = definition(&mut b)?;
                    self.methods.push((id, None));
                    require(self.methods.len() <= 1022, "too many methods")?;
                }
                0x82 => {
                    let method = b.varint_in("the method of a model", 2..=1023)? as usize;
                    let Some((_, model)) = self.methods.get_mut(method - 2) else {
                        return refuse("the model of no method");
                    };
                    *model = model.or(Some((offset, len)));
                }
                0x83 => self.files.push((offset, len)),
                0x84 | 0x05 | 0x06 | 0x07 => return refuse("a section that is not for the list"),
                _ if ty & 0x80 != 0 => return unsupported("an essential section"),
                _ => {}
            }
            require(end <= at, "a section behind the root")?;
        }
        b.end()
    }

    // 8.8
    fn page(&self, page: &Page) -> Result<Vec<BlockRef>> {
        let mut b = section(part(self.file, page.offset, page.len)?, 0x05)?;
        let count = b.varint_in("blocks of a page", 0..=1024)?;
        let (mut end, mut images, mut sum) = (page.first_block, self.block_images, 0);
        let mut blocks = Vec::new();
        for i in 0..count {
            let code = b.varint()?;
            let mut gap = 0;
            if code % 2 == 1 {
                gap = b.varint()?;
                let n = b.varint_in("images of a block", 1..=self.block_images)?;
                require(gap != 0 || n != images, "an entry that says nothing")?;
                require(gap == 0 || i > 0, "a gap before the first block")?;
                images = n;
            }
            let (offset, len) = (plus(end, gap)?, code / 2);
            end = plus(offset, len)?;
            require(len > 0 && end <= page.offset, "a block behind its page")?;
            blocks.push(BlockRef { offset, len, images });
            sum += images;
        }
        require(count == page.blocks && sum == page.images, "other totals than the root's")?;
        b.end()?;
        Ok(blocks)
    }

    // 8.5
    fn embedded(&self, method: usize) -> Result<Option<Model>> {
        let (id, Some((offset, len))) = self.methods[method - 2] else { return Ok(None) };
        let mut b = section(part(self.file, offset, len)?, 0x82)?;
        require(b.varint()? == method as u64, "the model of another method")?;
        let model = Model::load(&packed(b, 1 << 26)?)?;
        require(model.id == id, "a model of another id")?;
        Ok(Some(model))
    }

    /// All images, in order.
    ///
    /// # Errors
    /// Where SPEC.md says to refuse the file.
    pub fn images(&self, models: &[Model]) -> Result<Vec<Image>> {
        let mut loaded = BTreeMap::new();
        let mut images = Vec::new();
        for page in &self.pages {
            for block in self.page(page)? {
                self.block(&block, models, &mut loaded, &mut images)?;
            }
        }
        Ok(images)
    }

    // 8.7
    fn block(
        &self,
        at: &BlockRef,
        models: &[Model],
        loaded: &mut BTreeMap<usize, Option<Model>>,
        out: &mut Vec<Image>,
    ) -> Result<()> {
        let whole = part(self.file, at.offset, at.len)?;
        let mut b = Bytes(whole);
        require(b.number(1)? == 0x84, "no block")?;
        require(b.varint()? == b.0.len() as u64, "another length than the index says")?;
        let method = b.varint_in("the method", 0..=1023)? as usize;
        let images = b.varint_in("images of a block", 1..=self.block_images)?;
        require(images == at.images, "another number of images than the index says")?;
        let flags = b.number(1)?;
        require(flags < 4, "reserved flags")?;
        let stated = if flags & 1 != 0 { Some(shape(&mut b)?) } else { None };
        let names_len = if flags & 2 != 0 { b.varint_in("names", 7..=u64::MAX)? } else { 0 };
        let latent_len = b.varint()?;
        let lanes = if method < 2 { 1 } else { self.lanes.min(images) };
        let lengths = (1..lanes).map(|_| b.varint()).collect::<Result<Vec<u64>>>()?;
        let (pixels_crc, residual_crc) = (b.number(4)?, b.number(4)?);
        let head = &whole[..whole.len() - b.0.len()];
        let head_crc = b.number(4)?;
        let names = b.take(names_len)?;
        let latent = b.take(latent_len)?;
        require(crc(&[head, latent]) == head_crc, "the head's CRC does not match")?;
        let mut streams = Vec::new();
        for len in lengths {
            streams.push(b.take(len)?);
        }
        streams.push(b.rest());
        require(crc(&streams) == residual_crc, "the residual's CRC does not match")?;
        let names = if flags & 2 != 0 { list(names, images)? } else { vec![None; images as usize] };

        let mut model = None;
        if method >= 2 {
            let Some((id, _)) = self.methods.get(method - 2) else {
                return refuse("no such method in the table");
            };
            if !loaded.contains_key(&method) {
                loaded.insert(method, self.embedded(method)?);
            }
            model = loaded[&method].as_ref().or_else(|| models.iter().find(|m| m.id == *id));
            if model.is_none() {
                return Err(Refusal(Kind::UnknownModel, format!("{id:02x?}")));
            }
        }
        let shape = match (model, stated) {
            (Some(model), None) => model.shape(),
            (None, Some(shape)) => shape,
            _ => return refuse("a shape too many or too few"),
        };
        let size = shape.bytes()?;
        within("bytes of a block", size * images, 1 << 30)?;
        require(model.is_some() || latent.is_empty(), "a latent without a model")?;
        let pixels = match model {
            Some(model) => model.block(images as usize, latent, &streams)?,
            None if method == 1 => raw(size * images, streams[0])?,
            None => generic(shape, images, streams[0])?,
        };
        require(crc(&[&pixels]) == pixels_crc, "the CRC of the pixels does not match")?;
        for (data, name) in pixels.chunks(size as usize).zip(names) {
            out.push(Image { shape, name, data: data.to_vec() });
        }
        Ok(())
    }

    // 8.6
    /// The input files that have a FILE section; `images` are those of [`Archive::images`].
    ///
    /// # Errors
    /// Where SPEC.md says to refuse the file.
    pub fn files(&self, images: &[Image]) -> Result<Vec<InputFile>> {
        let (mut files, mut end) = (Vec::new(), 0);
        for &(offset, len) in &self.files {
            let mut b = section(part(self.file, offset, len)?, 0x83)?;
            let kind = b.number(1)?;
            require(kind < 2, "a reserved kind of file")?;
            let len = b.varint()?;
            let name = b.name(len)?;
            let first = b.varint()?;
            require(first >= end && first <= self.images, "files that overlap")?;
            end = first;
            let bytes = if kind == 1 {
                let checksum = b.number(4)?;
                let bytes = packed(b, 1 << 30)?;
                require(crc(&[&bytes]) == checksum, "the CRC of a file does not match")?;
                bytes
            } else {
                let mut bytes = b.0.to_vec();
                let (shape, count) = idx(b)?;
                end = plus(first, count)?;
                require(end <= self.images, "a file of more images than there are")?;
                for image in &images[first as usize..end as usize] {
                    require(image.shape == shape, "an image of another shape in an IDX file")?;
                    bytes.extend(&image.data);
                }
                bytes
            };
            files.push((name, bytes));
        }
        Ok(files)
    }
}

fn idx(mut b: Bytes<'_>) -> Result<(Shape, u64)> {
    require(b.take(3)? == [0, 0, 8], "no IDX of bytes")?;
    let rank = b.number(1)?;
    let mut counts = Vec::new();
    for _ in 0..rank {
        counts.push(b.take(4)?.iter().fold(0, |n, &d| n << 8 | u32::from(d)));
    }
    b.end()?;
    let product = counts.iter().try_fold(1u64, |p, &c| p.checked_mul(u64::from(c)));
    require(product.is_some_and(|p| p > 0), "an IDX that is empty or too large")?;
    match counts[..] {
        [n, height, width] => Ok((Shape { width, height, format: 0 }, u64::from(n))),
        [n, height, width, c @ 1..=4] => {
            Ok((Shape { width, height, format: c as u8 - 1 }, u64::from(n)))
        }
        _ => refuse("no IDX of images"),
    }
}

fn list(names: &[u8], images: u64) -> Result<Vec<Option<String>>> {
    let (covered, end) = names.split_at(names.len() - 4);
    require(crc(&[covered]) == Bytes(end).number(4)?, "the CRC of the names does not match")?;
    let list = packed(Bytes(covered), 1 << 30)?;
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

// 8.4
fn definition(b: &mut Bytes<'_>) -> Result<[u8; 32]> {
    if b.number(1)? != 1 {
        return unsupported("a kind of method");
    }
    let mut id = [0; 32];
    id.copy_from_slice(b.take(32)?);
    Ok(id)
}

// ---------------------------------------------------------------- 9. Model files

fn model_requires(condition: bool, name: &str, what: &str) -> Result<()> {
    if condition { Ok(()) } else { Err(Refusal(Kind::Model, format!("{name}: {what}"))) }
}

struct Tensor<'a> {
    ty: u8,
    shape: Vec<usize>,
    data: &'a [u8],
}

struct Tensors<'a> {
    all: BTreeMap<String, Tensor<'a>>,
    taken: BTreeSet<String>,
}

impl Tensors<'_> {
    fn get(&mut self, name: &str, ty: u8) -> Result<(Vec<usize>, Vec<i64>)> {
        self.taken.insert(name.to_owned());
        let Some(tensor) = self.all.get(name).filter(|t| t.ty == ty) else {
            return Err(Refusal(Kind::Model, format!("{name}: missing, or of another type")));
        };
        let number = |b: &[u8]| match *b {
            [a] if ty == 1 => i64::from(a as i8),
            [a] => i64::from(a),
            [a, b] => i64::from(i16::from_le_bytes([a, b])),
            [a, b, c, d] if ty == 3 => i64::from(i32::from_le_bytes([a, b, c, d])),
            [a, b, c, d] => i64::from(u32::from_le_bytes([a, b, c, d])),
            _ => 0,
        };
        let size = [1, 1, 2, 4, 4][usize::from(ty)];
        Ok((tensor.shape.clone(), tensor.data.chunks(size).map(number).collect()))
    }

    fn flat(&mut self, name: &str, ty: u8, len: usize) -> Result<Vec<i64>> {
        let (_, values) = self.get(name, ty)?;
        model_requires(values.len() == len, name, "another number of elements")?;
        Ok(values)
    }

    /// The layers of a tensor of rank 3 (`head.low`), or the one of rank 2.
    fn layers(&mut self, name: &str, rank: usize) -> Result<Vec<Layer>> {
        let (dims, weights) = self.get(&format!("{name}.weight"), 1)?;
        model_requires(dims.len() == rank, name, "another rank")?;
        let (count, outputs, inputs) = match dims[..] {
            [count, outputs, inputs] => (count, outputs, inputs),
            [outputs, inputs] => (1, outputs, inputs),
            _ => (0, 0, 0),
        };
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
        let layer = self.layers(name, 2)?.remove(0);
        model_requires(layer.inputs == inputs, name, "another number of inputs")?;
        layer.check(name, m)?;
        Ok(layer)
    }
}

impl Model {
    /// Loads a model file.
    ///
    /// # Errors
    /// Where SPEC.md says to refuse it.
    pub fn load(file: &[u8]) -> Result<Self> {
        within("bytes of a model file", file.len() as u64, 1 << 26)?;
        let bad = |e: safetensors::SafeTensorError| Refusal(Kind::Model, e.to_string());
        let (n, header) = safetensors::SafeTensors::read_metadata(file).map_err(bad)?;
        safetensors::SafeTensors::deserialize(file).map_err(bad)?;
        let mut t = Tensors { all: BTreeMap::new(), taken: BTreeSet::new() };
        for (name, info) in header.tensors() {
            let types = ["U8", "I8", "I16", "I32", "U32"];
            let ty = types.iter().position(|ty| *ty == format!("{:?}", info.dtype));
            let Some(ty) = ty else {
                return Err(Refusal(Kind::Model, format!("{name}: a type of element")));
            };
            let small = info.shape.len() <= 4 && info.shape.iter().all(|&d| d < 1 << 32);
            model_requires(small, &name, "dimensions")?;
            let (begin, end) = info.data_offsets;
            let data = &file[8 + n + begin..8 + n + end];
            t.all.insert(name, Tensor { ty: ty as u8, shape: info.shape.clone(), data });
        }
        let metadata = header.metadata().clone().unwrap_or_default();
        let text = |key: &str| match metadata.get(key) {
            Some(text) => Ok(text.as_str()),
            None => Err(Refusal(Kind::Model, format!("{key} is missing"))),
        };
        let number = |key: &str| {
            let value = text(key)?.parse::<i64>();
            value.map_err(|_| Refusal(Kind::Model, format!("{key} is no number")))
        };

        // 9.3
        let mut serial = Vec::new();
        for key in ["format", "shape", "c", "bottleneck", "null", "slope"] {
            serial.extend(format!("{key}={}\n", text(key)?).bytes());
        }
        for (name, tensor) in &t.all {
            serial.extend(name.bytes().chain([0, tensor.ty, tensor.shape.len() as u8]));
            tensor.shape.iter().for_each(|&d| serial.extend((d as u32).to_le_bytes()));
            serial.extend(tensor.data);
        }
        let id = *blake3::hash(&serial).as_bytes();

        // 9.1
        let format = text("format")?;
        if format != "vbc-model-1" && format.starts_with("vbc-model-") {
            return unsupported("a later version of model files");
        }
        model_requires(format == "vbc-model-1", "format", "no vbc model")?;
        let dims: Vec<i64> = text("shape")?.split('x').filter_map(|d| d.parse().ok()).collect();
        let &[height, width, channels] = &dims[..] else {
            return Err(Refusal(Kind::Model, "shape".to_owned()));
        };
        if channels != 1 {
            return unsupported("channels of a model");
        }
        let sides = 1..=16_384;
        let fits = sides.contains(&width) && sides.contains(&height) && width * height <= 16_384;
        model_requires(fits, "shape", "too many pixels")?;
        let pixels = (width * height) as usize;

        // 9.2
        let kind = text("bottleneck")?;
        let latent = match kind {
            "none" => None,
            "rvb" | "nvb" => {
                let c = number("c")?;
                model_requires(c > 0 && pixels as i64 % c == 0, "c", "does not divide")?;
                let null = if kind == "nvb" { Some(number("null")?) } else { None };
                let null_fits = i32::try_from(null.unwrap_or(0)).is_ok();
                model_requires(null_fits, "null", "beyond 32 bits")?;
                let slope = number("slope")?;
                model_requires((0..16).contains(&slope), "slope", "beyond 15")?;
                Some(load_latent(&mut t, pixels, pixels / c as usize, null, slope as u32)?)
            }
            _ => return Err(Refusal(Kind::Model, "bottleneck".to_owned())),
        };
        let vector = latent.as_ref().map_or(0, |(_, _, image)| image.outputs);
        let features = row_inputs(width, height);
        let row = |i| if i < features { 1024 } else { 32_767 };
        let row = t.layer("row", features + vector, row)?;
        model_requires(row.outputs % 2 == 0, "row", "an odd number of outputs")?;
        let pixel = |i| if i < row.outputs { 32_767 } else { 1024 };
        let pixel = t.layer("pixel", row.outputs + 114, pixel)?;
        let hidden = t.layer("hidden", pixel.outputs, |_| 32_767)?;
        let mut heads = Vec::new();
        for (name, rank, count, image) in [("head.high", 2, 1, 64 * 17), ("head.low", 3, 16, 64)] {
            let layers = t.layers(name, rank)?;
            let fits = layers.len() == count && layers.iter().all(|l| l.inputs == hidden.outputs);
            model_requires(fits && hidden.outputs > 0, name, "another shape")?;
            let tables = [
                t.get(&format!("{name}.image"), 2)?.1,
                t.get(&format!("{name}.column"), 2)?.1,
                t.get(&format!("{name}.row"), 2)?.1,
            ];
            let head = Head { layers, tables, units: [image, 32, 32] };
            head.check(name)?;
            heads.push(head);
        }
        let low = heads.pop().expect("two were made");
        let high = heads.pop().expect("two were made");
        let model = Model {
            id,
            width,
            height,
            latent,
            row,
            pixel,
            hidden,
            high,
            low,
            position: t.flat("blank.position", 2, 2 * pixels)?,
            preview: t.flat("blank.preview", 2, 9)?,
            blank_high: t.flat("blank.high", 2, 16)?,
            blank_low: t.flat("blank.low", 2, 256)?,
        };
        let unknown = t.all.keys().find(|name| !t.taken.contains(*name));
        model_requires(unknown.is_none(), "tensors", "one that has no place")?;
        Ok(model)
    }
}

fn load_latent(
    t: &mut Tensors<'_>,
    pixels: usize,
    m: usize,
    null: Option<i64>,
    slope: u32,
) -> Result<(Transform, Prior, Layer)> {
    let mut couplings = Vec::new();
    while t.all.contains_key(&format!("flow.{}.split", couplings.len())) {
        let name = format!("flow.{}", couplings.len());
        let split = t.flat(&format!("{name}.split"), 0, pixels)?;
        model_requires(split.iter().all(|&s| s < 2), &name, "a split beyond 1")?;
        let changed = split.iter().filter(|&&s| s == 1).count();
        let mut layers: Vec<Layer> = Vec::new();
        let mut width = pixels - changed;
        while t.all.contains_key(&format!("{name}.{}.weight", layers.len())) {
            let layer = t.layer(&format!("{name}.{}", layers.len()), width, |_| 32_767)?;
            width = layer.outputs;
            layers.push(layer);
        }
        model_requires(!layers.is_empty() && width == changed, &name, "layers that do not fit")?;
        couplings.push(Coupling { split: split.iter().map(|&s| s as u8).collect(), layers });
    }
    let chunks = t.flat("latent.chunks", 4, pixels)?;
    let permutation = chunks.iter().copied().collect::<BTreeSet<i64>>();
    let fits = permutation.into_iter().eq(0..pixels as i64);
    model_requires(fits, "latent.chunks", "no permutation")?;
    let steps = t.flat("latent.step", 3, m)?;
    model_requires(steps.iter().all(|s| (1..=1 << 20).contains(s)), "latent.step", "a range")?;
    let centre = t.flat("prior.centre", 3, m)?;
    let hidden = t.layer("prior.hidden", m, |_| 8_128)?;
    let units = hidden.outputs / m;
    let fits = (1..=32).contains(&units) && hidden.outputs == units * m;
    model_requires(fits, "prior.hidden", "a number of units")?;
    let logits = t.layer("prior.logits", units * m, |_| 32_767)?;
    model_requires(logits.outputs == 16 * m, "prior.logits", "another number of outputs")?;
    let free = |layer: &Layer, per: usize, allowed: fn(usize, usize) -> usize, units: usize| {
        layer.weights.chunks(layer.inputs).enumerate().all(|(r, row)| {
            row[allowed(r / per, units)..].iter().all(|&w| w == 0)
        })
    };
    model_requires(free(&hidden, units, |j, _| j + 1, units), "prior.hidden", "mask")?;
    model_requires(free(&logits, 16, |j, units| j * units, units), "prior.logits", "mask")?;
    let image = t.layer("image", m, |_| 8_128)?;
    let chunks = chunks.iter().map(|&p| p as usize).collect();
    let transform = Transform { couplings, slope, chunks, steps, null };
    Ok((transform, Prior { centre, hidden, logits }, image))
}

// ---------------------------------------------------------------- 10. Coders without a model

fn raw(size: u64, stream: &[u8]) -> Result<Vec<u8>> {
    require(stream.len() as u64 == size, "another number of raw bytes")?;
    Ok(stream.to_vec())
}

fn generic(shape: Shape, images: u64, stream: &[u8]) -> Result<Vec<u8>> {
    let mut b = Bytes(stream);
    let flags = b.number(1)?;
    let channels = shape.channels();
    require(matches!(flags, 0 | 1) || (flags == 3 && channels >= 3), "reserved flags")?;
    let size = shape.bytes()? * images;
    if flags == 0 {
        return unzstd(b.rest(), size);
    }
    let (width, height) = (shape.width as usize, shape.height as usize);
    let rows = images * (channels * height) as u64;
    let data = unzstd(b.rest(), size + rows)?;
    let (filters, mut residuals) = data.split_at(rows as usize);
    require(filters.iter().all(|&f| f < 6), "a reserved filter")?;
    let modulus = if shape.wide() { 1 << 16 } else { 1 << 8 };
    let mut out = Vec::new();
    for filters in filters.chunks(channels * height) {
        let mut planes: Vec<Vec<i64>> = Vec::new();
        for filters in filters.chunks(height) {
            let plane;
            let mut take = || {
                let (plane, rest) = residuals.split_at(width * height);
                residuals = rest;
                plane
            };
            let high = if shape.wide() { take() } else { &[] };
            plane = take();
            let mut samples: Vec<i64> = Vec::new();
            for (n, &low) in plane.iter().enumerate() {
                let (x, y) = (n % width, n / width);
                let at = |dx: usize, dy: usize| {
                    if dx > x || dy > y { 0 } else { samples[n - dy * width - dx] }
                };
                let p = prediction(filters[y], at(1, 0), at(0, 1), at(1, 1));
                let high = high.get(n).map_or(0, |&h| i64::from(h));
                samples.push((p + 256 * high + i64::from(low)) % modulus);
            }
            planes.push(samples);
        }
        for n in 0..width * height {
            for (channel, plane) in planes.iter().enumerate() {
                let green = if flags == 3 && (channel == 0 || channel == 2) { planes[1][n] } else { 0 };
                let sample = (plane[n] + green) % modulus;
                out.push(sample as u8);
                if shape.wide() {
                    out.push((sample >> 8) as u8);
                }
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
    if found > limit { Err(Refusal(Kind::Limit, format!("{what}: {found}"))) } else { Ok(()) }
}
