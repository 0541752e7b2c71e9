//! More about single-image files than [`encode`](crate::encode) and [`decode`](crate::decode).

pub use crate::decoder::{
    Begun, SingleCosts, SingleInfo, begun, costs, decode_into, inspect, latent, preview,
};
pub use crate::encoder::encode_into;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::{
        DecodeOptions, EncodeOptions, Error, Image, ModelChoice, PixelFormat, Shape, decode,
        encode, toy,
    };

    fn options(model: ModelChoice) -> (EncodeOptions, DecodeOptions) {
        let registry = toy::registry(&[1]);
        let encoding =
            EncodeOptions { registry: registry.clone(), model, ..EncodeOptions::default() };
        (encoding, DecodeOptions { registry, ..DecodeOptions::default() })
    }

    fn noise(shape: Shape) -> Image {
        let noise = |i: u64| (i.wrapping_mul(i).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as u8;
        Image::new(shape, (1..=shape.bytes()).map(noise).collect()).unwrap()
    }

    /// A file of each method, with and without a name.
    fn one_of_each() -> Vec<(Vec<u8>, Image)> {
        let grey = Image::new(toy::SHAPE, toy::picture(toy::SHAPE, 3)).unwrap();
        let small = noise(Shape { width: 5, height: 3, format: PixelFormat::GreyAlpha16 });
        let mut all = Vec::new();
        for name in [None, Some("a name")] {
            let (fixed, _) = options(ModelChoice::Fixed(toy::id(1)));
            let (none, _) = options(ModelChoice::None);
            all.push((encode(&grey, name, &fixed).unwrap(), grey.clone()));
            all.push((encode(&grey, name, &none).unwrap(), grey.clone()));
            all.push((encode(&small, name, &none).unwrap(), small.clone()));
        }
        all
    }

    #[test]
    fn headers_keep_to_their_budget() {
        let (_, decoding) = options(ModelChoice::Auto);
        let all = one_of_each();
        let info = |i: usize| crate::single::inspect(&all[i].0, &decoding).unwrap();
        assert_eq!((info(0).header_bytes, info(0).model.is_some()), (11, true));
        assert_eq!((info(1).header_bytes, info(1).raw), (10, false));
        assert!(info(2).raw);
        assert_eq!(all[2].0.len(), all[2].1.data().len() + 10);
        assert_eq!(info(3).name.as_deref(), Some("a name"));
    }

    #[test]
    fn every_bit_and_every_length_counts() {
        let (_, decoding) = options(ModelChoice::Auto);
        for (file, image) in one_of_each() {
            assert_eq!(decode(&file, &decoding).unwrap(), image);
            for bit in 0..file.len() * 8 {
                let mut bad = file.clone();
                bad[bit / 8] ^= 1 << (bit % 8);
                let error = decode(&bad, &decoding).expect_err("a flipped bit");
                assert!(
                    matches!(
                        error,
                        Error::Corrupt { .. }
                            | Error::Unsupported(_)
                            | Error::UnknownModel { .. }
                            | Error::Limit { .. }
                    ),
                    "bit {bit}: {error}"
                );
            }
            for len in 0..file.len() {
                assert!(matches!(decode(&file[..len], &decoding), Err(Error::Corrupt { .. })));
            }
            let longer = [&file[..], &[0]].concat();
            assert!(matches!(decode(&longer, &decoding), Err(Error::Corrupt { .. })));
        }
    }

    #[test]
    fn latent_and_preview() {
        let (_, decoding) = options(ModelChoice::Auto);
        let all = one_of_each();
        let latent = crate::single::latent(&all[0].0, &decoding).unwrap();
        let preview = crate::single::preview(&all[0].0, &decoding).unwrap();
        assert_eq!(latent.len(), 98);
        assert_eq!(i32::from(preview.data()[783]), latent[97]);
        assert!(matches!(crate::single::latent(&all[1].0, &decoding), Err(Error::Input(_))));
    }

    #[test]
    fn costs_are_those_of_the_coder() {
        let (encoding, decoding) = options(ModelChoice::Auto);
        let all = one_of_each();
        let costs = crate::single::costs(&all[0].0, &decoding).unwrap().unwrap();
        let coder = &encoding.registry.find(&toy::id(1)).unwrap().coder().unwrap();
        let coded = coder.encode_image(toy::SHAPE, all[0].1.data(), Default::default()).unwrap();
        let parts = (coded.latent_bits, coded.residual_bits);
        assert_eq!((costs.latent_bits, costs.residual_bits), parts);
        assert_eq!(crate::single::costs(&all[1].0, &decoding).unwrap(), None);
        let mut bad = all[0].0.clone();
        *bad.last_mut().unwrap() ^= 1;
        assert!(crate::single::costs(&bad, &decoding).is_err());
    }

    #[test]
    fn later_versions_are_unsupported() {
        let (_, decoding) = options(ModelChoice::Auto);
        for (mut file, _) in one_of_each() {
            file[2] = file[2] & 0x9F | 2 << 5;
            assert!(matches!(decode(&file, &decoding), Err(Error::Unsupported(_))));
        }
    }

    proptest! {
        #[test]
        fn round_trip(
            width in 1u32..300,
            height in 1u32..12,
            format in 0usize..8,
            smooth: bool,
            name in proptest::option::of(".{0,20}"),
        ) {
            let shape = Shape { width, height, format: PixelFormat::ALL[format] };
            let image = if smooth {
                Image::new(shape, toy::picture(shape, width)).unwrap()
            } else {
                noise(shape)
            };
            let (encoding, decoding) = options(ModelChoice::Auto);
            let file = encode(&image, name.as_deref(), &encoding).unwrap();
            let named = name.as_ref().map_or(0, |n| n.len() + 1);
            prop_assert!(file.len() <= image.data().len() + 16 + named);
            prop_assert_eq!(&decode(&file, &decoding).unwrap(), &image);
            let mut out = vec![0xEE; image.data().len() + 3];
            prop_assert_eq!(crate::single::decode_into(&file, &mut out, &decoding).unwrap(), shape);
            prop_assert_eq!(&out[..image.data().len()], image.data());
            prop_assert_eq!(&out[image.data().len()..], &[0xEE; 3]);
        }

        #[test]
        fn hostile_bytes_end(mut bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let (_, decoding) = options(ModelChoice::Auto);
            let _ = decode(&bytes, &decoding);
            for (at, byte) in [b'V', b'B', 0xA8].into_iter().enumerate() {
                if let Some(to) = bytes.get_mut(at) { *to = byte }
            }
            let _ = decode(&bytes, &decoding);
        }
    }
}
