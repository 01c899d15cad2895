"""Scores to draw, and what a picture must be."""

import struct
import zlib

import numpy as np
from matplotlib.image import imread


def normal_scores(distance, seed=0, n_trials=4000):
    rng = np.random.default_rng(seed)
    is_target = np.arange(n_trials) % 2 == 0
    return distance * is_target + rng.normal(size=n_trials), is_target


def assert_png_with_a_picture(path):
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", content[16:24])
    assert 600 <= width <= 2000 and 500 <= height <= 2000
    assert content[-8:-4] == b"IEND"
    assert zlib.crc32(b"IEND") == struct.unpack(">I", content[-4:])[0]
    pixels = imread(path)[..., :3]
    assert pixels.std() > 0.02
    # Nothing is cut: the border of the picture is empty.
    for edge in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
        assert (edge == 1).all()
