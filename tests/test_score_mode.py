"""Crops of recordings, and one vector for all of them."""

import numpy as np
import pytest
import torch
from torch import nn

from speechbrain_denokd.encoders.output import EncoderOutput
from speechbrain_denokd.score_mode import (
    CropAverager,
    CropsAveraged,
    crops_averaged_system,
    even_crops,
    parse_score_mode,
)
from tests.tiny import tiny_encoder


def reference_crops(wav, n_crops, n_samples):
    """As SSRFNet's code describes it, in numpy: wrapped, or evenly spaced."""
    if len(wav) <= n_samples:
        padded = np.pad(wav, (0, n_samples - len(wav)), mode="wrap")
        return np.stack([padded] * n_crops)
    starts = np.linspace(0, len(wav) - n_samples, n_crops)
    return np.stack([wav[int(s) : int(s) + n_samples] for s in starts])


@pytest.mark.parametrize("length", [1, 7, 30, 31, 40, 97])
def test_reference_crops(length):
    wav = np.arange(length, dtype=np.float32)
    expected = reference_crops(wav, 10, 30)
    found = even_crops(torch.from_numpy(wav), 10, 30).numpy()
    if length <= 30:  # all ten are alike
        found = np.repeat(found, 10, axis=0)
    assert np.array_equal(found, expected)


def test_reference_a_loop_over_all_pairs():
    encoder, mode = tiny_encoder(), CropsAveraged(10, 0.3)
    torch.manual_seed(1)
    wavs = 0.1 * torch.randn(3, 16000)
    lens = torch.tensor([1.0, 0.21, 0.47])  # 1 s, 0.21 s, 0.47 s
    with torch.no_grad():
        vectors = CropAverager(encoder, mode)(wavs, lens).embedding
        crops = [
            reference_crops(wav[: round(float(n) * 16000)].numpy(), 10, 4800)
            for wav, n in zip(wavs, lens, strict=True)
        ]
        embeddings = [
            [
                encoder(torch.from_numpy(crop)[None], torch.ones(1)).embedding
                for crop in of_one
            ]
            for of_one in crops
        ]
    rows = np.array([0, 0, 1]), np.array([1, 2, 2])
    scores = crops_averaged_system().score_indexed(vectors.numpy(), *rows).raw
    for score, one, two in zip(scores, *rows, strict=True):
        cosines = [
            torch.cosine_similarity(a, b).item()
            for a in embeddings[one]
            for b in embeddings[two]
        ]
        assert len(cosines) == 100
        assert score == pytest.approx(np.mean(cosines), abs=1e-5)


class Counter(nn.Module):
    """Keeps how many crops it hears at once."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def forward(self, wavs, lens):
        assert (lens == 1).all()
        self.calls.append(wavs.shape)
        return EncoderOutput((), None, wavs[:, :2], None)


def test_fact_crops_are_bounded_and_short_recordings_are_heard_once():
    encoder = Counter()
    wavs = torch.rand(7, 40 * 4)
    lens = torch.tensor([1.0] * 6 + [0.25])
    averager = CropAverager(encoder, CropsAveraged(10, 10.0), sample_rate=4)
    averager(wavs, lens)
    assert encoder.calls == [(12, 40)] * 5 + [(1, 40)]


def test_law_the_scale_of_embeddings_does_not_matter_but_agreement_does():
    class Scaled(nn.Module):
        def forward(self, wavs, lens):
            return EncoderOutput((), None, wavs[:, :2] * wavs[:, 2:3], None)

    mode = CropsAveraged(2, 3)
    wavs = torch.tensor([[3.0, 4.0, 10.0, 3.0, 4.0, 0.1]])
    averager = CropAverager(Scaled(), mode, sample_rate=1)
    found = averager(wavs, torch.ones(1)).embedding
    torch.testing.assert_close(found, torch.tensor([[0.6, 0.8]]))
    wavs = torch.tensor([[3.0, 4.0, 10.0, 4.0, -3.0, 1.0]])
    found = averager(wavs, torch.ones(1)).embedding
    assert found.norm().item() == pytest.approx(0.5**0.5)


@pytest.mark.parametrize(
    "text", ["10x", "x3", "10*3", "0x3", "10x0", "-1x3", "10x3s", 10, None]
)
def test_error_modes(text):
    with pytest.raises(ValueError, match="use 'single', or the number"):
        parse_score_mode(text)


def test_fact_modes():
    assert parse_score_mode("single") is None
    assert parse_score_mode("4x2.5") == (4, 2.5)
