//! Section 3.5, Figure 8: RVB X8 against a VAE with as many latents.

use anyhow::Result;
use candle_core::{Device, Tensor};
use serde_json::json;

use super::document::Document;
use super::model::size_of;
use super::{DataSet, Setting};
use crate::log::{Table, read_csv};
use crate::optim::Params;
use crate::paper::{Fit, Keep, Likelihood, Vae, inputs, mse, psnr, spread, ssim, write_grid};
use crate::rng::Rng;

/// Width of the VAE's hidden layers, about as many parameters as the flow's `cpu` preset.
const HIDDEN: usize = 400;
/// Test images that reconstructions are measured on.
const MEASURED: usize = 1000;
/// Draws of the VAE's latent whose decoded pictures are compared.
const DRAWS: usize = 8;

pub(super) fn run(setting: &Setting, document: &mut Document) -> Result<()> {
    let data = setting.mnist()?;
    let size = size_of(&data.train);
    let runs = setting.train(document, &data, setting.redundancy(8), setting.args.epochs)?;
    let trained = runs.first();
    setting.samples("rvb", &trained.model, size)?;
    document.picture("rvb", "Samples, RVB X8");

    let n = MEASURED.min(data.test.n);
    let items: Vec<u32> = (0..n as u32).collect();
    let truth = unit(&data.test, &items, &setting.device)?.to_vec2::<f32>()?;
    let x = inputs(&data.test, &items, &setting.reading, None, &setting.device)?;
    let mut rows = Vec::new();
    for (name, keep) in
        [("RVB, mean of the chunks", Keep::Mean), ("RVB, first chunk", Keep::Chunk(0))]
    {
        let again = |x: &Tensor| -> Result<Vec<Vec<f32>>> {
            let back = trained.model.reconstruct(x, keep)?.to_vec2::<f32>()?;
            let to_unit = |v: f32| setting.reading.input.to_unit(v).clamp(0.0, 1.0);
            Ok(back.into_iter().map(|r| r.into_iter().map(to_unit).collect()).collect())
        };
        let first = again(&x)?;
        let same = again(&x)? == first;
        let bits = if same { "identical bits" } else { "DIFFERENT BITS" };
        rows.push(row(name, &truth, &first, size, bits));
    }
    for likelihood in [Likelihood::Bernoulli, Likelihood::Gaussian] {
        let label = if likelihood == Likelihood::Bernoulli { "bernoulli" } else { "gaussian" };
        let latent = trained.model.latent_len();
        let (vae, epochs) = train(setting, &data, label, likelihood, latent)?;
        document.log(&format!("mnist-vae-{label}"), &epochs);
        let bounds = |column: usize| epochs.rows.iter().map(move |(e, v)| (*e as f64, v[column]));
        document.chart(
            &format!("vae-{label}-elbo"),
            &format!("Evidence lower bound after each epoch, VAE with a {label} decoder"),
            "nats an image",
            vec![("train".into(), bounds(0).collect()), ("test".into(), bounds(1).collect())],
        );
        let file = format!("vae-{label}");
        let mut rng = Rng::new(setting.args.seed, 8);
        let drawn = vae.sample(64, setting.args.temperature, &mut rng)?.to_vec2::<f32>()?;
        write_grid(&setting.dir.join(format!("{file}.png")), &drawn, size, 8)?;
        document.picture(&file, &format!("Samples, VAE with a {label} decoder"));
        let posterior = vae.encode(&unit(&data.test, &items, &setting.device)?)?;
        let draws = (0..DRAWS)
            .map(|_| vae.decode(&vae.draw(&posterior, &mut rng)?))
            .collect::<candle_core::Result<Vec<_>>>()?;
        let differs = format!("draws differ by σ = {:.4}", spread(&draws)?);
        let back = vae.decode(&posterior[0])?.to_vec2::<f32>()?;
        rows.push(row(&format!("VAE, {label}, posterior mean"), &truth, &back, size, &differs));
        let drawn = draws[0].to_vec2::<f32>()?;
        rows.push(row(&format!("VAE, {label}, a draw"), &truth, &drawn, size, &differs));
    }
    document.say(&format!(
        "Reconstruction of {n} test images through 98 numbers, values in 0 to 1. The last column says \
         what decoding the same image again gives; the spread is the standard deviation of a pixel \
         over {DRAWS} draws, a mean over pixels and images."
    ));
    document.table(&["model", "MSE", "PSNR, dB", "SSIM", "decoded again"], rows);
    Ok(())
}

fn row(
    name: &str,
    truth: &[Vec<f32>],
    back: &[Vec<f32>],
    size: (usize, usize),
    again: &str,
) -> Vec<String> {
    let n = truth.len().max(1) as f64;
    let pairs = || truth.iter().zip(back);
    let error = pairs().map(|(a, b)| mse(a, b)).sum::<f64>() / n;
    let noise = pairs().map(|(a, b)| psnr(mse(a, b).max(1e-12))).sum::<f64>() / n;
    let alike = pairs().map(|(a, b)| ssim(a, b, size)).sum::<f64>() / n;
    vec![
        name.to_owned(),
        format!("{error:.5}"),
        format!("{noise:.2}"),
        format!("{alike:.3}"),
        again.to_owned(),
    ]
}

/// Pixels in 0..=1, (n, d).
fn unit(images: &crate::data::Images, items: &[u32], device: &Device) -> Result<Tensor> {
    let x: Vec<f32> = items
        .iter()
        .flat_map(|&i| images.image(i as usize))
        .map(|&p| f32::from(p) / 255.0)
        .collect();
    Ok(Tensor::from_vec(x, (items.len(), images.image_len()), device)?)
}

fn train(
    setting: &Setting,
    data: &DataSet,
    label: &str,
    likelihood: Likelihood,
    latent: usize,
) -> Result<(Vae, Table)> {
    const RATE: f64 = 1e-3;
    let sizes = [data.train.image_len(), HIDDEN, latent];
    let (mut params, mut rng) =
        (Params::without_averages(&setting.device), Rng::new(setting.args.seed, 0));
    let vae = Vae::new(&mut params, sizes, likelihood, &mut rng)?;
    let config = json!({
        "vae": sizes, "likelihood": likelihood, "epochs": setting.args.epochs,
        "seed": setting.args.seed, "batch": setting.reading.batch, "rate": RATE,
        "data_blake3": data.train.blake3(),
    });
    let fit = Fit {
        dir: setting.folder(&format!("{}-vae-{label}", data.name), &config),
        config,
        epochs: setting.args.epochs,
        batch: setting.reading.batch,
        rate: RATE,
        seed: setting.args.seed,
    };
    println!("{}: {} parameters", fit.dir.display(), params.count());
    let all: Vec<u32> = (0..data.test.n as u32).collect();
    fit.run(
        &mut params,
        &data.train,
        &["elbo"],
        |items, rng| {
            let elbo = vae.elbo(&unit(&data.train, items, &setting.device)?, rng)?;
            let figure = f64::from(elbo.to_scalar::<f32>()?);
            Ok((elbo.neg()?, vec![figure]))
        },
        || {
            let mut rng = Rng::new(setting.args.seed, 7);
            let mut sum = 0.0;
            for items in all.chunks(500) {
                let elbo = vae
                    .elbo(&unit(&data.test, items, &setting.device)?, &mut rng)?
                    .to_scalar::<f32>()?;
                sum += f64::from(elbo) * items.len() as f64;
            }
            Ok(vec![sum / all.len().max(1) as f64])
        },
    )?;
    Ok((vae, read_csv(&fit.log())?))
}
