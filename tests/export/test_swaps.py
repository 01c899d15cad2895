"""Layers that take the place of SpeechBrain's give the same answers."""

import pytest
import torch
from speechbrain.lobes.models.ECAPA_TDNN import AttentiveStatisticsPooling
from speechbrain.processing.features import STFT

from speechbrain_denokd.export.swaps import (
    DftConvolution,
    MaskedStatistics,
    exportable,
)
from tests.tiny import tiny_encoder


@pytest.mark.parametrize("n_samples", [640, 1601, 4799])
@pytest.mark.parametrize(("n_fft", "window_ms"), [(400, 25), (512, 25)])
def test_reference_the_convolution_is_the_transform(
    n_samples, n_fft, window_ms
):
    stft = STFT(16000, n_fft=n_fft, win_length=window_ms)
    wavs = torch.randn(2, n_samples)
    found = DftConvolution(stft)(wavs)
    torch.testing.assert_close(found, stft(wavs), rtol=0, atol=5e-5)


@pytest.mark.parametrize("global_context", [True, False])
def test_reference_pooling_is_speechbrains(global_context):
    pooling = AttentiveStatisticsPooling(4, 3, global_context).eval()
    x, lengths = torch.randn(3, 4, 7), torch.tensor([1.0, 0.5, 0.2])
    found = MaskedStatistics(pooling)
    for some in (lengths, None):
        torch.testing.assert_close(found(x, some), pooling(x, some))


def test_law_a_swapped_encoder_answers_as_before():
    encoder = tiny_encoder()
    wavs, lens = 0.1 * torch.randn(3, 9000), torch.tensor([1.0, 0.7, 0.3])
    before = encoder(wavs, lens).embedding
    swapped = exportable(encoder)
    kinds = {type(module).__name__ for module in swapped.modules()}
    assert not kinds & {"STFT", "SEBlock", "AttentiveStatisticsPooling"}
    found = swapped(wavs, lens).embedding
    torch.testing.assert_close(found, before, rtol=0, atol=1e-5)
    assert torch.equal(encoder(wavs, lens).embedding, before)
    assert not found.requires_grad and before.requires_grad
