"""Spectra and back: nothing is lost, and padding is not seen."""

import pytest
import torch

from speechbrain_denokd.encoders.masks import frame_mask
from speechbrain_denokd.separation.spectrum import Spectrum


@pytest.mark.parametrize("sizes", [(512, 512, 160), (1200, 400, 160)])
def test_law_the_inverse_gives_back_the_waveform(sizes):
    """At the sizes of MIRNet and of VoiceFilter's port."""
    spectrum, wavs = Spectrum(*sizes), torch.randn(2, 2500)
    n_samples = torch.tensor([2500, 1111])
    wavs = wavs * frame_mask(n_samples, 2500)
    spectra, n_frames = spectrum(wavs, n_samples)
    again = spectrum.inverse(spectra[:, None], n_frames, n_samples, 2500)
    torch.testing.assert_close(again[:, 0], wavs, atol=1e-4, rtol=0)


def test_reference_torchs_own_inverse():
    """Of spectra that no waveform has, as masks make them."""
    spectrum = Spectrum(64, 64, 16)
    spectra = torch.randn(1, 1, 26, 33, dtype=torch.complex64)
    spectra[..., 0].imag = 0
    spectra[..., -1].imag = 0
    found = spectrum.inverse(
        spectra, torch.tensor([26]), torch.tensor([400]), 400
    )
    expected = torch.istft(
        spectra[0].transpose(1, 2),
        64,
        16,
        window=torch.hann_window(64),
        length=400,
    )
    torch.testing.assert_close(found[0], expected, atol=1e-5, rtol=1e-5)


def test_law_padding_is_invisible_both_ways():
    spectrum = Spectrum(64, 64, 20)
    torch.manual_seed(0)
    wavs, n_samples = torch.randn(2, 500), torch.tensor([500, 333])
    wavs = wavs * frame_mask(n_samples, 500)
    spectra, n_frames = spectrum(wavs, n_samples)
    alone, frames_alone = spectrum(wavs[1:, :333], n_samples[1:])
    assert n_frames.tolist() == [26, 17] and frames_alone.tolist() == [17]
    torch.testing.assert_close(spectra[1:, :17], alone)
    masks = torch.rand(2, 2, 26, 33)
    together = spectrum.inverse(
        masks * spectra[:, None], n_frames, n_samples, 500
    )
    single = spectrum.inverse(
        masks[1:, :, :17] * alone[:, None], frames_alone, n_samples[1:], 333
    )
    torch.testing.assert_close(together[1:, :, :333], single)
    assert not together[1, :, 333:].any()


@pytest.mark.parametrize("sizes", [(64, 80, 20), (64, 64, 33), (64, 64, 0)])
def test_sizes_that_lose_samples_are_refused(sizes):
    with pytest.raises(ValueError, match="at most half a window"):
        Spectrum(*sizes)
