//! Images to train on.

mod error;
mod folder;
mod idx;
mod images;
mod order;

pub use error::DataError;
pub use folder::read_folder;
pub use idx::{parse_idx, read_idx, read_labels};
pub use images::Images;
pub use order::{Order, OrderState};
