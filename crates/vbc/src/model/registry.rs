//! The models at hand: those embedded in the crate, and those that the caller adds.

use std::fmt;
use std::sync::{Arc, LazyLock};

use crate::coder::BlockCoder;
use crate::error::Error;
use crate::image::Shape;
use crate::limits::Limits;
use crate::model::{Model, ModelId};

/// A set of models. Cloning it is cheap: the models are shared.
///
/// An encoder may use any of them; a decoder finds in it the model that a file names.
#[derive(Clone, Default)]
pub struct Registry {
    entries: Arc<Vec<RegisteredModel>>,
}

/// One model of a [`Registry`].
#[derive(Clone)]
pub struct RegisteredModel {
    id: ModelId,
    name: Arc<str>,
    file: Arc<[u8]>,
    pub(crate) coder: Arc<dyn BlockCoder>,
}

impl RegisteredModel {
    pub(crate) fn new(id: ModelId, name: &str, file: &[u8], coder: Arc<dyn BlockCoder>) -> Self {
        RegisteredModel { id, name: name.into(), file: file.into(), coder }
    }

    /// The model's identity, all 32 bytes of it.
    pub fn id(&self) -> ModelId {
        self.id
    }

    /// The model's name, for people to read; it may be empty, and need not be unique.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The shape of the images that it codes; `None` for images of any shape.
    pub fn shape(&self) -> Option<Shape> {
        self.coder.shape()
    }

    /// Number of integers in the latent of an image.
    pub fn latent_len(&self) -> usize {
        self.coder.latent_len()
    }

    /// The model file.
    pub fn file(&self) -> &[u8] {
        &self.file
    }
}

impl fmt::Debug for RegisteredModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.id)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries.iter()).finish()
    }
}

impl Registry {
    /// No models at all.
    pub fn empty() -> Self {
        Registry::default()
    }

    /// The models embedded in the crate, as its features select them.
    pub fn embedded() -> Self {
        static EMBEDDED: LazyLock<Registry> = LazyLock::new(|| {
            let mut registry = Registry::empty();
            for model in vbc_models::EMBEDDED {
                // A test loads every embedded model, so none is left out here.
                if let Ok(mut entry) = load(model.bytes, &Limits::default()) {
                    entry.name = model.name.into();
                    registry.push(entry);
                }
            }
            registry
        });
        EMBEDDED.clone()
    }

    /// Adds the model of a model file and returns its id. One that is there already stays.
    ///
    /// # Errors
    /// Those of [`Model::from_bytes`].
    pub fn add_file(&mut self, file: &[u8], limits: &Limits) -> Result<ModelId, Error> {
        let entry = load(file, limits)?;
        let id = entry.id;
        self.push(entry);
        Ok(id)
    }

    fn push(&mut self, entry: RegisteredModel) {
        if !self.entries.iter().any(|e| e.id == entry.id) {
            Arc::make_mut(&mut self.entries).push(entry);
        }
    }

    /// Adds any coder; one whose id is there already is left out.
    #[cfg_attr(not(test), expect(dead_code, reason = "models come with their own constructor"))]
    pub(crate) fn add_coder(
        &mut self,
        id: ModelId,
        name: &str,
        file: &[u8],
        coder: Arc<dyn BlockCoder>,
    ) {
        self.push(RegisteredModel::new(id, name, file, coder));
    }

    /// The model of the given id, or of the only id that begins with it.
    ///
    /// # Errors
    /// [`Error::UnknownModel`] where there is none; [`Error::Input`] where a short id fits several.
    pub fn find(&self, id: &ModelId) -> Result<&RegisteredModel, Error> {
        let mut fitting = self.entries.iter().filter(|e| e.id.matches(id));
        match (fitting.next(), fitting.next()) {
            (Some(entry), None) => Ok(entry),
            (None, _) => Err(Error::UnknownModel { id: *id }),
            (Some(a), Some(b)) => {
                Err(Error::Input(format!("model {id} may be {} or {}", a.id, b.id)))
            }
        }
    }

    /// All models, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &RegisteredModel> {
        self.entries.iter()
    }
}

/// A model from its file.
pub(crate) fn load(file: &[u8], limits: &Limits) -> Result<RegisteredModel, Error> {
    Limits::check("bytes of a model", file.len() as u64, limits.model_bytes)?;
    #[cfg(test)]
    if let Some(entry) = crate::toy::load(file) {
        return Ok(entry);
    }
    let model = Model::from_bytes(file, limits)?;
    let (id, name) = (model.id(), model.name().to_owned());
    Ok(RegisteredModel::new(id, &name, file, Arc::new(model)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_model_loads_and_is_documented() {
        let origins = include_str!("../../../../models/MODELS.toml");
        let registry = Registry::embedded();
        assert_eq!(registry.iter().count(), vbc_models::EMBEDDED.len());
        for (entry, file) in registry.iter().zip(vbc_models::EMBEDDED) {
            assert_eq!((entry.name(), entry.file()), (file.name, file.bytes));
            assert!(origins.contains(&format!("id = \"{}\"", entry.id())), "{}", entry.name());
        }
    }
}
