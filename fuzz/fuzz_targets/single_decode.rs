//! Single images: whatever the bytes, two ways of reading agree, no pixel stays unwritten, errors are
//! placed, and memory keeps to the limits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vbc_tests::meter::Meter;

#[global_allocator]
static METER: Meter = Meter;

fuzz_target!(|bytes: &[u8]| vbc_tests::properties::single_decode(bytes));
