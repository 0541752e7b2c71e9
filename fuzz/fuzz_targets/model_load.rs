//! Model files: what loads codes every image of its shape exactly, and what does not is refused with
//! a typed error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vbc_tests::meter::Meter;

#[global_allocator]
static METER: Meter = Meter;

fuzz_target!(|bytes: &[u8]| vbc_tests::properties::model_load(bytes));
