"""The log linear spectrum: levels in nats, padding, floor."""

import math

import numpy as np
import torch

from speechbrain_denokd.encoders.log_spectrum import (
    MAGNITUDE_FLOOR,
    LogSpectrum,
)


def _raw(wav):
    """Log magnitudes frame by frame, by numpy: (T, 257)."""
    # Window and transform have one length: 32 ms at 16 kHz are 512 samples.
    padded = np.pad(wav.double().numpy(), 256)
    window = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(512) / 512)
    frames = [
        np.abs(np.fft.rfft(window * padded[start : start + 512]))
        for start in range(0, len(wav) + 1, 160)
    ]
    return np.log(np.maximum(frames, MAGNITUDE_FLOOR))


def test_reference_numpy_frame_by_frame():
    torch.manual_seed(0)
    wav = 0.1 * torch.randn(4000)
    features, n_frames = LogSpectrum()(wav[None], torch.tensor([4000]))
    assert n_frames.tolist() == [26]
    raw = _raw(wav)
    torch.testing.assert_close(
        features[0].double(),
        torch.from_numpy(raw - raw.mean(axis=0)),
        rtol=0,
        atol=1e-3,
    )


def test_law_padding_is_invisible():
    torch.manual_seed(0)
    front_end, lengths = LogSpectrum(), [8000, 3333, 1]
    batch = torch.zeros(3, 8000)
    for row, n in zip(batch, lengths, strict=True):
        row[:n] = torch.randn(n)
    features, n_frames = front_end(batch, torch.tensor(lengths))
    assert n_frames.tolist() == [51, 21, 1]
    for i, n in enumerate(lengths):
        alone, n_alone = front_end(batch[i : i + 1, :n], torch.tensor([n]))
        t = int(n_alone)
        torch.testing.assert_close(
            features[i, :t], alone[0, :t], rtol=0, atol=1e-5
        )
        assert not features[i, t:].any()


def test_law_level_of_the_recording_does_not_matter():
    torch.manual_seed(0)
    wav, n = torch.randn(1, 4000), torch.tensor([4000])
    torch.testing.assert_close(
        LogSpectrum()(0.01 * wav, n)[0],
        LogSpectrum()(wav, n)[0],
        rtol=0,
        atol=1e-3,
    )


def test_fact_digital_silence_is_at_the_floor():
    wav = torch.zeros(1, 16000)
    wav[:, :400] = 1.0
    features, _ = LogSpectrum()(wav, torch.tensor([16000]))
    # Frame 1 sees the mean of its bin 0 over a burst, frame 50 nothing.
    window = 0.54 - 0.46 * torch.cos(2 * math.pi * torch.arange(512) / 512)
    burst = window[96:496].sum().log()  # centred on sample 160
    step = features[0, 1, 0] - features[0, 50, 0]
    torch.testing.assert_close(
        step, burst - math.log(MAGNITUDE_FLOOR), rtol=0, atol=1e-3
    )
