"""Log-mel front end with exact frame counts (``wavs -> features``).

Differs from SpeechBrain's ``Fbank`` + ``InputNormalization`` only in padded
batches: the number of valid frames comes from the samples, not from a rounded
ratio, and padding enters neither the level floor nor the mean. A single
utterance gives the same features as SpeechBrain's two modules.
"""

import torch
from speechbrain.lobes.features import Fbank
from speechbrain.processing.features import spectral_magnitude
from torch import Tensor, nn

from speechbrain_denokd.encoders.masks import frame_mask


class FbankFrontEnd(nn.Module):
    """Mean-normalised log-mel filterbanks of SpeechBrain.

    Arguments
    ---------
    n_mels : int
        Mel bins, ``F``.
    sample_rate : int
        In Hz.
    window_ms, hop_ms : float
        Analysis window and frame shift.

    Example
    -------
    >>> front_end = FbankFrontEnd(n_mels=80)
    >>> features, n_frames = front_end(
    ...     torch.randn(2, 48000), torch.tensor([48000, 24000])
    ... )
    >>> features.shape, n_frames.tolist()
    (torch.Size([2, 301, 80]), [301, 151])
    """

    def __init__(
        self,
        n_mels: int = 80,
        sample_rate: int = 16000,
        window_ms: float = 25,
        hop_ms: float = 10,
    ):
        super().__init__()
        self.n_mels = n_mels
        self.sample_rate = sample_rate
        self.hop_ms = hop_ms
        self.hop_samples = round(sample_rate * hop_ms / 1000)
        self.fbank = Fbank(
            sample_rate=sample_rate,
            n_mels=n_mels,
            n_fft=round(sample_rate * window_ms / 1000),
            win_length=window_ms,
            hop_length=hop_ms,
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
            In dB, each mel bin with zero mean over the valid frames; padded
            frames are zero.
        n_frames : (B,) torch.Tensor of int64
            Valid frames per utterance.
        """
        levels, n_frames = self.levels(wavs, n_samples)
        mask = frame_mask(n_frames, levels.shape[1]).unsqueeze(-1)
        total = (levels * mask).sum(dim=1, keepdim=True)
        mean = total / n_frames[:, None, None]
        return (levels - mean) * mask, n_frames

    def levels(self, wavs: Tensor, n_samples: Tensor) -> tuple[Tensor, Tensor]:
        """The same before the mean is taken away.

        Arguments
        ---------
        wavs : (B, S) torch.Tensor
            As `forward` takes them.
        n_samples : (B,) torch.Tensor of int64

        Returns
        -------
        levels : (B, T, F) torch.Tensor of float32
            In dB; padded frames are at the floor.
        n_frames : (B,) torch.Tensor of int64
        """
        with torch.autocast(wavs.device.type, enabled=False):
            magnitude = spectral_magnitude(
                self.fbank.compute_STFT(wavs.float())
            )
            # Frames are centred on multiples of the hop, frame 0 on sample 0.
            n_frames = 1 + n_samples // self.hop_samples
            mask = frame_mask(n_frames, magnitude.shape[1]).unsqueeze(-1)
            return self.fbank.compute_fbanks(magnitude * mask), n_frames
