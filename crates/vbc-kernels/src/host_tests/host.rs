//! A machine for kernels that is a program on the host.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, Mutex};

use candle_core::{Result, bail};

use crate::gpu::{Arg, Grid, Machine};

/// The program, built once for all tests of a run; without a C++ compiler the reason.
static PROGRAM: LazyLock<std::result::Result<(tempfile::TempDir, PathBuf), String>> =
    LazyLock::new(build);

fn build() -> std::result::Result<(tempfile::TempDir, PathBuf), String> {
    let compiler = std::env::var_os("CXX").unwrap_or_else(|| "c++".into());
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let program = folder.path().join("host-kernels");
    let output = Command::new(&compiler)
        .args("-std=c++17 -O1 -g -Wall -Wextra -Werror".split(' '))
        .args("-fsanitize=address,undefined -fno-sanitize-recover=all".split(' '))
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/cu/host/main.cpp"))
        .arg("-o")
        .arg(&program)
        .output()
        .map_err(|e| format!("{} cannot be started: {e}", compiler.display()))?;
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the kernels do not compile for the host:\n{log}");
    Ok((folder, program))
}

/// The program at work, and how it takes grids.
pub(crate) struct Host {
    child: Mutex<Child>,
    reverse: bool,
    /// Blocks at most: kernels must stride over what a grid does not reach.
    blocks: u32,
}

/// Runs `test` with threads first to last, last to first, and with a grid that is too small, and
/// wants the same bits from all: an order that matters would be a race on a GPU.
pub(crate) fn each_order(test: impl Fn(&Host) -> Result<Vec<f32>>) -> Result<()> {
    same_bits(&[(false, u32::MAX), (true, u32::MAX), (true, 2)], test)
}

/// [`each_order`] with the grid as it is, for a kernel whose result has a part for each block.
pub(crate) fn each_order_of_threads(test: impl Fn(&Host) -> Result<Vec<f32>>) -> Result<()> {
    same_bits(&[(false, u32::MAX), (true, u32::MAX)], test)
}

fn same_bits(hosts: &[(bool, u32)], test: impl Fn(&Host) -> Result<Vec<f32>>) -> Result<()> {
    if let Err(why) = &*PROGRAM {
        println!("passed over on the host: {why}");
        return Ok(());
    }
    let mut first: Option<Vec<u32>> = None;
    for &(reverse, blocks) in hosts {
        let values = test(&Host::start(reverse, blocks, Stdio::inherit())?)?;
        let bits: Vec<u32> = values.into_iter().map(f32::to_bits).collect();
        let same = first.get_or_insert_with(|| bits.clone()) == &bits;
        assert!(same, "the order of threads or the size of the grid matters");
    }
    Ok(())
}

impl Host {
    fn start(reverse: bool, blocks: u32, errors: Stdio) -> Result<Self> {
        let Ok((_, program)) = &*PROGRAM else { bail!("no program") };
        let child = Command::new(program)
            .env("ASAN_OPTIONS", "detect_leaks=0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()?;
        Ok(Self { child: Mutex::new(child), reverse, blocks })
    }

    /// What a program that has ended wrote to a piped standard error.
    fn errors(&self) -> Result<String> {
        let mut text = String::new();
        let mut child = self.child.lock().expect("no test panics while it holds the program");
        if let Some(errors) = child.stderr.as_mut() {
            errors.read_to_string(&mut text)?;
        }
        Ok(text)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Ok(child) = self.child.get_mut() {
            // End of input ends the program.
            child.stdin = None;
            let _ = child.wait();
        }
    }
}

impl Machine for Host {
    type In = Vec<f32>;
    type Index = Vec<u32>;
    type Out = Vec<f32>;
    type InOut = Vec<f32>;

    fn output(&self, len: usize) -> Result<Vec<f32>> {
        // What a kernel forgets to write shows.
        Ok(vec![f32::NAN; len])
    }

    fn launch(&self, kernel: &'static str, grid: Grid, args: &mut [Arg<'_, Self>]) -> Result<()> {
        let mut request = Request(Vec::new());
        request.word(kernel.len() as u32);
        request.0.extend(kernel.as_bytes());
        request.word(grid.blocks.min(self.blocks));
        request.word(grid.threads);
        request.word(self.reverse.into());
        request.word(args.len() as u32);
        for arg in &*args {
            match arg {
                Arg::In(values) => request.array(0, values, |v| v.to_ne_bytes()),
                Arg::Read(values) => request.array(0, values, |v| v.to_ne_bytes()),
                Arg::Out(values) => request.array(1, values, |v| v.to_ne_bytes()),
                Arg::InOut(values) => request.array(1, values, |v| v.to_ne_bytes()),
                Arg::Index(values) => request.array(2, values, |v| v.to_ne_bytes()),
                Arg::U32(value) => request.words(&[3, *value]),
                Arg::F32(value) => request.words(&[4, value.to_bits()]),
                Arg::U64(value) => request.words(&[5, *value as u32, (*value >> 32) as u32]),
            }
        }
        let mut child = self.child.lock().expect("no test panics while it holds the program");
        let Some(stdin) = child.stdin.as_mut() else { bail!("no input") };
        stdin.write_all(&request.0)?;
        stdin.flush()?;
        let Some(stdout) = child.stdout.as_mut() else { bail!("no output") };
        for arg in args {
            let (Arg::Out(values) | Arg::InOut(values)) = arg else { continue };
            let mut bytes = vec![0; values.len() * 4];
            if let Err(e) = stdout.read_exact(&mut bytes) {
                bail!("{kernel} broke off, see standard error: {e}");
            }
            for (value, bytes) in values.iter_mut().zip(bytes.as_chunks::<4>().0) {
                *value = f32::from_ne_bytes(*bytes);
            }
        }
        Ok(())
    }
}

struct Request(Vec<u8>);

impl Request {
    fn word(&mut self, word: u32) {
        self.0.extend(word.to_ne_bytes());
    }

    fn words(&mut self, words: &[u32]) {
        words.iter().for_each(|&w| self.word(w));
    }

    fn array<T>(&mut self, kind: u32, values: &[T], bytes: impl Fn(&T) -> [u8; 4]) {
        self.words(&[kind, values.len() as u32]);
        self.0.extend(values.iter().flat_map(bytes));
    }
}

#[test]
fn a_wrong_argument_is_refused() -> Result<()> {
    if let Err(why) = &*PROGRAM {
        println!("passed over on the host: {why}");
        return Ok(());
    }
    let host = Host::start(false, u32::MAX, Stdio::piped())?;
    let (z, mut out) = (vec![0.0; 3], vec![0.0; 3]);
    let grid = Grid::elements(3);
    let right = &mut [Arg::In(&z), Arg::Out(&mut out), Arg::U32(3)];
    host.launch("round_forward", grid, right)?;
    // A count as f32: the kernel would take its bits for a number.
    let wrong = &mut [Arg::In(&z), Arg::Out(&mut out), Arg::F32(3.0)];
    assert!(host.launch("round_forward", grid, wrong).is_err());
    assert!(host.errors()?.contains("argument 2 is not of the kernel's type"));
    Ok(())
}

#[test]
fn a_step_beyond_an_array_is_seen() -> Result<()> {
    if let Err(why) = &*PROGRAM {
        println!("passed over on the host: {why}");
        return Ok(());
    }
    let host = Host::start(false, u32::MAX, Stdio::piped())?;
    let (z, mut out) = (vec![0.0; 3], vec![0.0; 4]);
    let beyond = &mut [Arg::In(&z), Arg::Out(&mut out), Arg::U32(4)];
    assert!(host.launch("round_forward", Grid::elements(4), beyond).is_err());
    assert!(host.errors()?.contains("heap-buffer-overflow"));
    Ok(())
}
