"""The same features, with the filters built once."""

import pytest
import torch

from speechbrain_denokd.encoders.fbank import FbankFrontEnd
from speechbrain_denokd.extraction.fast_fbank import FastFbank


@pytest.mark.parametrize(
    "front_end",
    [
        FbankFrontEnd(n_mels=80),
        FbankFrontEnd(n_mels=24, window_ms=32, hop_ms=8),
        FbankFrontEnd(n_mels=40, sample_rate=8000),
    ],
)
def test_reference_features_are_those_of_the_front_end(front_end):
    torch.manual_seed(0)
    for n_samples in (1600, 8000, 12345):
        wav = 0.1 * torch.randn(n_samples)
        wav[n_samples // 3 : n_samples // 2] = 0  # reaches the level floor
        expected, n_frames = front_end(wav[None], torch.tensor([n_samples]))
        found = FastFbank(front_end)(wav)
        assert len(found) == n_frames
        torch.testing.assert_close(found, expected[0], rtol=0, atol=1e-4)


def test_law_the_front_end_stays_as_it_is():
    front_end, wav = FbankFrontEnd(n_mels=24), torch.randn(1, 8000)
    before, _ = front_end(wav, torch.tensor([8000]))
    FastFbank(front_end)
    after, _ = front_end(wav, torch.tensor([8000]))
    assert torch.equal(before, after)
