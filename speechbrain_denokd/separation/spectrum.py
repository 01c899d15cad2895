"""Waveforms to spectra and back (``wavs -> spectra -> wavs``), padding unseen.

Differs: ``torch.istft`` divides by the windows of all frames of a batch; here
each mixture is divided by those of its own frames, so that it ends alike in
any batch.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speechbrain_denokd.encoders.masks import frame_mask

# Below this share of a window's energy, nothing of a sample was analysed.
_LEAST_ENERGY = 1e-8


class Spectrum(nn.Module):
    """Short-time Fourier transform with a Hann window, and its inverse.

    Arguments
    ---------
    n_fft : int
        Size of the Fourier transform, in samples.
    window_samples : int
        Analysis window, centred in it.
    hop_samples : int
        From one frame to the next.

    Raises
    ------
    ValueError
        If the window exceeds ``n_fft`` or the hop half the window, where a
        spectrum no longer holds the whole waveform.

    Example
    -------
    >>> spectrum, wavs = Spectrum(64, 64, 20), torch.randn(1, 300)
    >>> n_samples = torch.tensor([300])
    >>> spectra, n_frames = spectrum(wavs, n_samples)
    >>> spectra.shape, n_frames.tolist()
    (torch.Size([1, 16, 33]), [16])
    >>> again = spectrum.inverse(spectra[:, None], n_frames, n_samples, 300)
    >>> bool(torch.allclose(again[:, 0], wavs, atol=1e-5))
    True
    """

    def __init__(
        self,
        n_fft: int = 512,
        window_samples: int = 512,
        hop_samples: int = 160,
    ):
        super().__init__()
        if not 0 < 2 * hop_samples <= window_samples <= n_fft:
            raise ValueError(
                f"n_fft={n_fft}, window_samples={window_samples}, "
                f"hop_samples={hop_samples}: a window is at most n_fft long, "
                "and a hop at most half a window"
            )
        self.n_fft = n_fft
        self.hop_samples = hop_samples
        left = (n_fft - window_samples) // 2
        window = F.pad(
            torch.hann_window(window_samples),
            (left, n_fft - window_samples - left),
        )
        self.register_buffer("window", window, persistent=False)

    @property
    def n_bins(self) -> int:
        """Frequencies, ``F``."""
        return self.n_fft // 2 + 1

    def forward(self, wavs: Tensor, n_samples: Tensor) -> tuple[Tensor, Tensor]:
        """Spectra of a padded batch.

        Arguments
        ---------
        wavs : (B, S) torch.Tensor
            Samples past ``n_samples`` must be zero.
        n_samples : (B,) torch.Tensor of int64
            Valid samples.

        Returns
        -------
        spectra : (B, T, F) torch.Tensor of complex64
            Frame ``t`` is centred on sample ``t * hop_samples``; zero past
            ``n_frames``.
        n_frames : (B,) torch.Tensor of int64
            Valid frames.
        """
        spectra = torch.stft(
            wavs.float(),
            self.n_fft,
            self.hop_samples,
            window=self.window,
            pad_mode="constant",
            return_complex=True,
        ).transpose(1, 2)
        n_frames = 1 + n_samples // self.hop_samples
        mask = frame_mask(n_frames, spectra.shape[1])
        return spectra * mask.unsqueeze(-1), n_frames

    def inverse(
        self, spectra: Tensor, n_frames: Tensor, n_samples: Tensor, length: int
    ) -> Tensor:
        """Waveforms by overlap-add, those of least squared error.

        Arguments
        ---------
        spectra : (B, K, T, F) torch.Tensor of complex64
        n_frames : (B,) torch.Tensor of int64
            Valid frames.
        n_samples : (B,) torch.Tensor of int64
            Valid samples.
        length : int
            Samples of the padded batch, ``S``.

        Returns
        -------
        (B, K, length) torch.Tensor
            Zero past ``n_samples``.
        """
        mask = frame_mask(n_frames, spectra.shape[2]).unsqueeze(-1)
        windows = self.window * mask  # (B, T, n_fft)
        frames = torch.fft.irfft(spectra, self.n_fft) * windows.unsqueeze(1)
        energy = self._overlap_add(windows**2, length)
        summed = self._overlap_add(frames.flatten(0, 1), length)
        wavs = summed.unflatten(0, spectra.shape[:2]) / energy.clamp(
            min=_LEAST_ENERGY
        ).unsqueeze(1)
        return wavs * frame_mask(n_samples, length).unsqueeze(1)

    def _overlap_add(self, frames: Tensor, length: int) -> Tensor:
        """(N, T, n_fft) -> (N, length)."""
        n_samples = (frames.shape[1] - 1) * self.hop_samples + self.n_fft
        summed = F.fold(
            frames.transpose(1, 2),
            (1, n_samples),
            (1, self.n_fft),
            stride=(1, self.hop_samples),
        ).flatten(1)
        start = self.n_fft // 2
        return summed[:, start : start + length]
