//! IDX files: counts that lie are refused, and what is taken in comes back byte for byte.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vbc_tests::meter::Meter;

#[global_allocator]
static METER: Meter = Meter;

fuzz_target!(|bytes: &[u8]| vbc_tests::properties::idx(bytes));
