//! `vbc append`

use std::fs::File;
use std::io::Read;

use vbc::{Archive, ArchiveWriter, DecodeOptions};

use super::add::Adder;
use super::{encode, print_json, verify};
use crate::args::Append;
use crate::failure::{About, Failure, Outcome};
use crate::inputs;
use crate::settings::Settings;

/// Adds inputs behind what an archive holds. The archive stays readable throughout: its old index
/// is in force until the new one is complete.
pub fn run(args: &Append, settings: &Settings) -> Outcome {
    let options = settings.encode_options(&args.coding)?;
    let inputs = inputs::collect(&args.inputs)?.list;
    let path = &args.archive;
    let mut reading = DecodeOptions::default();
    reading.limits = settings.limits.clone();
    reading.registry = options.registry.clone();
    reading.threads = settings.threads;

    let open = || File::options().read(true).write(true).open(path);
    let mut adder = Adder::new(settings, inputs.len());
    refuse_single(open().about(path)?).about(path)?;
    let mut archive = Archive::open(open().about(path)?, reading.clone()).about(path)?;
    for file in archive.files().about(path)? {
        if let Some(name) = file.name {
            // A name that the archive holds twice is not for us to mend.
            let _ = adder.used.take(&name);
        }
    }
    drop(archive);

    let file = open().about(path)?;
    let mut writer = ArchiveWriter::append(file.try_clone()?, options).about(path)?;
    let before = file.metadata().about(path)?.len();
    let added = (|| {
        inputs.into_iter().try_for_each(|input| adder.add(&mut writer, input))?;
        writer.finish().about(path)
    })();
    let (written, summary) = match added {
        Ok(done) => done,
        Err(failure) => {
            // The archive is valid with what the attempt left behind it; without, it is as before.
            let _ = file.set_len(before);
            return Err(failure);
        }
    };
    adder.progress.finish();
    if args.verify {
        verify::archive(written, reading, settings).about(path)?;
    }
    if !settings.quiet {
        adder.warnings.print();
    }
    let report = encode::report(&summary, &adder, args.verify);
    if settings.json {
        return print_json(&report);
    }
    if !settings.quiet {
        eprintln!("vbc: {}", encode::sentence(&report));
    }
    Ok(())
}

/// A single image is no damaged archive, and its owner has a way out.
fn refuse_single(file: File) -> Outcome {
    let mut first = Vec::new();
    file.take(3).read_to_end(&mut first)?;
    match first[..] {
        [b'V', b'B', kind] if kind != b'C' => Err(Failure::input(
            "a single image, to which nothing can be appended; encode with --archive",
        )),
        _ => Ok(()),
    }
}
