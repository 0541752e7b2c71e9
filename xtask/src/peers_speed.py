"""Times other lossless codecs on single small grey images: the peers of `cargo xtask bench-speed`.

peers_speed.py IMAGES IDX-FILE prints a JSON object: for each codec images a second, encode and decode,
and mean bytes. One thread, the fastest of three runs, or of up to nine within ten seconds; every image is decoded and compared.
"""

import io
import json
import struct
import sys
import time

import imagecodecs as ic
import numpy as np
from PIL import Image

RUNS = 3
# There are as many of these as fit in SHORT seconds, if more.
MOST_RUNS = 9
SHORT = 10.0


def read(path, count):
    with open(path, "rb") as file:
        magic, images, height, width = struct.unpack(">IIII", file.read(16))
        assert magic == 0x803
        count = min(count, images)
        pixels = np.frombuffer(file.read(count * height * width), np.uint8)
    return list(pixels.reshape(count, height, width))


def saved(image, **options):
    out = io.BytesIO()
    Image.fromarray(image).save(out, **options)
    return out.getvalue()


def loaded(data):
    return np.asarray(Image.open(io.BytesIO(data)))


def rgb(image):
    return np.repeat(image[:, :, None], 3, 2)


def jxl(effort):
    return (
        lambda a: ic.jpegxl_encode(
            a, effort=effort, lossless=True, usecontainer=False, numthreads=1
        ),
        lambda b: ic.jpegxl_decode(b, numthreads=1),
        1,
    )


# Name: encoder, decoder, and what share of the images it codes in a run.
CODECS = {
    "JPEG XL e10": (*jxl(10)[:2], 10),
    "JPEG XL e7": jxl(7),
    "WebP lossless": (
        lambda a: saved(rgb(a), format="WEBP", lossless=True),
        lambda b: loaded(b)[:, :, 0],
        1,
    ),
    "PNG (Pillow)": (lambda a: saved(a, format="PNG"), loaded, 1),
    "JPEG-LS": (ic.jpegls_encode, ic.jpegls_decode, 1),
}


def fastest(work):
    best, first = float("inf"), time.perf_counter()
    for runs in range(MOST_RUNS):
        begun = time.perf_counter()
        if runs >= RUNS and begun - first >= SHORT:
            break
        result = work()
        best = min(best, time.perf_counter() - begun)
    return best, result


def main():
    images = read(sys.argv[2], int(sys.argv[1]))
    figures = {}
    for name, (encode, decode, share) in CODECS.items():
        some = images[: max(1, len(images) // share)]
        encoding, files = fastest(lambda: [encode(i) for i in some])
        decoding, back = fastest(lambda: [decode(f) for f in files])
        assert all(np.array_equal(a, b) for a, b in zip(some, back)), name
        figures[name] = {
            "encode": len(some) / encoding,
            "decode": len(some) / decoding,
            "bytes": sum(map(len, files)) / len(some),
        }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
