//! The command line as it is typed. Everything here is text and flags; `settings` and the commands
//! make of it what they work with.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

const EXIT_CODES: &str = "\
Exit codes:
  0  done (also when a reader closes the pipe early)
  1  failed: a file cannot be read or written, or cannot be coded as asked
  2  wrong usage
  3  corrupt input
  4  unsupported input, or a model that is not at hand
  5  a limit would be passed (--limit-pixels, --limit-memory)";

/// Heading of the options that every command has.
const GLOBAL: &str = "Options of every command";

/// Lossless compression of small images and collections of them.
#[derive(Debug, Parser)]
#[command(name = "vbc", version, after_help = EXIT_CODES, arg_required_else_help = true)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Args, Debug)]
pub struct Global {
    /// Print nothing but errors and what was asked for: no warnings, progress or summary
    #[arg(short, long, global = true, help_heading = GLOBAL)]
    pub quiet: bool,

    /// Print results as JSON
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub json: bool,

    /// Threads to work with; 0 means one for each processor
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "N", default_value_t = 0)]
    pub threads: usize,

    /// Refuse images of more pixels
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "N", value_parser = size)]
    pub limit_pixels: Option<u64>,

    /// Refuse what needs more bytes of memory at once; K, M and G may follow
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "BYTES", value_parser = size)]
    pub limit_memory: Option<u64>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Compress pictures, directories of pictures and IDX files
    Encode(Encode),
    /// Restore what a .vbc file holds
    Decode(Decode),
    /// Say what a .vbc file holds and what its parts cost
    Info(Read),
    /// Decode a .vbc file and compare its checksums
    Verify(Read),
    /// Show images from their latents alone, without reading the rest
    Preview(Preview),
    /// List the models that this program embeds
    Models,
    /// Add pictures, directories and IDX files to an archive
    Append(Append),
}

/// `vbc encode`
#[derive(Args, Debug)]
pub struct Encode {
    /// Pictures (PNG, PNM, BMP, TIFF, WebP, QOI, GIF), directories of them, IDX files (plain or
    /// .gz); - is standard input
    #[arg(required = true, value_name = "IN")]
    pub inputs: Vec<PathBuf>,

    /// File to write; - is standard output
    #[arg(short, long, value_name = "OUT.vbc")]
    pub output: PathBuf,

    /// Write an archive even for one picture
    #[arg(long)]
    pub archive: bool,

    /// Store this name with the one input; by default an archive stores file names, a single
    /// image none
    #[arg(long)]
    pub name: Option<String>,

    /// How images are coded.
    #[command(flatten)]
    pub coding: Coding,

    /// Images of a block of the archive, 1 to 65536 [default: 64]: larger blocks are smaller as a
    /// whole, smaller ones give a single image faster
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub block: Option<u32>,

    /// Decode what was written and compare, before reporting success
    #[arg(long)]
    pub verify: bool,

    /// Overwrite the output
    #[arg(short, long)]
    pub force: bool,
}

/// How images are coded.
#[derive(Args, Debug)]
pub struct Coding {
    /// Model: auto takes the smallest result of all that fit, none the untrained coder, an id one
    /// of `vbc models`; anything else is the path of a model file
    #[arg(long, default_value = "auto", value_name = "auto|ID|FILE|none")]
    pub model: String,

    /// Speed against size: which embedded models auto tries; fast ones, larger ones, or all and the
    /// smallest result (best)
    #[arg(long, value_enum, default_value_t = Level::Default)]
    pub level: Level,

    /// Whether images need a latent, and with it a preview: keep one, or none where a model without one
    /// makes them smaller
    #[arg(long, value_enum, default_value_t = Latent::Keep)]
    pub latent: Latent,

    /// How often level best looks for the scan behind a digit until it is found exactly; 0: not at all
    #[arg(long, value_name = "N", default_value_t = vbc::EncodeOptions::default().scan_tries)]
    pub scan_tries: u32,
    /// How many integers of each image's latent are changed to see what makes the image smaller: an encoding each,
    /// 20 to 200 of them for files 1 % smaller that decode as fast
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub latent_tries: u32,

    /// Store the model in the archive, so that it decodes anywhere
    #[arg(long)]
    pub embed_model: bool,
}

/// Speed against size.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Level {
    Fast,
    Default,
    Best,
}

/// Whether images have latents.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Latent {
    Keep,
    None,
}

/// A .vbc file to read, and the models that it may need.
#[derive(Args, Debug)]
pub struct Read {
    /// File to read; - is standard input
    #[arg(value_name = "IN.vbc")]
    pub input: PathBuf,

    /// File of a model that is neither embedded in this program nor in the input
    #[arg(long, value_name = "FILE")]
    pub model: Vec<PathBuf>,
}

/// `vbc decode`
#[derive(Args, Debug)]
pub struct Decode {
    /// What to read.
    #[command(flatten)]
    pub read: Read,

    /// Directory to fill if it exists as one, ends in / or several files are stored, else the file
    /// to write, whose extension chooses the picture format; - is standard output
    #[arg(short, long, value_name = "OUT")]
    pub output: PathBuf,

    /// Restore image N alone, counted from 0
    #[arg(long, value_name = "N")]
    pub image: Option<u64>,

    /// Picture format: png, pgm, ppm, pam, pnm, bmp, tiff, webp or qoi
    #[arg(long, value_name = "FORMAT", value_parser = picture_format)]
    pub format: Option<vbc::ImageFileFormat>,

    /// Overwrite files
    #[arg(short, long)]
    pub force: bool,
}

/// `vbc preview`
#[derive(Args, Debug)]
pub struct Preview {
    /// What to read.
    #[command(flatten)]
    pub read: Read,

    /// File for one picture with all previews in a grid, or a directory (existing, or ending in /)
    /// for a file each; - is standard output
    #[arg(short, long, value_name = "OUT")]
    pub output: PathBuf,

    /// First image, counted from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub first: u64,

    /// Number of images
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub count: u64,

    /// Show the first N rows as they are, over the preview; of a single image's file that is still to
    /// come, as many of them as are there
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub rows: u32,

    /// Overwrite files
    #[arg(short, long)]
    pub force: bool,
}

/// `vbc append`
#[derive(Args, Debug)]
pub struct Append {
    /// Archive to extend
    #[arg(value_name = "ARCHIVE")]
    pub archive: PathBuf,

    /// What to add, as for encode
    #[arg(required = true, value_name = "IN")]
    pub inputs: Vec<PathBuf>,

    /// How images are coded.
    #[command(flatten)]
    pub coding: Coding,

    /// Decode the whole archive and compare its checksums, before reporting success
    #[arg(long)]
    pub verify: bool,
}

/// A number, with K, M or G for powers of 1024.
fn size(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.as_bytes().last() {
        Some(b'K' | b'k') => (&text[..text.len() - 1], 10),
        Some(b'M' | b'm') => (&text[..text.len() - 1], 20),
        Some(b'G' | b'g') => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    let number: u64 = digits.parse().map_err(|_| "not a number, with or without K, M, G")?;
    number.checked_mul(1 << shift).ok_or_else(|| "too large".into())
}

fn picture_format(text: &str) -> Result<vbc::ImageFileFormat, String> {
    vbc::ImageFileFormat::from_extension(text).ok_or_else(|| {
        let names: Vec<_> = vbc::ImageFileFormat::ALL.iter().map(|f| f.extension()).collect();
        format!("expected one of {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes() {
        assert_eq!(size("123"), Ok(123));
        assert_eq!(size("2k"), Ok(2048));
        assert_eq!(size("3G"), Ok(3 << 30));
        assert!(size("").is_err() && size("M").is_err() && size("-1").is_err());
        assert!(size("99999999999999G").is_err());
    }
}
