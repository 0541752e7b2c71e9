//! Archives: reading, verifying, salvaging, rebuilding and appending end with answers that agree,
//! errors are placed, and memory keeps to the limits.
//!
//! Most mutations get right checksums, as a hostile file has; without that little but the first CRC
//! would be tested.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use vbc_tests::fixup;
use vbc_tests::meter::Meter;

#[global_allocator]
static METER: Meter = Meter;

fuzz_target!(|bytes: &[u8]| vbc_tests::properties::archive_open(bytes));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let size = fuzzer_mutate(data, size, max_size);
    if seed % 8 != 0 {
        fixup::fix(&mut data[..size]);
    }
    size
});
