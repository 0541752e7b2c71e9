//! Trained models: integer tensors, their identity, and the registry of those at hand.

pub(crate) mod build;
mod coder;
mod file;
mod id;
mod registry;
mod search;
mod telling;
mod transform;

use crate::bitmap::BitmapModel;
use crate::cells::CellModel;
use crate::error::Error;
use crate::grid::Naming;
use crate::image::Shape;
use crate::latent::Prior;
use crate::limits::Limits;
use crate::pixel::PixelModel;

#[cfg(feature = "training")]
pub use coder::WORTH;
pub use id::ModelId;

pub(crate) use file::TensorFile;
pub(crate) use registry::load;
pub use registry::{RegisteredModel, Registry};
#[cfg(feature = "training")]
pub(crate) use telling::Telling;
pub(crate) use transform::Transform;

/// A trained model, validated: the flow, the bottleneck, the latent's prior and the pixel model for
/// images of one shape (SPEC.md sections 4 to 6 and 9).
///
/// A model that has loaded cannot make a coder panic or overflow, whatever bytes it decodes.
#[derive(Debug)]
pub struct Model {
    id: ModelId,
    name: String,
    provenance: String,
    shape: Shape,
    compression_factor: u32,
    latent: Option<Latent>,
    pixel: PixelModel,
    /// What codes which grid an image has, in a model with grids.
    naming: Option<Naming>,
    /// What codes images that are pictures of scans.
    scan: Option<BitmapModel>,
    /// What codes images with a grid, in a model with grids and cells.
    cells: Option<CellModel>,
}

/// All that makes and codes a latent.
#[derive(Debug)]
struct Latent {
    transform: Transform,
    prior: Prior,
}

impl Model {
    /// Loads a model file (safetensors, SPEC.md section 9).
    ///
    /// # Errors
    /// [`Error::Model`] naming the tensor or metadata key at fault; [`Error::Unsupported`] for a
    /// later version of the model format; [`Error::Limit`] above `limits.model_bytes`.
    pub fn from_bytes(bytes: &[u8], limits: &Limits) -> Result<Self, Error> {
        Limits::check("bytes of a model file", bytes.len() as u64, limits.model_bytes)?;
        build::build(&TensorFile::parse(bytes)?, None)
    }

    /// The model of an embedded file, whose id stands beside it: hashing it all is a tenth of a process that decodes
    /// one image.
    fn embedded(bytes: &[u8], id: ModelId) -> Result<Self, Error> {
        build::build(&TensorFile::parse(bytes)?, Some(id))
    }

    /// The identity: BLAKE3 over all that decides a coded bit.
    pub fn id(&self) -> ModelId {
        self.id
    }

    /// The name that the model file gives itself; not part of the identity.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the trainer wrote down about the model's making, as JSON; empty if nothing. Not part of
    /// the identity.
    pub fn provenance(&self) -> &str {
        &self.provenance
    }

    /// The shape of the images that the model codes.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Number of latent integers of an image: d/c, or 0 for a model without a latent.
    pub fn latent_len(&self) -> usize {
        self.latent.as_ref().map_or(0, |l| l.transform.len())
    }

    /// Whether the model codes images of 28 × 28 greys that are pictures of black-and-white scans by
    /// those scans.
    pub fn has_scans(&self) -> bool {
        self.scan.is_some()
    }

    #[cfg(feature = "training")]
    pub(crate) fn scans(&self) -> Option<&BitmapModel> {
        self.scan.as_ref()
    }

    /// c: how many values of y each latent integer stands for; 0 for a model without a latent.
    pub fn compression_factor(&self) -> u32 {
        self.compression_factor
    }
}
