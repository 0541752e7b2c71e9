//! The instruction sets that the networks can run on. All give the same bits.

use std::sync::OnceLock;

use fearless_simd::Level;

/// The environment variable that forces an instruction set by its name, one of
/// [`instruction_sets`]. It is read once in a process; another name is as good as none.
pub const INSTRUCTION_SET: &str = "VBC_SIMD";

/// The names of the instruction sets that this machine has and this crate has code for, fastest
/// first. The last is what every machine of its kind has.
pub fn instruction_sets() -> Vec<&'static str> {
    levels().into_iter().map(|(name, _)| name).collect()
}

/// Every level this machine has, with its name, fastest first.
pub(crate) fn levels() -> Vec<(&'static str, Level)> {
    let best = Level::new();
    let mut levels = Vec::new();
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    {
        use fearless_simd::Simd as _;
        levels.extend(best.as_avx512().map(|simd| ("avx512", simd.level())));
        levels.extend(best.as_avx2().map(|simd| ("avx2", simd.level())));
        levels.extend(best.as_sse4_2().map(|simd| ("sse4.2", simd.level())));
    }
    let _ = best;
    let baseline = if cfg!(any(target_arch = "x86", target_arch = "x86_64")) {
        "sse2"
    } else if cfg!(target_arch = "aarch64") {
        "neon"
    } else {
        "scalar"
    };
    levels.push((baseline, Level::baseline()));
    levels
}

/// The level to run on: the one that [`INSTRUCTION_SET`] names, or the fastest.
pub(crate) fn level() -> Level {
    static CHOSEN: OnceLock<Level> = OnceLock::new();
    *CHOSEN.get_or_init(|| {
        let forced = std::env::var(INSTRUCTION_SET).ok();
        let levels = levels();
        let named = levels.iter().find(|(name, _)| Some(*name) == forced.as_deref());
        named.map_or_else(Level::new, |&(_, level)| level)
    })
}
