//! `vbc encode`

use serde_json::json;
use vbc::archive::Summary;
use vbc::{ArchiveWriter, DecodeOptions, EncodeOptions};

use super::add::{Adder, samples};
use super::{bits_per_dimension, counted, print_json, verify};
use crate::args::Encode;
use crate::failure::{About, Failure, Outcome};
use crate::inputs::{self, Content, Input};
use crate::output::{Output, Target};
use crate::settings::Settings;
use crate::warnings::Warnings;

/// The arguments, resolved.
struct Job<'a> {
    inputs: Vec<Input>,
    target: Target,
    options: EncodeOptions,
    args: &'a Encode,
    settings: &'a Settings,
}

/// Encodes one picture to a single-image file, anything else to an archive.
pub fn run(args: &Encode, settings: &Settings) -> Outcome {
    let mut options = settings.encode_options(&args.coding)?;
    options.block_images = args.block.unwrap_or(options.block_images);
    let target = Target::of(&args.output);
    if settings.json && target == Target::Stdout {
        return Err(Failure::usage("--json and -o - both claim standard output"));
    }
    let collected = inputs::collect(&args.inputs)?;
    let single = collected.single;
    if args.name.is_some() && !single {
        return Err(Failure::usage("--name is for one input that is no directory"));
    }
    let mut job = Job { inputs: collected.list, target, options, args, settings };
    if single && let Some(mut input) = job.inputs.pop() {
        let content = inputs::open(&mut input, settings.limits.memory)?;
        if let (Content::Picture(bytes), false) = (&content, args.archive) {
            return job.picture(&input, bytes);
        }
        input.name = args.name.clone().unwrap_or(input.name);
        return job.archive(Some((input, content)));
    }
    job.archive(None)
}

impl Job<'_> {
    fn picture(&self, input: &Input, bytes: &[u8]) -> Outcome {
        let about = &input.name;
        if self.options.embed_model {
            return Err(Failure::usage("a single image embeds no model; --archive does"));
        }
        let (image, dropped) = vbc::read_image(bytes, &self.options.limits).about_name(about)?;
        let mut warnings = Warnings::default();
        dropped.into_iter().for_each(|w| warnings.add(about, w));
        let file =
            vbc::encode(&image, self.args.name.as_deref(), &self.options).about_name(about)?;
        if self.args.verify && vbc::decode(&file, &self.decode_options())? != image {
            return Err(Failure::input("the result does not decode to the image"))
                .about_name(about);
        }
        crate::output::write(&self.target, self.args.force, &file)?;
        let bits = 8.0 * file.len() as f64;
        let per_dimension = bits_per_dimension(bits, samples(&image.shape()));
        self.report(&warnings, || {
            json!({
                "kind": "image",
                "images": 1,
                "raw_bytes": image.data().len(),
                "bytes": file.len(),
                "bits_per_dimension": per_dimension,
                "verified": self.args.verify,
            })
        })
    }

    fn archive(self, first: Option<(Input, Content)>) -> Outcome {
        let output = Output::create(&self.target, self.args.force, self.args.verify)?;
        let output_name = output.name().to_owned();
        let mut writer = ArchiveWriter::new(output, self.options.clone())?;
        let mut adder = Adder::new(self.settings, self.inputs.len() + usize::from(first.is_some()));
        if let Some((input, content)) = first {
            adder.add_content(&mut writer, &input.name, content)?;
        }
        for input in &self.inputs {
            adder.add(&mut writer, input.clone())?;
        }
        let (mut output, summary) = writer.finish().about_name(&output_name)?;
        adder.progress.finish();
        if self.args.verify
            && let Some(file) = output.written()?
        {
            verify::archive(file, self.decode_options(), self.settings).about_name(&output_name)?;
        }
        output.commit()?;
        self.report(&adder.warnings, || report(&summary, &adder, self.args.verify))
    }

    fn decode_options(&self) -> DecodeOptions {
        let mut options = DecodeOptions::default();
        options.limits = self.options.limits.clone();
        options.registry = self.options.registry.clone();
        options.threads = self.options.threads;
        options
    }

    fn report(&self, warnings: &Warnings, result: impl FnOnce() -> serde_json::Value) -> Outcome {
        if !self.settings.quiet {
            warnings.print();
        }
        let result = result();
        if self.settings.json {
            return print_json(&result);
        }
        if !self.settings.quiet {
            eprintln!("vbc: {}", sentence(&result));
        }
        Ok(())
    }
}

/// What `encode` and `append` say of an archive.
pub fn report(summary: &Summary, adder: &Adder<'_>, verified: bool) -> serde_json::Value {
    let bits = 8.0 * summary.bytes as f64;
    let unit = vbc::Bits::ONE as f64;
    let (latent, residual) =
        (summary.latent_bits.units() as f64 / unit, summary.residual_bits.units() as f64 / unit);
    json!({
        "kind": "archive",
        "images": summary.images,
        "blocks": summary.blocks,
        "blocks_without_model": summary.blocks_without_model,
        "raw_bytes": adder.raw_bytes,
        "bytes": summary.bytes,
        "archive_bytes": summary.archive_bytes,
        "side_bytes": summary.side_bytes,
        "latent_bits": latent,
        "residual_bits": residual,
        "overhead_bits": bits - latent - residual,
        "bits_per_dimension": bits_per_dimension(bits, adder.samples),
        "verified": verified,
    })
}

/// A report in one line for people.
pub fn sentence(report: &serde_json::Value) -> String {
    let number = |key: &str| report[key].as_u64().unwrap_or(0);
    let images = counted(number("images"), "image");
    let mut text = format!("{images}, {} → {} bytes", number("raw_bytes"), number("bytes"));
    if let Some(bits) = report["bits_per_dimension"].as_f64() {
        text += &format!(", {bits:.3} bits per dimension");
    }
    if report["verified"] == true {
        text += ", verified";
    }
    text
}
