//! Inputs of the pixel model's layers, and copies (SPEC.md sections 6.2.5 to 6.2.8).

use std::collections::BTreeSet;

use crate::context::Context;

const NEAR_ABOVE: [(i64, i64); 10] =
    [(-1, 0), (-1, -1), (-1, 1), (-2, 0), (-1, -2), (-1, 2), (-2, -1), (-2, 1), (-2, -2), (-2, 2)];
const NEAR: [(i64, i64); 8] =
    [(0, -1), (-1, 0), (-1, -1), (-1, 1), (0, -2), (-2, 0), (-1, -2), (-1, 2)];
const FAR: [(i64, i64); 8] = [(-4, -4), (-4, 0), (-4, 4), (0, -4), (0, 4), (4, -4), (4, 0), (4, 4)];

impl Context<'_> {
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
    pub(crate) fn row_inputs(&self) -> Vec<i64> {
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
    pub(crate) fn pixel_inputs(&self) -> Vec<i64> {
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
    pub(crate) fn copies(&self) -> Vec<u8> {
        let near = NEAR.iter().map(|&offset| self.v(offset));
        near.chain(self.saturated()).chain(self.candidates()).collect()
    }
}

fn even(n: i64) -> usize {
    (n + n % 2) as usize
}

pub(crate) fn row_inputs(width: i64, height: i64) -> usize {
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
