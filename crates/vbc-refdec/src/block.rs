//! Blocks, and the models that an archive holds (SPEC.md sections 8.5 and 8.7).

use std::collections::btree_map::{BTreeMap, Entry};

use crate::archive::Archive;
use crate::container::{Place, one_shape, part, section};
use crate::elements::{Bytes, checked, crc, packed};
use crate::image::{Image, Shape};
use crate::model::Model;
use crate::refusal::{Kind, Result, demand, require, within};
use crate::untrained::untrained;

impl Archive<'_> {
    // 8.5
    fn embedded(&self, method: usize) -> Result<Option<Model>> {
        let (id, Some(place)) = self.methods[method - 2] else { return Ok(None) };
        let mut b = section(self.file, place, 0x82)?;
        require(b.varint()? == method as u64, "the model of another method")?;
        let model = Model::load(&packed(b, 1 << 26)?)?;
        require(model.id == id, "a model of another id")?;
        Ok(Some(model))
    }

    // 8.7
    pub(crate) fn block(
        &self,
        place: Place,
        listed: u64,
        models: &[Model],
        loaded: &mut BTreeMap<usize, Option<Model>>,
        out: &mut Vec<Image>,
    ) -> Result<()> {
        let whole = part(self.file, place)?;
        let mut b = Bytes(whole);
        let framed = b.number(1)? == 0x84 && b.varint()? == b.0.len() as u64;
        require(framed, "no block, or another length than the index says")?;
        let method = b.varint_in("the method", 0, 1023)? as usize;
        let images = b.varint()?;
        require(images == listed, "another number of images than the index says")?;
        let flags = b.number(1)?;
        require(flags < 4, "reserved flags")?;
        let stated = if flags & 1 != 0 { Some(Shape::read(&mut b)?) } else { None };
        let names_len = if flags & 2 != 0 { b.varint_in("names", 7, u64::MAX)? } else { 0 };
        let latent_len = b.varint()?;
        let lanes = if method < 2 { 1 } else { self.lanes.min(images) };
        let lengths = (1..lanes).map(|_| b.varint()).collect::<Result<Vec<u64>>>()?;
        let (pixels_crc, residual_crc) = (b.number(4)?, b.number(4)?);
        let head = &whole[..whole.len() - b.0.len()];
        let (head_crc, names, latent) = (b.number(4)?, b.take(names_len)?, b.take(latent_len)?);
        require(crc(&[head, latent]) == head_crc, "the CRC of the head")?;
        let mut streams = lengths.iter().map(|&n| b.take(n)).collect::<Result<Vec<_>>>()?;
        streams.push(b.0);
        require(crc(&streams) == residual_crc, "the CRC of the residual")?;
        let names = if flags & 2 != 0 { list(names, images)? } else { vec![None; images as usize] };

        let mut model = None;
        if method >= 2 {
            require(method - 2 < self.methods.len(), "no such method in the table")?;
            if let Entry::Vacant(entry) = loaded.entry(method) {
                entry.insert(self.embedded(method)?);
            }
            let id = self.methods[method - 2].0;
            model = loaded[&method].as_ref().or_else(|| models.iter().find(|m| m.id == id));
            demand(model.is_some(), Kind::UnknownModel, "model")?;
        }
        let shape = one_shape(model, stated)?;
        let size = shape.bytes()?;
        within("bytes of a block", size * images, 1 << 30)?;
        let pixels = if let Some(model) = model {
            model.block(images as usize, latent, &streams)?
        } else {
            require(latent.is_empty(), "a latent without a model")?;
            untrained(method == 1, shape, size * images, streams[0])?
        };
        require(crc(&[&pixels]) == pixels_crc, "the CRC of the pixels")?;
        let pixels = pixels.chunks(size as usize).map(<[u8]>::to_vec);
        out.extend(pixels.zip(names).map(|(data, name)| Image { shape, name, data }));
        Ok(())
    }
}

fn list(names: &[u8], images: u64) -> Result<Vec<Option<String>>> {
    let list = packed(Bytes(checked(names, "the CRC of the names")?), 1 << 30)?;
    let mut b = Bytes(&list);
    let mut out = Vec::new();
    for _ in 0..images {
        let k = b.varint()?;
        out.push(if k == 0 { None } else { Some(b.name(k - 1)?) });
    }
    b.end()?;
    require(out.iter().any(Option::is_some), "a list without any name")?;
    Ok(out)
}
