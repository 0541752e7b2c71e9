"""Sizes and speeds of other lossless codecs on a set of small grey images, for `cargo xtask bench-rate`.

peers_rate.py TEST-IDX TRAINING-IDX prints a JSON list of rows: name, "file" (one file an image) or "set"
(one file for all), bytes, images that were coded, and images a second, encode and decode (null where only
the size is of interest). One thread. What is coded is decoded and compared.
"""

import gzip
import json
import lzma
import struct
import sys
import time

import imagecodecs as ic
import numpy as np
import zstandard
from peers_speed import jxl, loaded, rgb, saved


def read(path):
    with open(path, "rb") as file:
        magic, images, height, width = struct.unpack(">IIII", file.read(16))
        assert magic == 0x803
        return np.frombuffer(file.read(), np.uint8).reshape(images, height, width)


def dictionary(training, shape):
    samples = [image.tobytes() for image in training[:10000]]
    trained = zstandard.train_dictionary(112 << 10, samples, k=64, d=8, level=19)
    packer = zstandard.ZstdCompressor(
        level=19, dict_data=trained, write_dict_id=False, write_checksum=False
    )
    unpacker = zstandard.ZstdDecompressor(dict_data=trained)
    return (
        lambda a: packer.compress(a.tobytes()),
        lambda b: np.frombuffer(unpacker.decompress(b), np.uint8).reshape(shape),
    )


def codecs(training, shape):
    """Name, encoder, decoder, and one of how many images is coded."""
    return [
        ("JPEG XL e10", *jxl(10)[:2], 5),
        ("JPEG XL e7", *jxl(7)),
        (
            "WebP lossless, strongest",
            lambda a: saved(rgb(a), format="WEBP", lossless=True, quality=100, method=6),
            lambda b: loaded(b)[:, :, 0],
            1,
        ),
        ("PNG (Pillow, optimize)", lambda a: saved(a, format="PNG", optimize=True), loaded, 1),
        ("JPEG-LS", ic.jpegls_encode, ic.jpegls_decode, 1),
        ("zstd 19, trained dictionary of 112 KiB (not counted)", *dictionary(training, shape), 1),
        (
            "xz 9e",
            lambda a: lzma.compress(a.tobytes(), preset=9 | lzma.PRESET_EXTREME),
            lambda b: np.frombuffer(lzma.decompress(b), np.uint8).reshape(shape),
            20,
        ),
    ]


def mosaic(images):
    """The set as one picture, as near to a square as whole rows of images allow."""
    n, height, width = images.shape
    across = int(np.ceil(np.sqrt(n)))
    filled = np.zeros((across * -(-n // across), height, width), np.uint8)
    filled[:n] = images
    rows = filled.reshape(-1, across, height, width).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(rows.reshape(-1, across * width))


def timed(work):
    begun = time.perf_counter()
    result = work()
    return time.perf_counter() - begun, result


def main():
    images, training = read(sys.argv[1]), read(sys.argv[2])
    n = len(images)
    rows = []
    for name, encode, decode, share in codecs(training, images.shape[1:]):
        some = images[::share]
        encoding, files = timed(lambda: [encode(i) for i in some])
        decoding, back = timed(lambda: [decode(f) for f in files])
        assert all(np.array_equal(a, b) for a, b in zip(some, back)), name
        rows.append(
            {
                "name": name,
                "kind": "file",
                "bytes": sum(map(len, files)),
                "images": len(some),
                "encode": len(some) / encoding,
                "decode": len(some) / decoding,
            }
        )
    raw, picture = images.tobytes(), mosaic(images)
    wholes = [
        ("gzip 9", lambda: gzip.compress(raw, 9), lambda b: gzip.decompress(b) == raw),
        (
            "xz 9e",
            lambda: lzma.compress(raw, preset=9 | lzma.PRESET_EXTREME),
            lambda b: lzma.decompress(b) == raw,
        ),
        (
            "zstd 22",
            lambda: zstandard.ZstdCompressor(level=22).compress(raw),
            lambda b: zstandard.ZstdDecompressor().decompress(b) == raw,
        ),
        (
            "JPEG XL e10, one mosaic",
            lambda: jxl(10)[0](picture),
            lambda b: np.array_equal(jxl(10)[1](b), picture),
        ),
    ]
    for name, encode, same in wholes:
        encoding, data = timed(encode)
        decoding, equal = timed(lambda: same(data))
        assert equal, name
        rows.append(
            {
                "name": name,
                "kind": "set",
                "bytes": len(data),
                "images": n,
                "encode": n / encoding,
                "decode": n / decoding,
            }
        )
    print(json.dumps(rows))


main()
