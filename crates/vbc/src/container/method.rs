//! Entries of an archive's method table, and models embedded in it (SPEC.md sections 8.4 and 8.5).
//!
//! ```text
//! METHOD: varint method │ kind (1 model) │ 32-byte model id
//! MODEL:  varint method │ packed file (encoding, decoded length, bytes)
//! ```

use crate::container::bytes::{Reader, put_varint};
use crate::container::section::{self, METHOD, MODEL};
use crate::container::{FIRST_MODEL, MAX_METHODS, pack};
use crate::error::Error;
use crate::limits::Limits;
use crate::model::ModelId;

const KIND_MODEL: u8 = 1;

/// Kind and id, as a METHOD section and the root of the index hold them.
pub(crate) fn put_definition(out: &mut Vec<u8>, id: &ModelId) {
    out.push(KIND_MODEL);
    let mut whole = [0; 32];
    whole.iter_mut().zip(id.as_bytes()).for_each(|(to, from)| *to = *from);
    out.extend_from_slice(&whole);
}

/// Reads kind and id.
pub(crate) fn get_definition(r: &mut Reader<'_>) -> Result<ModelId, Error> {
    let kind = r.u8()?;
    if kind != KIND_MODEL {
        return Err(Error::Unsupported(format!("coding method of kind {kind}")));
    }
    Ok(ModelId::full(r.array()?))
}

/// A METHOD section for entry `method`.
pub(crate) fn encode(method: u64, id: &ModelId) -> Vec<u8> {
    let mut body = Vec::new();
    put_varint(&mut body, method);
    put_definition(&mut body, id);
    section::encode(METHOD, &body)
}

/// Entry and id of the METHOD section `bytes` at `base`.
pub(crate) fn decode(bytes: &[u8], base: u64) -> Result<(u64, ModelId), Error> {
    let mut r = section::body(bytes, base, METHOD)?;
    let method = get_model_method(&mut r)?;
    let id = get_definition(&mut r)?;
    r.end()?;
    Ok((method, id))
}

/// A MODEL section for entry `method`.
pub(crate) fn encode_model(method: u64, file: &[u8]) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    put_varint(&mut body, method);
    pack::put(&mut body, file)?;
    Ok(section::encode(MODEL, &body))
}

/// Reads the index of a method that is a model.
pub(crate) fn get_model_method(r: &mut Reader<'_>) -> Result<u64, Error> {
    let start = r.position();
    let method = r.varint_to("the method of a model", MAX_METHODS as u64 - 1)?;
    if method < FIRST_MODEL {
        return Err(r.corrupt(start, format!("method {method} has no model")));
    }
    Ok(method)
}

/// Method of the MODEL section `bytes` at `base`, whose model stays packed.
pub(crate) fn model_method(bytes: &[u8], base: u64) -> Result<u64, Error> {
    get_model_method(&mut section::body(bytes, base, MODEL)?)
}

/// Method and model file of the MODEL section `bytes` at `base`.
pub(crate) fn decode_model(
    bytes: &[u8],
    base: u64,
    limits: &Limits,
) -> Result<(u64, Vec<u8>), Error> {
    let mut r = section::body(bytes, base, MODEL)?;
    let method = get_model_method(&mut r)?;
    let mut inner = limits.clone();
    inner.memory = inner.memory.min(limits.model_bytes);
    let file = pack::get(&mut r, "bytes of an embedded model", &inner)?;
    Ok((method, file))
}
