//! What must hold for any bytes, hostile ones included: one function a fuzz target. Plain tests
//! replay what fuzzing once found through the same functions.
//!
//! Each panics where its property does not hold. Memory is held to its bound only in programs
//! that count it with [`Meter`](crate::meter::Meter).

mod archive_open;
mod idx;
mod model_load;
mod roundtrip;
mod single_decode;

use std::sync::LazyLock;

use vbc::{DecodeOptions, Error, Limits, ModelId, Registry};

pub use archive_open::archive_open;
pub use idx::idx;
pub use model_load::model_load;
pub use roundtrip::roundtrip;
pub use single_decode::single_decode;

/// A property of any bytes.
pub type Property = fn(&[u8]);

/// The properties by the name of their fuzz target.
pub const ALL: [(&str, Property); 5] = [
    ("single_decode", single_decode),
    ("archive_open", archive_open),
    ("model_load", model_load),
    ("idx", idx),
    ("roundtrip", roundtrip),
];

/// Small bounds, so that a file that escapes them shows.
pub fn small_limits() -> Limits {
    let mut limits = Limits::default();
    limits.pixels = 1 << 16;
    limits.images = 1 << 16;
    limits.memory = 1 << 20;
    limits.model_bytes = 1 << 18;
    limits
}

/// Three synthetic models of one size: with either bottleneck, and without a latent.
pub fn registry() -> (Registry, [ModelId; 3]) {
    use crate::synthetic::{Kind, SIZE, model_of};

    static LOADED: LazyLock<(Registry, [ModelId; 3])> = LazyLock::new(|| {
        let mut registry = Registry::empty();
        let ids = [Kind::Rvb, Kind::Nvb, Kind::NoLatent].map(|kind| {
            let file = model_of(SIZE, kind, 1);
            registry.add_file(&file, &Limits::default()).expect("the synthetic model is valid")
        });
        (registry, ids)
    });
    LOADED.clone()
}

/// Options under [`small_limits`] with the models of [`registry`].
pub fn decoding() -> DecodeOptions {
    let mut options = DecodeOptions::default();
    options.limits = small_limits();
    options.registry = registry().0;
    options
}

/// Runs `work` on `bytes` bytes of input and checks the memory that it took: the decoded data, as
/// much again beside it, twice the input, and half a MiB.
fn metered<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    let (result, peak) = crate::meter::peak(work);
    let bound = 2 * (1 << 20) + 2 * bytes + (1 << 19);
    assert!(peak <= bound, "{peak} bytes of memory for a file of {bytes}, {bound} allowed");
    result
}

/// Checks that an error speaks of the file of `len` bytes, or of what the caller can act on.
pub fn check_error(error: &Error, len: u64) {
    assert!(!matches!(error, Error::Io(_)), "a buffer cannot fail: {error}");
    let text = error.to_string();
    assert!(!text.is_empty() && !text.contains('\n'), "an error is one line: {text:?}");
    match error {
        Error::Corrupt { place, .. } => {
            let Some(bytes) = &place.bytes else { panic!("no place: {error}") };
            assert!(
                bytes.start <= bytes.end && bytes.end <= len,
                "a place outside the file of {len} bytes: {error}"
            );
        }
        Error::UnknownModel { id } => {
            assert!(text.contains(&id.to_string()) && text.contains("--model"), "{text}");
        }
        _ => {}
    }
}
