"""The front end against SpeechBrain's two modules, and against padding."""

import pytest
import torch
from speechbrain.lobes.features import Fbank
from speechbrain.processing.features import InputNormalization

from speechbrain_denokd.encoders.fbank import FbankFrontEnd


@pytest.mark.parametrize("n_samples", [8000, 16123, 31999])
def test_reference_speechbrain_features(n_samples):
    wav = torch.randn(1, n_samples) * 0.1
    stock = InputNormalization(norm_type="sentence", std_norm=False)(
        Fbank(n_mels=80)(wav), torch.ones(1)
    )
    features, n_frames = FbankFrontEnd(n_mels=80)(
        wav, torch.tensor([n_samples])
    )
    torch.testing.assert_close(features, stock, rtol=0, atol=1e-4)
    assert n_frames.item() == stock.shape[1]


@pytest.mark.parametrize(
    ("seconds", "expected"), [(1, 101), (2, 201), (3, 301), (6, 601)]
)
def test_fact_frame_counts(seconds, expected):
    n_samples = torch.tensor([seconds * 16000])
    _, n_frames = FbankFrontEnd(n_mels=8)(
        torch.randn(1, int(n_samples)), n_samples
    )
    assert n_frames.tolist() == [expected]


def test_law_padding_changes_no_valid_frame():
    """A click on the last sample leaks into a padded frame, and no further."""
    wav = torch.randn(16000) * 0.01
    wav[-1] = 1.0
    front_end = FbankFrontEnd(n_mels=20)
    alone, n_alone = front_end(wav[None], torch.tensor([16000]))
    padded = torch.zeros(2, 48000)
    padded[0, :16000] = wav
    padded[1] = torch.randn(48000)
    together, n_together = front_end(padded, torch.tensor([16000, 48000]))
    assert n_together[0] == n_alone[0] == 101
    torch.testing.assert_close(together[0, :101], alone[0], rtol=0, atol=1e-4)
    assert not together[0, 101:].any()
