"""Waveform encoders: padding, lengths, augmentation."""

import pytest
import torch

from speechbrain_denokd.encoders.ecapa import EcapaTdnn
from speechbrain_denokd.encoders.fbank import FbankFrontEnd
from speechbrain_denokd.encoders.wav_encoder import WavEncoder


class _AddOne(torch.nn.Module):
    def forward(self, features):
        return features + 1


def _encoder(**kwargs):
    torch.manual_seed(0)
    network = EcapaTdnn(20, lin_neurons=8, channels=[16, 16, 16, 16, 48])
    return WavEncoder(FbankFrontEnd(n_mels=20), network, **kwargs)


def test_law_batched_equals_single_whatever_the_padding_holds():
    encoder = _encoder().eval()
    lengths = [32000, 24000, 9999, 1600]
    batch = torch.randn(4, 32000)
    lens = torch.tensor(lengths) / 32000
    together = encoder(batch, lens)
    for i, n in enumerate(lengths):
        alone = encoder(batch[i : i + 1, :n], torch.ones(1))
        torch.testing.assert_close(
            together.embedding[i], alone.embedding[0], rtol=0, atol=1e-4
        )
        assert together.n_frames[i] == alone.n_frames[0] == 1 + n // 160


def test_fact_feature_augmentation_is_for_training_only():
    plain, augmented = _encoder(), _encoder(feature_augment=_AddOne())
    wavs, lens = torch.randn(2, 8000), torch.ones(2)
    torch.testing.assert_close(
        plain.eval()(wavs, lens).embedding,
        augmented.eval()(wavs, lens).embedding,
        rtol=0,
        atol=0,
    )
    difference = (
        plain.train()(wavs, lens).stages[0]
        - augmented.train()(wavs, lens).stages[0]
    )
    assert difference.abs().max() > 1e-3


def test_error_too_short_names_both_numbers_and_the_fix():
    with pytest.raises(
        ValueError, match="100 samples gives 1 frames.* at least 5.*640 samples"
    ):
        _encoder()(torch.randn(1, 100), torch.ones(1))
