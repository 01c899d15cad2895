"""ECAPA-TDNN's pooling with weights: SpeechBrain's where they are 0 or 1."""

import torch
from speechbrain.lobes.models.ECAPA_TDNN import AttentiveStatisticsPooling

from speechbrain_denokd.encoders.weighted_attentive import (
    weighted_attentive_statistics,
)


def _pooling():
    torch.manual_seed(0)
    pooling = AttentiveStatisticsPooling(5, attention_channels=4)
    pooling(torch.randn(8, 5, 30))
    return pooling.eval()


def test_reference_frames_that_count_or_do_not():
    pooling, frames = _pooling(), torch.randn(3, 12, 5)
    n_frames = torch.tensor([12, 7, 3])
    weights = (torch.arange(12) < n_frames[:, None]).float()
    found = weighted_attentive_statistics(pooling, frames, weights)
    lengths = (n_frames - 0.5) / 12
    expected = pooling(frames.transpose(1, 2), lengths).squeeze(2)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_law_a_frame_of_no_weight_is_not_there():
    pooling, frames = _pooling(), torch.randn(2, 9, 5)
    weights = torch.rand(2, 9) + 0.1
    weights[:, 4] = 0
    kept = [0, 1, 2, 3, 5, 6, 7, 8]
    torch.testing.assert_close(
        weighted_attentive_statistics(pooling, frames, weights),
        weighted_attentive_statistics(
            pooling, frames[:, kept], weights[:, kept]
        ),
        rtol=1e-4,
        atol=1e-5,
    )


def test_law_two_halves_are_one_frame():
    pooling, frames = _pooling(), torch.randn(2, 6, 5)
    weights = torch.rand(2, 6) + 0.1
    torch.testing.assert_close(
        weighted_attentive_statistics(pooling, frames, weights),
        weighted_attentive_statistics(
            pooling,
            frames.repeat_interleave(2, dim=1),
            weights.repeat_interleave(2, dim=1) / 2,
        ),
        rtol=1e-4,
        atol=1e-5,
    )
