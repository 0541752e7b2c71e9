//! The codec's prior, fitted to the latents that the integer transform gives.

use anyhow::Result;
use candle_core::{Device, Tensor};

use super::run::{Run, Stage};
use crate::models::LatentPrior;
use crate::optim::Params;

/// The rounded mean of each dimension of latents of m integers each.
pub fn centres(latents: &[i32], m: usize) -> Vec<i32> {
    let mut sums = vec![0i64; m];
    for z in latents.chunks_exact(m) {
        sums.iter_mut().zip(z).for_each(|(s, &z)| *s += i64::from(z));
    }
    let n = (latents.len() / m).max(1) as f64;
    sums.into_iter().map(|s| (s as f64 / n).round() as i32).collect()
}

/// Takes the centres off latents of as many integers each.
pub fn centre(latents: &mut [i32], centres: &[i32]) {
    for z in latents.chunks_exact_mut(centres.len()) {
        z.iter_mut().zip(centres).for_each(|(z, c)| *z = z.wrapping_sub(*c));
    }
}

/// Latents as the prior's inputs (n, m), on a device, and its n · m symbols: −7 to 7 are 0 to 14, the
/// rest 15.
///
/// # Errors
/// Where candle cannot make the tensor.
pub fn symbols(latents: &[i32], centres: &[i32], device: &Device) -> Result<(Tensor, Vec<u8>)> {
    let m = centres.len();
    let value = |(i, z): (usize, &i32)| z.wrapping_sub(centres[i % m]);
    let values: Vec<i32> = latents.iter().enumerate().map(value).collect();
    let inputs: Vec<f32> = values.iter().map(|v| (*v).clamp(-127, 127) as f32).collect();
    let symbols = values.iter().map(|v| if v.abs() <= 7 { (v + 7) as u8 } else { 15 }).collect();
    Ok((Tensor::from_vec(inputs, (latents.len() / m, m), device)?, symbols))
}

/// Bits of the symbols that follow the escapes among latents less their centres: sign, length and the
/// excess over 7 (SPEC.md section 6.1).
pub fn escape_bits(latents: &[i32]) -> f64 {
    let beyond = latents.iter().filter_map(|z| z.unsigned_abs().checked_sub(7)?.checked_ilog2());
    beyond.map(|extra| f64::from(1 + 5 + extra)).sum()
}

/// Trains the prior on latents and their centres.
///
/// # Errors
/// Those of the run.
pub fn train_prior(
    run: &Run,
    stage: &Stage,
    params: &mut Params,
    prior: &LatentPrior,
    latents: &[i32],
    centres: &[i32],
) -> Result<()> {
    let (m, device) = (centres.len(), params.device().clone());
    run.train(stage, params, latents.len() / m, |_, items, step| {
        let z: Vec<i32> = items
            .iter()
            .flat_map(|&i| &latents[i as usize * m..(i as usize + 1) * m])
            .copied()
            .collect();
        let (inputs, symbols) = symbols(&z, centres, &device)?;
        let bits =
            (prior.bits(&inputs, &symbols, step * 5 >= stage.steps * 4)? / items.len() as f64)?;
        let number = f64::from(bits.to_scalar::<f32>()?);
        Ok((bits, vec![number]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_cost_what_they_are_written_with() {
        assert_eq!(escape_bits(&[0, 7, -7, 3]), 0.0);
        // An excess of 1, of 2 and 3, of 1 000.
        assert_eq!(escape_bits(&[8]), 6.0);
        assert_eq!(escape_bits(&[-9, 10]), 14.0);
        assert_eq!(escape_bits(&[0, 1007]), 15.0);
    }
}
