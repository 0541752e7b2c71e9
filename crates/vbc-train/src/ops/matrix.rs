//! A checked, safe face of the `gemm` crate's f32 product.

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicUsize, Ordering};

use gemm::Parallelism;

static THREADS: AtomicUsize = AtomicUsize::new(1);

/// Sets how many threads one matrix product may use in this process. 0 counts as 1.
///
/// The default is 1, which suits several trainings side by side. The result's bits do not depend
/// on it.
pub fn set_threads(count: usize) {
    THREADS.store(count.max(1), Ordering::Relaxed);
}

/// How many threads one matrix product may use.
pub fn threads() -> usize {
    THREADS.load(Ordering::Relaxed)
}

fn parallelism() -> Parallelism {
    match threads() {
        0 | 1 => Parallelism::None,
        n => Parallelism::Rayon(n),
    }
}

/// A borrowed row-major matrix, or the transpose of one.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: isize,
    column_stride: isize,
}

impl<'a> Matrix<'a> {
    /// `rows * columns` values, row after row.
    ///
    /// # Panics
    /// If `values` has another length.
    pub(crate) fn new(values: &'a [f32], rows: usize, columns: usize) -> Self {
        assert_eq!(Some(values.len()), rows.checked_mul(columns), "matrix length");
        Self { values, rows, columns, row_stride: columns as isize, column_stride: 1 }
    }

    /// The same values with rows and columns exchanged; nothing is copied.
    pub(crate) fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
}

/// `a·b`, row-major.
///
/// # Panics
/// If the shapes do not fit.
pub(crate) fn product(a: Matrix<'_>, b: Matrix<'_>) -> Vec<f32> {
    let len = a.rows.checked_mul(b.columns).expect("a result that fits memory");
    if a.columns == 0 {
        return vec![0.0; len];
    }
    // Zeros first would be a pass over megabytes for nothing.
    let mut out = Vec::with_capacity(len);
    run(&mut out.spare_capacity_mut()[..len], a, b, false);
    // SAFETY: without `add` the kernel writes every element and reads none.
    unsafe { out.set_len(len) };
    out
}

/// `out += a·b`; `out` is row-major.
///
/// # Panics
/// If the shapes do not fit.
pub(crate) fn add_product(out: &mut [f32], a: Matrix<'_>, b: Matrix<'_>) {
    let len = out.len();
    // SAFETY: the same elements, of a type that asks for less; only floats are written.
    let out = unsafe { std::slice::from_raw_parts_mut(out.as_mut_ptr().cast(), len) };
    run(out, a, b, true);
}

/// Writes a·b to all of `out`, or adds it to `out`, which must be initialised then.
fn run(out: &mut [MaybeUninit<f32>], a: Matrix<'_>, b: Matrix<'_>, add: bool) {
    assert_eq!(a.columns, b.rows, "inner sizes");
    assert_eq!(Some(out.len()), a.rows.checked_mul(b.columns), "result length");
    if out.is_empty() {
        return;
    }
    // SAFETY: `Matrix` is only built from slices of exactly rows * columns elements with strides
    // that reach each of them once, and `out` has rows * columns elements by the check above, so
    // every access of the kernel is inside its slice. `out` is borrowed mutably and hence
    // overlaps neither operand. It is only read where `add` says so.
    unsafe {
        gemm::gemm(
            a.rows,
            b.columns,
            a.columns,
            out.as_mut_ptr().cast::<f32>(),
            1,
            b.columns as isize,
            add,
            a.values.as_ptr(),
            a.column_stride,
            a.row_stride,
            b.values.as_ptr(),
            b.column_stride,
            b.row_stride,
            if add { 1.0 } else { 0.0 },
            1.0,
            false,
            false,
            false,
            parallelism(),
        );
    }
}
