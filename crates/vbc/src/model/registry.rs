//! The models at hand: those embedded in the crate, and those that the caller adds.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, LazyLock, OnceLock};

use crate::coder::BlockCoder;
use crate::encoder::{Latent, Level};
use crate::error::Error;
use crate::image::{PixelFormat, Shape};
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
    level: Option<Level>,
    shape: Option<Shape>,
    latent_len: usize,
    file: Arc<Cow<'static, [u8]>>,
    /// Made when it is first asked for.
    coder: Arc<OnceLock<Arc<dyn BlockCoder>>>,
}

impl RegisteredModel {
    pub(crate) fn new(id: ModelId, name: &str, file: &[u8], coder: Arc<dyn BlockCoder>) -> Self {
        RegisteredModel {
            id,
            name: name.into(),
            level: None,
            shape: coder.shape(),
            latent_len: coder.latent_len(),
            file: Arc::new(Cow::Owned(file.to_owned())),
            coder: Arc::new(coder.into()),
        }
    }

    /// A model whose file is not read before it is needed.
    fn embedded(model: &vbc_models::Embedded) -> Self {
        let (width, height) = model.size;
        RegisteredModel {
            id: ModelId::full(model.id),
            name: model.name.into(),
            level: Some(match model.level {
                vbc_models::Level::Fast => Level::Fast,
                vbc_models::Level::Default => Level::Default,
                vbc_models::Level::Best => Level::Best,
            }),
            shape: Some(Shape { width, height, format: PixelFormat::Grey8 }),
            latent_len: model.latent_len,
            file: Arc::new(Cow::Borrowed(model.bytes)),
            coder: Arc::default(),
        }
    }

    /// The model, ready to code.
    ///
    /// # Errors
    /// [`Error::Model`] where an embedded file is no model.
    pub(crate) fn coder(&self) -> Result<Arc<dyn BlockCoder>, Error> {
        if let Some(coder) = self.coder.get() {
            return Ok(Arc::clone(coder));
        }
        // A file that a caller added was read when it was added.
        let model = Model::embedded(&self.file, self.id)?;
        Ok(Arc::clone(self.coder.get_or_init(|| Arc::new(model))))
    }

    /// The model's identity, all 32 bytes of it.
    pub fn id(&self) -> ModelId {
        self.id
    }

    /// The model's name, for people to read; it may be empty, and need not be unique.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The level that the model is made for; `None` where it is not one of the embedded ones.
    pub fn level(&self) -> Option<Level> {
        self.level
    }

    /// Whether an encoder of that level leaves the model out where another one knows an image: those that a
    /// caller added, and those of a level that tries all, are asked in any case.
    pub(crate) fn yields_at(&self, level: Level) -> bool {
        self.level.is_some() && level != Level::Best
    }

    /// Whether an encoder of that level tries the model.
    pub(crate) fn is_tried_at(&self, level: Level, latent: Latent) -> bool {
        self.level.is_none_or(|own| {
            let may_lack = latent == Latent::None || self.latent_len > 0;
            may_lack && (level == Level::Best || own == level)
        })
    }

    /// Whether an encoder of that level tries the model where none of the level's own knows an image.
    pub(crate) fn helps_at(&self, level: Level, latent: Latent) -> bool {
        let is_below = level == Level::Default && self.level == Some(Level::Fast);
        is_below && self.is_tried_at(Level::Best, latent)
    }

    /// The shape of the images that it codes; `None` for images of any shape.
    pub fn shape(&self) -> Option<Shape> {
        self.shape
    }

    /// Number of integers in the latent of an image.
    pub fn latent_len(&self) -> usize {
        self.latent_len
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
            let models = vbc_models::EMBEDDED.iter().map(RegisteredModel::embedded);
            Registry { entries: Arc::new(models.collect()) }
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
            let model = Model::from_bytes(file.bytes, &Limits::default()).unwrap();
            assert_eq!((model.id(), Some(model.shape())), (entry.id(), entry.shape()));
            assert_eq!((model.name(), model.latent_len()), (entry.name(), entry.latent_len()));
            assert!(entry.coder().is_ok());
            assert!(origins.contains(&format!("id = \"{}\"", entry.id())), "{}", entry.name());
        }
    }
}
