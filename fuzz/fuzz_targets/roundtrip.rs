//! Encoder and decoder over formats, sizes, names, files, options and appends: what went in comes
//! out, and the number of threads changes no byte.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vbc_tests::meter::Meter;

#[global_allocator]
static METER: Meter = Meter;

fuzz_target!(|bytes: &[u8]| vbc_tests::properties::roundtrip(bytes));
