"""Taps: what a term reads of an encoder's output."""

import pytest
import torch

from speechbrain_denokd.distill.prediction import check_tap, read_tap
from tests.tiny import taps


def test_fact_frames_come_with_the_mask_of_valid_ones():
    frames = torch.arange(12.0).reshape(2, 3, 2)
    output = taps(frames=frames, n_frames=[3, 1]).output
    features, mask = read_tap(output, "frames")
    assert features is frames
    assert mask.tolist() == [[True, True, True], [True, False, False]]


def test_fact_embeddings_come_without_mask():
    embedding = torch.randn(2, 4)
    assert read_tap(taps(embedding=embedding).output, "embedding") == (
        embedding,
        None,
    )


def test_unknown_tap_is_named():
    check_tap("frames")
    check_tap("embedding")
    with pytest.raises(ValueError, match="tap='pooled' is not a tap; use one"):
        check_tap("pooled")
