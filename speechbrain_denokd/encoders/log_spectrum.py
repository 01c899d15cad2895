"""Log linear magnitude front end (``wavs -> features``).

Source: H. Han et al., "MIRNet: Learning multiple identities representations
in overlapped speech", Interspeech 2020, Sections 3.1 and 4.1.1: the mel
scale would smooth away what tells two voices apart.
Differs: the paper states neither a floor nor a normalisation; here they are a
level below that of 16-bit rounding, and a zero mean over time in each bin,
as in `FbankFrontEnd`.
"""

import torch
from speechbrain.processing.features import STFT, spectral_magnitude
from torch import Tensor, nn

from speechbrain_denokd.encoders.masks import frame_mask

# The rounding of 16-bit samples has magnitudes around 1e-4.
MAGNITUDE_FLOOR = 1e-5


class LogSpectrum(nn.Module):
    """Mean-normalised log magnitudes of SpeechBrain's STFT.

    Arguments
    ---------
    n_fft : int
        Size of the Fourier transform, in samples.
    sample_rate : int
        In Hz.
    window_ms, hop_ms : float
        Analysis window and frame shift.

    Example
    -------
    >>> front_end = LogSpectrum()
    >>> features, n_frames = front_end(
    ...     torch.randn(2, 48000), torch.tensor([48000, 24000])
    ... )
    >>> features.shape, n_frames.tolist()
    (torch.Size([2, 301, 257]), [301, 151])
    """

    def __init__(
        self,
        n_fft: int = 512,
        sample_rate: int = 16000,
        window_ms: float = 32,
        hop_ms: float = 10,
    ):
        super().__init__()
        self.n_bins = n_fft // 2 + 1
        self.sample_rate = sample_rate
        self.hop_ms = hop_ms
        self.hop_samples = round(sample_rate * hop_ms / 1000)
        self.stft = STFT(
            sample_rate,
            win_length=window_ms,
            hop_length=hop_ms,
            n_fft=n_fft,
        )

    def forward(self, wavs: Tensor, n_samples: Tensor) -> tuple[Tensor, Tensor]:
        """Features of a padded batch.

        Arguments
        ---------
        wavs : (B, S) torch.Tensor
            Waveforms in [-1, 1]; samples past ``n_samples`` must be zero.
        n_samples : (B,) torch.Tensor of int64
            Valid samples per utterance.

        Returns
        -------
        features : (B, T, F) torch.Tensor
            Natural logarithms, each bin with zero mean over the valid frames;
            padded frames are zero.
        n_frames : (B,) torch.Tensor of int64
            Valid frames per utterance.
        """
        with torch.autocast(wavs.device.type, enabled=False):
            power = spectral_magnitude(self.stft(wavs.float()))
            # Frames are centred on multiples of the hop, frame 0 on sample 0.
            n_frames = 1 + n_samples // self.hop_samples
            mask = frame_mask(n_frames, power.shape[1]).unsqueeze(-1)
            features = power.clamp(min=MAGNITUDE_FLOOR**2).log() / 2 * mask
            mean = features.sum(dim=1, keepdim=True) / n_frames[:, None, None]
            return (features - mean) * mask, n_frames
