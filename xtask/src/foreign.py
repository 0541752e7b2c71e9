"""Images that the models were not trained on, for `cargo xtask bench-rate`.

foreign.py MNIST-IDX FASHION-IDX FOLDER writes IDX files of 1 000 images each into the folder.
"""

import pathlib
import struct
import sys

import numpy as np
from PIL import Image

COUNT = 1000


def read(path):
    with open(path, "rb") as file:
        magic, images, height, width = struct.unpack(">IIII", file.read(16))
        assert magic == 0x803
        return np.frombuffer(file.read(), np.uint8).reshape(images, height, width)[:COUNT]


def write(path, images):
    with open(path, "wb") as file:
        file.write(struct.pack(">IIII", 0x803, *images.shape))
        file.write(np.ascontiguousarray(images, np.uint8).tobytes())


def rescaled(image):
    """Down to 20 × 20 and up again by a filter that the set was not made with."""
    small = Image.fromarray(image).resize((20, 20), Image.Resampling.LANCZOS)
    return np.asarray(small.resize(image.shape[::-1], Image.Resampling.BICUBIC))


def main():
    mnist, fashion = read(sys.argv[1]), read(sys.argv[2])
    folder = pathlib.Path(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(1)
    sets = {
        "mnist": mnist,
        "fashion": fashion,
        "noise": random.integers(0, 256, mnist.shape, np.uint8),
        "blank": np.zeros_like(mnist),
        "mnist-inverted": 255 - mnist,
        "mnist-shifted": np.roll(mnist, (3, 3), (1, 2)),
        "mnist-rescaled": np.stack([rescaled(image) for image in mnist]),
        "fashion-inverted": 255 - fashion,
        "fashion-shifted": np.roll(fashion, (3, 3), (1, 2)),
        "fashion-rescaled": np.stack([rescaled(image) for image in fashion]),
        "mixed": np.concatenate([mnist[:500], fashion[:500]])[random.permutation(1000)],
    }
    for name, images in sets.items():
        write(folder / f"{name}.idx", images)
    print("\n".join(sets))


main()
