//! The trainer of vbc's models.

/// glibc gives every large tensor back to the kernel when it is dropped; this allocator keeps
/// the pages, which makes a training step up to three times faster.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), vbc_train::setup::TooLate> {
    vbc_train::setup::init(1)
}
