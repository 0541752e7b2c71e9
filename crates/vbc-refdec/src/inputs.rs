//! Inputs of the pixel model's layers, and copies (SPEC.md sections 6.2.5 to 6.2.8).

use std::collections::BTreeSet;

use crate::context::Context;

/// A one-hot's input.
const ONE: i64 = 128;
pub(crate) const PIXEL_INPUTS: usize = 112;
const NEAR_ABOVE: [(i64, i64); 6] = [(-1, 0), (-1, -1), (-1, 1), (-2, 0), (-1, -2), (-1, 2)];
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
            (ink.len() as i64, 256, w * h),
            (grey, 256, w * h),
            (values.len() as i64, 256, 256),
            (mass / 256, 512, w * h),
            (left, 128, w),
            (right, 128, w),
            (top.unwrap_or(h), 128, h),
            (top.map_or(0, |top| y - top), 128, h),
        ];
        scalars.map(|(n, scale, of)| (n * scale / of).min(128))
    }

    // 6.2.6
    pub(crate) fn row_inputs(&self) -> Vec<i64> {
        let (x, y) = self.place(self.pixels.len());
        let mut a = vec![0; row_inputs(self.width, self.height)];
        (0..52).for_each(|k| grey(&mut a, 2 * k, self.above(k)));
        let near = (0..25).map(|k| (k / 5 - 2, k % 5 - 2));
        for (k, offset) in near.chain(FAR).enumerate() {
            a[104 + k] = i64::from(self.p(offset));
        }
        a[140..148].copy_from_slice(&self.summary());
        for (k, &offset) in NEAR_ABOVE.iter().enumerate() {
            nibbles(&mut a, 148 + 32 * k, self.v(offset));
        }
        saturated_value(&mut a, 340, self.saturated()[0]);
        a[356 + y as usize] = ONE;
        a[356 + (self.height + x) as usize] = ONE;
        a
    }

    // 6.2.7
    pub(crate) fn pixel_inputs(&self) -> Vec<i64> {
        let mut a = vec![0; PIXEL_INPUTS];
        (0..6).for_each(|k| grey(&mut a, 2 * k, self.v((0, k as i64 - 6))));
        for (k, &q) in self.candidates().iter().enumerate() {
            grey(&mut a, 12 + 2 * k, q);
        }
        for (k, &offset) in NEAR.iter().enumerate() {
            a[24 + k] = lc(self.count(0, self.v(offset)));
        }
        nibbles(&mut a, 32, self.v((0, -1)));
        nibbles(&mut a, 64, self.v((0, -2)));
        saturated_value(&mut a, 96, self.saturated()[1]);
        a
    }

    // 6.2.8
    pub(crate) fn copies(&self) -> Vec<u8> {
        let near = NEAR.iter().map(|&offset| self.v(offset));
        near.chain(self.saturated()).chain(self.candidates()).collect()
    }
}

pub(crate) fn row_inputs(width: i64, height: i64) -> usize {
    (356 + height + width) as usize
}

fn grey(a: &mut [i64], i: usize, v: u8) {
    (a[i], a[i + 1]) = (i64::from(v), if v > 0 { ONE } else { 0 });
}

fn nibbles(a: &mut [i64], i: usize, v: u8) {
    if v > 0 {
        a[i + usize::from(v >> 4)] = ONE;
        a[i + 16 + usize::from(v & 15)] = ONE;
    }
}

fn saturated_value(a: &mut [i64], i: usize, v: u8) {
    if v > 0 {
        a[i + usize::from(v - 240)] = ONE;
    }
}

/// The largest e with 2^e ≤ (1 + n)^16, by multiplying it out in 3 words of 64 bits.
pub(crate) fn lc(n: usize) -> i64 {
    let mut power = [0u64; 3];
    power[0] = 1;
    for _ in 0..16 {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_of_section_6_2_7() {
        assert_eq!([0, 1, 2, 254, 255].map(lc), [0, 16, 25, 127, 128]);
    }

    #[test]
    fn inputs_are_bytes_in_their_place() {
        let preview = vec![255; 7 * 5];
        let mut c = Context::new((7, 5), (1, 1), &preview);
        for n in 0..7 * 5 {
            for inputs in [c.row_inputs(), c.pixel_inputs()] {
                assert!(inputs.iter().all(|a| (0..256).contains(a)));
            }
            assert_eq!(c.row_inputs()[356..].iter().sum::<i64>(), 2 * ONE);
            c.push([0, 255, 240, 1][n % 4]);
        }
    }
}
