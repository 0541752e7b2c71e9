//! Equal-size 8-bit images in one piece.

/// `n` images of one size, 8 bits a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// How many.
    pub n: usize,
    /// Rows of each, in pixels.
    pub height: usize,
    /// Columns of each, in pixels.
    pub width: usize,
    /// Values a pixel.
    pub channels: usize,
    /// Image after image, row after row, pixel after pixel, the channels of a pixel side by side:
    /// n · height · width · channels values.
    pub pixels: Vec<u8>,
}

impl Images {
    /// Values of one image.
    pub fn image_len(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// The values of image `index`.
    ///
    /// # Panics
    /// If there is no such image.
    pub fn image(&self, index: usize) -> &[u8] {
        let len = self.image_len();
        &self.pixels[index * len..(index + 1) * len]
    }

    /// Splits the `last` images off: (training, validation).
    ///
    /// # Panics
    /// If there are fewer than `last` images.
    pub fn split_validation(mut self, last: usize) -> (Self, Self) {
        assert!(last <= self.n, "{last} images for validation of {}", self.n);
        let pixels = self.pixels.split_off((self.n - last) * self.image_len());
        self.n -= last;
        let Self { height, width, channels, .. } = self;
        (self, Self { n: last, height, width, channels, pixels })
    }

    /// The IDX header of these images: rank 3 for one channel, else rank 4 with the channels last.
    pub fn idx_header(&self) -> Vec<u8> {
        let sizes = [self.n, self.height, self.width, self.channels];
        let rank = if self.channels == 1 { 3 } else { 4 };
        let mut header = vec![0, 0, 8, rank as u8];
        for size in &sizes[..rank] {
            header.extend_from_slice(&(*size as u32).to_be_bytes());
        }
        header
    }

    /// The BLAKE3 hash of the images as an uncompressed IDX file, in hexadecimal, for a model's
    /// provenance: for images read from such a file what `b3sum` gives for it, and for a folder
    /// the same as for an IDX file of the same pixels.
    pub fn blake3(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.idx_header());
        hasher.update(&self.pixels);
        hasher.finalize().to_hex().to_string()
    }
}
