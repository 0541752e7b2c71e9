//! `vbc-train data`: MNIST and Fashion-MNIST from wherever they are to be had, checked by their sums.

mod apt;
mod check;
mod error;
mod https;
#[cfg(test)]
mod https_tests;
mod known;
mod local;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use clap::Args;
use tempfile::TempDir;
use ureq::Agent;

use self::check::Checked;
use crate::checkpoint::write_atomically;

pub use error::DatasetError;
pub use known::{KNOWN, Known, Set};

/// Where the data is, and where it shall be.
#[derive(Args, Debug)]
pub struct DataArgs {
    /// Folder for the data; the four files of a set are put into `mnist/` and `fashion/` in it.
    #[arg(short, long, value_name = "FOLDER")]
    out: PathBuf,
    /// The set to get; both if not given.
    #[arg(long = "set", value_enum, value_name = "SET")]
    sets: Vec<Set>,
    /// Folder to search for the files, plain or .gz: as this command, torchvision or Debian lay them
    /// out. May be given several times.
    #[arg(long, value_name = "FOLDER")]
    from: Vec<PathBuf>,
    /// Get Fashion-MNIST from Debian's package dataset-fashion-mnist: runs `apt-get download` and
    /// `dpkg-deb -x` in a temporary folder. Needs no root and installs nothing.
    #[arg(long)]
    apt: bool,
    /// Address, starting with https://, of a folder with the four .gz files of one set.
    #[arg(long)]
    url: Option<String>,
    /// Only check the files in the output folder.
    #[arg(long, conflicts_with_all = ["from", "apt", "url"])]
    verify: bool,
}

/// Gets what is missing, or checks what is there.
///
/// # Errors
/// Where a file cannot be had, read or written; where one is not the known one.
pub fn run(args: &DataArgs) -> Result<(), DatasetError> {
    let all = [Set::Mnist, Set::Fashion];
    let sets = if args.sets.is_empty() { &all[..] } else { &args.sets };
    if args.verify { verify(args, sets, &KNOWN) } else { get(args, sets, &KNOWN) }
}

fn of_sets<'a>(sets: &[Set], table: &'a [Known]) -> impl Iterator<Item = &'a Known> {
    table.iter().filter(|known| sets.contains(&known.set))
}

/// Looks at every file, and fails in the end if any is wrong or missing.
fn verify(args: &DataArgs, sets: &[Set], table: &[Known]) -> Result<(), DatasetError> {
    let (mut wrong, mut all) = (0, 0);
    for known in of_sets(sets, table) {
        let found = local::find(&args.out, known, table);
        match &found {
            Ok(Some((path, _))) => println!("right: {}", path.display()),
            Ok(None) => println!("missing: {}/{}", known.set.folder(), known.name),
            Err(e) => println!("wrong: {e}"),
        }
        all += 1;
        wrong += usize::from(!matches!(found, Ok(Some(_))));
    }
    match wrong {
        0 => Ok(()),
        _ => Err(DatasetError::NotRight { folder: args.out.clone(), wrong, all }),
    }
}

/// Puts every file that is not there into its place. What one run got, the next one keeps.
fn get(args: &DataArgs, sets: &[Set], table: &[Known]) -> Result<(), DatasetError> {
    let mut sources = Sources::new(args, sets)?;
    let mut missing = Vec::new();
    for known in of_sets(sets, table) {
        let path = args.out.join(known.set.folder()).join(known.name);
        if path.exists() {
            expect_right(&path, known, table)?;
            println!("already there: {}", path.display());
            continue;
        }
        match sources.find(known, table)? {
            Some((place, bytes)) => {
                write(&path, &bytes)?;
                println!("{} from {place}", path.display());
            }
            None => missing.push(format!("{}/{}", known.set.folder(), known.name)),
        }
    }
    match missing.is_empty() {
        true => Ok(()),
        false => {
            let (files, places) = (missing.join(", "), sources.places(sets));
            Err(DatasetError::Missing { files, places })
        }
    }
}

fn expect_right(path: &Path, known: &Known, table: &[Known]) -> Result<(), DatasetError> {
    let in_the_way = |e| DatasetError::InTheWay(Box::new(e));
    match local::check_file(path, known, table).map_err(in_the_way)? {
        Checked::Right(_) => Ok(()),
        Checked::Other => Err(in_the_way(DatasetError::OtherSet(path.display().to_string()))),
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), DatasetError> {
    path.parent()
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| write_atomically(path, bytes))
        .map_err(|source| DatasetError::Io { place: path.display().to_string(), source })
}

/// Where files are looked for, in this order: folders, Debian's package, the address.
struct Sources<'a> {
    args: &'a DataArgs,
    client: Agent,
    /// The unpacked package, once it was wanted.
    package: Option<(TempDir, PathBuf)>,
}

impl<'a> Sources<'a> {
    fn new(args: &'a DataArgs, sets: &[Set]) -> Result<Self, DatasetError> {
        if let Some(url) = &args.url {
            https::expect_address(url)?;
            if sets.len() != 1 {
                return Err(DatasetError::WhichSet);
            }
        }
        for folder in &args.from {
            std::fs::read_dir(folder).map_err(|source| DatasetError::Io {
                place: folder.display().to_string(),
                source,
            })?;
        }
        Ok(Self { args, client: https::agent(true), package: None })
    }

    fn find(
        &mut self,
        known: &Known,
        table: &[Known],
    ) -> Result<Option<(String, Vec<u8>)>, DatasetError> {
        let debian = (known.set == Set::Fashion).then_some(Path::new(local::DEBIAN));
        for folder in self.args.from.iter().map(PathBuf::as_path).chain(debian) {
            if let Some((path, bytes)) = local::find(folder, known, table)? {
                return Ok(Some((path.display().to_string(), bytes)));
            }
        }
        if self.args.apt && known.set == Set::Fashion {
            let folder = self.package()?.to_owned();
            if let Some((_, bytes)) = local::find(&folder, known, table)? {
                return Ok(Some(("Debian's package".to_owned(), bytes)));
            }
        }
        match &self.args.url {
            Some(url) => Ok(Some((url.clone(), https::fetch(&self.client, url, known, table)?))),
            None => Ok(None),
        }
    }

    fn package(&mut self) -> Result<&Path, DatasetError> {
        let package = match self.package.take() {
            Some(package) => package,
            None => {
                let folder = tempfile::tempdir().map_err(|source| DatasetError::Io {
                    place: "a temporary folder".to_owned(),
                    source,
                })?;
                let unpacked = apt::unpacked(folder.path())?;
                (folder, unpacked)
            }
        };
        Ok(&self.package.insert(package).1)
    }

    fn places(&self, sets: &[Set]) -> String {
        let mut places: Vec<String> =
            self.args.from.iter().map(|folder| folder.display().to_string()).collect();
        if sets.contains(&Set::Fashion) {
            places.push(local::DEBIAN.to_owned());
        }
        if self.package.is_some() {
            places.push("Debian's package".to_owned());
        }
        if places.is_empty() { "no folder".to_owned() } else { places.join(", ") }
    }
}
