//! Speeds of the library on one thread: `speed IMAGES IDX-FILE
//! [fast|default|best|smallest|MODEL-FILE [archive|sizes|threads]]`.
//!
//! Codes the first images of the IDX file as one archive, as `vbc encode` would, and some of them as
//! single files, and prints images a second for each direction and question as a JSON object: the
//! fastest of several runs, for the machine is rarely quiet. With `archive` only the archive's encoding and
//! decoding are measured, with `sizes` those and the mean size of single files.
//!
//! With `threads` only what a second thread gives is: `threads_2` is how many times as fast two threads decode and
//! encode the archive, `busy` the processor seconds that they then take in a second, 2 at most, and `twice` how many
//! times as much is done where two threads decode and encode an archive each: what the machine has to give.
#![expect(clippy::disallowed_types, reason = "seconds are measured, not coded")]

use std::error::Error;
use std::io::Cursor;
use std::thread;
use std::time::Instant;

use cpu_time::ProcessTime;
use vbc::{
    Archive, ArchiveWriter, DecodeOptions, EncodeOptions, IdxHeader, Image, Latent, Level, Limits,
    ModelChoice,
};

const USAGE: &str =
    "usage: speed IMAGES IDX-FILE [fast|default|best|smallest|MODEL-FILE [archive|sizes|threads]]";

const RUNS: usize = 3;

/// There are as many of these as fit in [`SHORT`] seconds, if more.
const MOST_RUNS: usize = 9;
const SHORT: f64 = 10.0;

/// Single-image files.
const SINGLES: usize = 1000;

/// Seconds after which there is no further run.
const LONG: f64 = 30.0;

/// Seconds of a run, and its result.
fn timed<T>(run: impl FnOnce() -> Result<T, vbc::Error>) -> Result<(f64, T), vbc::Error> {
    let begun = Instant::now();
    let result = run()?;
    Ok((begun.elapsed().as_secs_f64(), result))
}

/// Seconds of the fastest run, and its result.
fn fastest<T>(mut run: impl FnMut() -> Result<T, vbc::Error>) -> Result<(f64, T), vbc::Error> {
    let begun = Instant::now();
    let mut best = timed(&mut run)?;
    for runs in 1..MOST_RUNS {
        if best.0 >= LONG || runs >= RUNS && begun.elapsed().as_secs_f64() >= SHORT {
            break;
        }
        best.0 = best.0.min(timed(&mut run)?.0);
    }
    Ok(best)
}

/// What a second thread gives.
struct Scaling {
    threads_2: f64,
    busy: f64,
    twice: f64,
}

/// Runs with one thread, with two, and twice at once with one thread each: all three ways in turn, several times, for
/// what else is at work on the machine.
fn scaling<T: Send>(
    run: impl Fn(usize) -> Result<T, vbc::Error> + Sync,
) -> Result<Scaling, vbc::Error> {
    let (mut least, mut busy) = ([f64::INFINITY; 3], 0.0);
    for _ in 0..RUNS {
        let [one, two, twice] = &mut least;
        *one = one.min(timed(|| run(1))?.0);
        let before = ProcessTime::now();
        let seconds = timed(|| run(2))?.0;
        if seconds < *two {
            (*two, busy) = (seconds, before.elapsed().as_secs_f64() / seconds);
        }
        let at_once = || {
            thread::scope(|scope| {
                let other = scope.spawn(|| run(1));
                run(1)?;
                other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
        };
        *twice = twice.min(timed(at_once)?.0);
    }
    let [one, two, twice] = least;
    Ok(Scaling { threads_2: one / two, busy, twice: 2.0 * one / twice })
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(count), Some(path)) = (args.next(), args.next()) else {
        return Err(USAGE.into());
    };
    let mut settings = EncodeOptions::default();
    match args.next().as_deref() {
        None | Some("default") => settings.level = Level::Default,
        Some("fast") => settings.level = Level::Fast,
        Some("best") => settings.level = Level::Best,
        Some("smallest") => (settings.level, settings.latent) = (Level::Best, Latent::None),
        Some(file) => {
            let id = settings.registry.add_file(&std::fs::read(file)?, &Limits::default())?;
            settings.model = ModelChoice::Fixed(id);
        }
    }
    let what = args.next();
    if what.as_deref().is_some_and(|what| !["archive", "sizes", "threads"].contains(&what)) {
        return Err(USAGE.into());
    }
    let file = std::fs::read(path)?;
    let mut rest = file.as_slice();
    let header = IdxHeader::read(&mut rest)?;
    let (shape, _) = header.image_shape().ok_or("not a stack of images")?;
    let size = usize::try_from(shape.bytes())?;
    let images: Vec<Image> = rest
        .chunks_exact(size)
        .take(count.parse()?)
        .map(|p| Image::new(shape, p.to_vec()))
        .collect::<Result<_, _>>()?;
    let n = images.len();

    let encode = |threads: usize| {
        let mut options = settings.clone();
        options.threads = threads;
        let mut writer = ArchiveWriter::new(Vec::new(), options)?;
        images.iter().try_for_each(|image| writer.add_image(image, None))?;
        Ok(writer.finish()?.0)
    };
    let (encoding, archive) = match what.as_deref() {
        Some("threads") => timed(|| encode(2))?,
        _ => fastest(|| encode(1))?,
    };
    let mut decoding = DecodeOptions::default();
    decoding.registry = settings.registry.clone();
    let open = |threads: usize| {
        let mut options = decoding.clone();
        options.threads = threads;
        Archive::open(Cursor::new(archive.as_slice()), options)
    };
    let decode = |threads: usize| {
        let mut archive = open(threads)?;
        let mut same = 0;
        for (found, image) in archive.images().zip(&images) {
            same += usize::from(found?.image == *image);
        }
        assert_eq!(same, n, "all images come back");
        Ok(())
    };
    if what.as_deref() == Some("threads") {
        let [encoding, decoding] = [scaling(encode)?, scaling(decode)?];
        println!(
            "{{\"images\": {n}, \"encode_threads_2\": {:.3}, \"encode_busy\": {:.3}, \"encode_twice\": {:.3}, \
             \"decode_threads_2\": {:.3}, \"decode_busy\": {:.3}, \"decode_twice\": {:.3}}}",
            encoding.threads_2,
            encoding.busy,
            encoding.twice,
            decoding.threads_2,
            decoding.busy,
            decoding.twice
        );
        return Ok(());
    }
    let (decoding_s, ()) = fastest(|| decode(1))?;
    let some = &images[..n.min(SINGLES)];
    let singles =
        || some.iter().map(|i| vbc::encode(i, None, &settings)).collect::<Result<Vec<_>, _>>();
    let single_bytes =
        |files: &[Vec<u8>]| files.iter().map(Vec::len).sum::<usize>() as f64 / files.len() as f64;
    if let Some(what) = what {
        let (n, bytes) = (n as f64, archive.len());
        let (encode, decode) = (n / encoding, n / decoding_s);
        print!(
            "{{\"images\": {n}, \"bytes\": {bytes}, \"encode\": {encode:.1}, \"decode\": {decode:.1}"
        );
        if what == "sizes" {
            print!(", \"single_bytes\": {:.2}", single_bytes(&singles()?));
        }
        println!("}}");
        return Ok(());
    }
    // Without latents there is nothing to be measured: infinitely long.
    let some_have = open(1)?.latent(0).is_ok_and(|z| !z.is_empty());
    let each = |ask: &dyn Fn(&mut Archive<_>, u64) -> Result<(), vbc::Error>| {
        let all = || {
            let mut archive = open(1)?;
            (0..n as u64).try_for_each(|i| ask(&mut archive, i))
        };
        if some_have { fastest(all).map(|timed| timed.0) } else { Ok(f64::INFINITY) }
    };
    let latents = each(&|archive, i| archive.latent(i).map(drop))?;
    let previews = each(&|archive, i| archive.preview(i).map(drop))?;

    let (encoding_one, files) = fastest(singles)?;
    let mut pixels = vec![0; size];
    let (decoding_one, _) = fastest(|| {
        files.iter().try_for_each(|f| vbc::single::decode_into(f, &mut pixels, &decoding).map(drop))
    })?;
    let (n, one) = (n as f64, some.len() as f64);
    println!(
        "{{\"images\": {n}, \"bytes\": {}, \"encode\": {:.0}, \"decode\": {:.0}, \
         \"latents\": {:.0}, \"previews\": {:.0}, \"single_bytes\": {:.2}, \"single_encode_us\": {:.1}, \"single_decode_us\": {:.1}, \
         \"instruction_set\": \"{}\"}}",
        archive.len(),
        n / encoding,
        n / decoding_s,
        n / latents,
        n / previews,
        single_bytes(&files),
        encoding_one / one * 1e6,
        decoding_one / one * 1e6,
        std::env::var(vbc::INSTRUCTION_SET).unwrap_or_else(|_| vbc::instruction_sets()[0].into()),
    );
    Ok(())
}
