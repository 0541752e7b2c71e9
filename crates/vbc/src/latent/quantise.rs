//! The learned step of each latent dimension (SPEC.md section 5.3).

use crate::error::Error;

/// A step for each dimension, in state units (1/16 of a grey level).
#[derive(Debug)]
pub(crate) struct Steps(Vec<i32>);

/// [`Second::nearness`] of an integer that is as near as the nearest.
pub(crate) const AS_NEAR: u32 = 1 << 28;

/// Another integer than the nearest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Second {
    pub value: i32,
    /// How near it is: from 0, as far as it can be, to [`AS_NEAR`].
    pub nearness: u32,
}

impl Steps {
    /// # Errors
    /// [`Error::Model`] where a step is not in 1 ..= 2²⁰.
    pub fn new(steps: Vec<i32>) -> Result<Self, Error> {
        match steps.iter().position(|s| !(1..=1 << 20).contains(s)) {
            Some(i) => {
                Err(Error::model("latent.step", format!("step {} of dimension {i}", steps[i])))
            }
            None => Ok(Steps(steps)),
        }
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// z = mean / step rounded half up, from sums of `sum_of` values. Only an encoder does this, so
    /// a decoder does not depend on the rounding.
    pub fn quantise(&self, sums: &[i64], sum_of: i64, z: &mut [i32]) {
        for ((z, &sum), &step) in z.iter_mut().zip(sums).zip(&self.0) {
            let unit = i64::from(step) * sum_of;
            let value = (2 * sum + unit).div_euclid(2 * unit);
            *z = value.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32;
        }
    }

    /// Appends for each z that [`quantise`](Self::quantise) gave the integer that is the next nearest to mean / step.
    pub fn second(&self, sums: &[i64], sum_of: i64, z: &[i32], out: &mut Vec<Second>) {
        let each = z.iter().zip(sums).zip(&self.0);
        out.extend(each.map(|((&z, &sum), &step)| {
            let unit = i64::from(step) * sum_of;
            // Not beyond ±unit, but where z was clamped.
            let beyond = (sum - i64::from(z) * unit).clamp(-unit, unit);
            // Where z was clamped, the one next to it on the other side.
            let by = if beyond < 0 { -1 } else { 1 };
            let value = z.checked_add(by).unwrap_or(z.wrapping_sub(by));
            // A unit is at most 2³⁴: 2²⁰ times so many values of y as there are pixels.
            let nearness = beyond.unsigned_abs() * u64::from(2 * AS_NEAR) / unit.unsigned_abs();
            // A z that was clamped can be farther from the mean.
            Second { value, nearness: nearness.min(AS_NEAR.into()) as u32 }
        }));
    }

    /// z · step, wrapping.
    pub fn dequantise(&self, z: &[i32], values: &mut Vec<i32>) {
        values.clear();
        values.extend(z.iter().zip(&self.0).map(|(z, step)| z.wrapping_mul(*step)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_half_up() {
        let steps = Steps::new(vec![10; 5]).unwrap();
        let mut z = [0; 5];
        steps.quantise(&[20, 10, 9, -10, -11], 2, &mut z);
        assert_eq!(z, [1, 1, 0, 0, -1]);
        // 1, 0.5, 0.45, −0.5 and −0.55.
        let mut second = Vec::new();
        steps.second(&[20, 10, 9, -10, -11], 2, &z, &mut second);
        assert_eq!(second.iter().map(|s| s.value).collect::<Vec<_>>(), [2, 0, 1, -1, 0]);
        let near = second.iter().map(|s| s.nearness.div_ceil(1 << 18));
        assert!(near.eq([0, 1024, 922, 1024, 922]));
        assert!(Steps::new(vec![1, 0]).is_err());
    }
}
