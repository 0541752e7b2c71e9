//! The learned step of each latent dimension (SPEC.md section 5.3).

use crate::error::Error;

/// A step for each dimension, in state units (1/16 of a grey level).
#[derive(Debug)]
pub(crate) struct Steps(Vec<i32>);

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
        assert!(Steps::new(vec![1, 0]).is_err());
    }
}
