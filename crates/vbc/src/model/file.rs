//! A safetensors file as typed integer tensors, every byte accounted for (SPEC.md section 9.1).

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use safetensors::{Dtype, SafeTensors};

use crate::error::Error;

/// Element types that a model file may hold; the discriminant enters the identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    U8 = 0,
    I8 = 1,
    I16 = 2,
    I32 = 3,
    U32 = 4,
}

/// One tensor as stored.
#[derive(Debug)]
pub(crate) struct Tensor<'a> {
    pub dtype: Element,
    pub shape: Vec<u32>,
    /// Little-endian, row-major.
    pub data: &'a [u8],
}

/// A parsed file. Tensors are taken by name and type; [`finish`](TensorFile::finish) refuses what
/// nobody asked for.
#[derive(Debug)]
pub(crate) struct TensorFile<'a> {
    tensors: BTreeMap<String, Tensor<'a>>,
    metadata: BTreeMap<String, String>,
    taken: RefCell<BTreeSet<String>>,
}

impl<'a> TensorFile<'a> {
    /// # Errors
    /// [`Error::Model`] where the file is no safetensors file or holds another element type.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let broken = |e: safetensors::SafeTensorError| Error::model("model file", e.to_string());
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(broken)?;
        let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
        let file = SafeTensors::deserialize(bytes).map_err(broken)?;
        let mut tensors = BTreeMap::new();
        for (name, view) in file.tensors() {
            let dtype = match view.dtype() {
                Dtype::U8 => Element::U8,
                Dtype::I8 => Element::I8,
                Dtype::I16 => Element::I16,
                Dtype::I32 => Element::I32,
                Dtype::U32 => Element::U32,
                other => return Err(Error::model(name, format!("element type {other:?}"))),
            };
            let shape: Result<Vec<u32>, _> =
                view.shape().iter().map(|&d| u32::try_from(d)).collect();
            let shape = shape.map_err(|_| Error::model(&name, "a dimension above 32 bits"))?;
            if shape.len() > 4 {
                return Err(Error::model(name, format!("{} dimensions", shape.len())));
            }
            // `view` borrows from `file`; its slice lies in `bytes`, which lives longer.
            let data = slice_of(bytes, view.data());
            tensors.insert(name, Tensor { dtype, shape, data });
        }
        Ok(TensorFile { tensors, metadata, taken: RefCell::default() })
    }

    /// All tensors in ascending byte order of their names.
    pub fn tensors(&self) -> impl Iterator<Item = (&String, &Tensor<'a>)> {
        self.tensors.iter()
    }

    /// A metadata entry that must be there.
    pub fn metadata(&self, key: &str) -> Result<&str, Error> {
        self.optional_metadata(key).ok_or_else(|| Error::model(key, "missing from the metadata"))
    }

    /// A metadata entry that may be missing.
    pub fn optional_metadata(&self, key: &str) -> Option<&str> {
        self.metadata.get(key).map(String::as_str)
    }

    /// A metadata entry as a number.
    pub fn number<T: std::str::FromStr>(&self, key: &str) -> Result<T, Error> {
        let text = self.metadata(key)?;
        text.parse().map_err(|_| Error::model(key, format!("{text:?} is not a number in range")))
    }

    /// Whether there is a tensor of this name.
    pub fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// The dimensions of a tensor of this rank.
    pub fn dims<const R: usize>(&self, name: &str) -> Result<[usize; R], Error> {
        let shape = &self.get(name)?.shape;
        let dims: Vec<usize> = shape.iter().map(|&d| d as usize).collect();
        dims.try_into()
            .map_err(|_| Error::model(name, format!("shape {shape:?}, rank {R} expected")))
    }

    fn get(&self, name: &str) -> Result<&Tensor<'a>, Error> {
        self.tensors.get(name).ok_or_else(|| Error::model(name, "missing"))
    }

    fn take(&self, name: &str, dtype: Element) -> Result<&'a [u8], Error> {
        let tensor = self.get(name)?;
        if tensor.dtype != dtype {
            return Err(Error::model(name, format!("type {:?}, {dtype:?} expected", tensor.dtype)));
        }
        self.taken.borrow_mut().insert(name.to_owned());
        Ok(tensor.data)
    }

    pub fn u8s(&self, name: &str) -> Result<Vec<u8>, Error> {
        Ok(self.take(name, Element::U8)?.to_vec())
    }

    pub fn i8s(&self, name: &str) -> Result<&'a [i8], Error> {
        Ok(bytemuck::cast_slice(self.take(name, Element::I8)?))
    }

    pub fn i16s(&self, name: &str) -> Result<Vec<i16>, Error> {
        Ok(words(self.take(name, Element::I16)?, i16::from_le_bytes))
    }

    pub fn i32s(&self, name: &str) -> Result<Vec<i32>, Error> {
        Ok(words(self.take(name, Element::I32)?, i32::from_le_bytes))
    }

    pub fn u32s(&self, name: &str) -> Result<Vec<u32>, Error> {
        Ok(words(self.take(name, Element::U32)?, u32::from_le_bytes))
    }

    /// Refuses a file with a tensor that was never taken.
    pub fn finish(&self) -> Result<(), Error> {
        let taken = self.taken.borrow();
        match self.tensors.keys().find(|name| !taken.contains(*name)) {
            Some(name) => Err(Error::model(name.clone(), "not a tensor of this kind of model")),
            None => Ok(()),
        }
    }
}

fn words<const N: usize, T>(data: &[u8], from: impl Fn([u8; N]) -> T) -> Vec<T> {
    data.as_chunks::<N>().0.iter().map(|&b| from(b)).collect()
}

/// The part of `whole` that `part`, a slice of it, covers.
fn slice_of<'a>(whole: &'a [u8], part: &[u8]) -> &'a [u8] {
    let start = (part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
    whole.get(start..start.wrapping_add(part.len())).unwrap_or_default()
}
