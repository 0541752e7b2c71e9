//! Images to train on.

mod any;
mod error;
mod folder;
mod idx;
mod images;
mod npy;
mod order;

pub use any::read_images;
pub use error::DataError;
pub use folder::read_folder;
pub use idx::{idx_file, parse_idx, read_idx, read_labels};
pub use images::Images;
pub use npy::{ArrayError, read_npy, read_npz};
pub use order::{Order, OrderState};
