//! Single images (SPEC.md section 8.1).

use crate::container::one_shape;
use crate::elements::{Bytes, crc};
use crate::image::{Image, Shape};
use crate::model::Model;
use crate::refusal::{Kind, Result, demand, require};
use crate::untrained::untrained;

pub(crate) fn single(file: &[u8], models: &[Model]) -> Result<Image> {
    let mut b = Bytes(file);
    b.take(2)?;
    let mode = b.number(1)?;
    demand(mode >> 5 & 3 == 1, Kind::Unsupported, "version")?;
    let method = mode >> 3 & 3;
    require(method != 3 && mode & 1 == 0, "a reserved bit or method")?;
    let id = b.take(if method == 2 { 4 } else { 0 })?;
    let stated = if mode & 4 != 0 { Some(Shape::read(&mut b)?) } else { None };
    require(stated.is_some() || method == 2, "a shape is missing")?;
    let mut name = None;
    if mode & 2 != 0 {
        let len = b.varint()?;
        name = Some(b.name(len)?);
    }
    let head = &file[..file.len() - b.0.len()];
    let (checksum, stream) = (b.number(4)?, b.0);
    let fitting = models.iter().filter(|m| method == 2 && m.id.starts_with(id));
    let fitting: Vec<&Model> = fitting.collect();
    demand(fitting.len() == usize::from(method == 2), Kind::UnknownModel, "model")?;
    let model = fitting.first().copied();
    let shape = one_shape(model, stated)?;
    let size = shape.bytes()?;
    let data = if let Some(model) = model {
        let (data, coder) = model.alone(stream)?;
        coder.finish()?;
        data
    } else {
        untrained(method == 0, shape, size, stream)?
    };
    require(crc(&[head, &data, stream]) == checksum, "the CRC does not match")?;
    Ok(Image { shape, name, data })
}
