//! Single images: all ways to read one agree, and no pixel is left unwritten.

use vbc::single::{decode_into, inspect, latent, preview};
use vbc::{Error, Image, decode};

use super::{check_error, decoding, metered};

/// Decoding `file` gives an image or a placed error; decoding it into two buffers that were filled
/// differently gives the same, and so do the questions for a part of it.
pub fn single_decode(file: &[u8]) {
    let options = decoding();
    let len = file.len() as u64;
    let decoded = metered(file.len(), || decode(file, &options));
    let stated = inspect(file, &options).map_or(0, |info| info.shape.bytes() as usize);
    let mut outs = [0x00, 0xFF].map(|filling| vec![filling; stated + 16]);
    let shapes = outs.each_mut().map(|out| decode_into(file, out, &options));
    match &decoded {
        Ok(image) => {
            let n = image.data().len();
            for (out, shape) in outs.iter().zip(&shapes) {
                assert_eq!(shape.as_ref().ok(), Some(&image.shape()));
                assert!(&out[..n] == image.data(), "decoding depends on the buffer");
            }
            assert!(outs[0][n..].iter().all(|&b| b == 0), "bytes behind the image were written");
            check_parts(file, image);
        }
        Err(error) => {
            check_error(error, len);
            for shape in &shapes {
                let other = shape.as_ref().expect_err("decode refused it").to_string();
                assert_eq!(error.to_string(), other);
            }
            for result in [latent(file, &options).map(drop), preview(file, &options).map(drop)] {
                check_error(&result.expect_err("the image is corrupt"), len);
            }
            if let Err(error) = inspect(file, &options) {
                check_error(&error, len);
            }
        }
    }
}

/// What can be asked of a valid file.
fn check_parts(file: &[u8], image: &Image) {
    let options = decoding();
    let info = inspect(file, &options).expect("it was decoded");
    assert_eq!(info.shape, image.shape());
    assert_eq!(info.header_bytes + info.stream_bytes, file.len() as u64);
    match info.model {
        Some(_) => {
            let z = latent(file, &options).expect("it was decoded");
            let preview = preview(file, &options).expect("it was decoded");
            assert_eq!(preview.shape(), image.shape());
            assert!(z.len() <= image.data().len());
        }
        None => {
            assert!(matches!(latent(file, &options), Err(Error::Input(_))));
            assert!(matches!(preview(file, &options), Err(Error::Input(_))));
        }
    }
    for n in 0..image.data().len().min(3) {
        let mut short = vec![0; image.data().len() - 1 - n];
        assert!(matches!(decode_into(file, &mut short, &options), Err(Error::Input(_))));
    }
}
