"""The function that extraction calls."""

import numpy as np
import pytest
import torch
from torch import nn

from speechbrain_denokd.extraction.engine import (
    PaddedBatches,
    embedding_function,
)
from speechbrain_denokd.extraction.packed_ecapa import PackedEcapa
from tests.tiny import tiny_encoder


def wavs_of(*lengths):
    rng = np.random.default_rng(0)
    return [(0.1 * rng.standard_normal(n)).astype(np.float32) for n in lengths]


def test_fact_an_ecapa_on_the_cpu_is_rewritten_and_others_are_not():
    encoder = tiny_encoder()
    assert isinstance(embedding_function(encoder), PackedEcapa)
    encoder.network.blocks[0].activation = nn.GELU()
    assert isinstance(embedding_function(encoder), PaddedBatches)


def test_reference_padded_batches_are_the_encoders_embeddings():
    encoder = tiny_encoder()
    wavs = wavs_of(8000, 16000, 5000)
    found = PaddedBatches(encoder)(wavs)
    assert found.dtype == np.float32
    for wav, embedding in zip(wavs, found, strict=True):
        with torch.no_grad():
            alone = encoder(torch.from_numpy(wav)[None], torch.ones(1))
        np.testing.assert_allclose(
            embedding, alone.embedding[0].numpy(), rtol=0, atol=1e-4
        )


def test_law_training_mode_is_left_behind():
    wavs = wavs_of(8000, 9000)
    expected = embedding_function(tiny_encoder())(wavs)
    found = embedding_function(tiny_encoder().train())(wavs)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_law_mixed_precision_points_in_the_same_direction():
    encoder, wavs = tiny_encoder(), wavs_of(16000, 16000)
    one = PaddedBatches(encoder)(wavs)
    two = PaddedBatches(encoder, dtype=torch.bfloat16)(wavs)
    assert two.dtype == np.float32
    norms = np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1)
    assert ((one * two).sum(axis=1) / norms > 0.999).all()
    assert np.abs(one - two).max() > 1e-4  # it was computed in bfloat16


def test_precisions_are_named():
    with pytest.raises(ValueError, match="no precision 'fp8'; use fp32 or"):
        embedding_function(tiny_encoder(), precision="fp8")
