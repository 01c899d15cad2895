"""A mixture taken apart (``wavs, embeddings -> each speaker's wav``).

Each speaker's spectrum is the mixture's, phase included, times a mask.

Source: as `mask_network`; masks times the mixture's spectrum and phase, Q.
Wang et al., "VoiceFilter", Interspeech 2019, Section 2.2.
Differs: the network hears each mixture at the same level, and magnitudes to a
power (the paper compresses in the loss alone). Embeddings of any length are
brought to a mean square of 1; VoiceFilter's have length 1, and beside the
frames so small an input is hardly heard in a short training.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speechbrain_denokd.encoders.masks import frame_mask, valid_samples
from speechbrain_denokd.separation.mask_network import DILATIONS, MaskNetwork
from speechbrain_denokd.separation.spectrum import Spectrum

# Below 16 bits' rounding: a silent mixture is divided by this.
_LOWEST_LEVEL = 1e-5


class Separated(NamedTuple):
    """What a separator makes of a batch of mixtures.

    Attributes
    ----------
    wavs : (B, K, S) torch.Tensor
        Each speaker alone, at the mixture's level; zero in the padding.
    masks : (B, K, T, F) torch.Tensor
        Between 0 and 1.
    magnitudes : (B, T, F) torch.Tensor
        Of the mixture at level 1.
    level : (B,) torch.Tensor
        Root mean square of the mixture's samples.
    n_frames : (B,) torch.Tensor of int64
        Valid frames.

    Example
    -------
    >>> Separated(*torch.zeros(5, 1)).level.tolist()
    [0.0]
    """

    wavs: Tensor
    masks: Tensor
    magnitudes: Tensor
    level: Tensor
    n_frames: Tensor


class Separator(nn.Module):
    """Spectrum, mask network, inverse spectrum.

    Arguments
    ---------
    embedding_dim : int, optional
        Size of the embedding of a speaker; None for the uPIT network, which
        knows nothing of them.
    n_speakers : int
        Speakers in a mixture, ``K``.
    power : float
        What the magnitudes that the network hears are raised to; 1 is no
        compression.
    n_fft, window_samples, hop_samples : int
        Of the `Spectrum`.
    fusion, channels, output_channels, dilations, lstm_dim, hidden_dim,
    embedding_dropout
        Of the `MaskNetwork`.

    Raises
    ------
    ValueError
        If the power is not in (0, 1], or as the parts say.

    Example
    -------
    >>> separator = Separator(
    ...     None, n_fft=64, window_samples=64, hop_samples=32, channels=2,
    ...     dilations=[1], lstm_dim=3, hidden_dim=5,
    ... )
    >>> wavs, lens = torch.randn(2, 400), torch.tensor([1.0, 0.5])
    >>> separator(wavs, lens).wavs.shape
    torch.Size([2, 2, 400])
    """

    def __init__(
        self,
        embedding_dim: int | None,
        n_speakers: int = 2,
        power: float = 0.3,
        n_fft: int = 512,
        window_samples: int = 512,
        hop_samples: int = 160,
        fusion: str = "concat",
        channels: int = 64,
        output_channels: int = 8,
        dilations: Sequence[int] = DILATIONS,
        lstm_dim: int = 400,
        hidden_dim: int = 600,
        embedding_dropout: float = 0.0,
    ):
        super().__init__()
        if not 0 < power <= 1:
            raise ValueError(
                f"power is {power}: magnitudes are raised to a power above 0 "
                "and up to 1, which is no compression"
            )
        # What a model folder needs to build the same again.
        self.sizes = {
            "embedding_dim": embedding_dim,
            "n_speakers": n_speakers,
            "power": power,
            "n_fft": n_fft,
            "window_samples": window_samples,
            "hop_samples": hop_samples,
            "fusion": fusion,
            "channels": channels,
            "output_channels": output_channels,
            "dilations": list(dilations),
            "lstm_dim": lstm_dim,
            "hidden_dim": hidden_dim,
            "embedding_dropout": embedding_dropout,
        }
        self.power = power
        self.n_speakers = n_speakers
        self.spectrum = Spectrum(n_fft, window_samples, hop_samples)
        self.network = MaskNetwork(
            self.spectrum.n_bins,
            embedding_dim,
            n_speakers,
            fusion,
            channels,
            output_channels,
            dilations,
            lstm_dim,
            hidden_dim,
            embedding_dropout,
        )

    def forward(
        self, wavs: Tensor, lens: Tensor, embeddings: Tensor | None = None
    ) -> Separated:
        """Separate a padded batch.

        Arguments
        ---------
        wavs : (B, S) torch.Tensor
            Mixtures; what lies in the padding does not matter.
        lens : (B,) torch.Tensor
            Relative lengths in (0, 1].
        embeddings : (B, K, D) torch.Tensor, optional
            Of the speakers wanted, whatever their length as vectors.

        Returns
        -------
        Separated
            In the order of the embeddings; without any, in no order.

        Raises
        ------
        ValueError
            If embeddings are missing, not wanted, or of another size.
        """
        n_samples = valid_samples(lens, wavs.shape[1])
        with torch.autocast(wavs.device.type, enabled=False):
            wavs = wavs.float() * frame_mask(n_samples, wavs.shape[1])
            power = wavs.square().sum(dim=1) / n_samples
            level = power.sqrt().clamp(min=_LOWEST_LEVEL)
            spectra, n_frames = self.spectrum(wavs, n_samples)
            magnitudes = spectra.abs() / level[:, None, None]
        if embeddings is not None:
            size = embeddings.shape[2]
            embeddings = F.normalize(embeddings.float(), dim=2) * size**0.5
        masks = self.network(magnitudes**self.power, n_frames, embeddings)
        with torch.autocast(wavs.device.type, enabled=False):
            masks = masks.float()
            separated = self.spectrum.inverse(
                masks * spectra.unsqueeze(1),
                n_frames,
                n_samples,
                wavs.shape[1],
            )
        return Separated(separated, masks, magnitudes, level, n_frames)
