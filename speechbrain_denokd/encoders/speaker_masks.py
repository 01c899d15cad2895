"""A mask per speaker before an encoder of one (``mixture -> K embeddings``).

The third way to what MIRNet does. Masks part the mixture's filterbanks into
one spectrogram per speaker, and an encoder of single speakers, trained before
and frozen, embeds each: the identities lie where it puts the speakers alone,
unknown speakers too.

Not in MIRNet's paper, where masks come after the identities. Source of the
order, first masks and then an encoder: W. Rao et al., "Target speaker
extraction for overlapped multi-talker speaker verification", 2019. Ours: each
frame counts, in the mean that is taken away and in the pooling, by the
speaker's share of its power.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from speechbrain_denokd.encoders.ecapa import EcapaTdnn
from speechbrain_denokd.encoders.fbank import FbankFrontEnd
from speechbrain_denokd.encoders.mask_estimator import MaskEstimator
from speechbrain_denokd.encoders.masks import frame_mask, valid_samples
from speechbrain_denokd.encoders.multi_output import MultiIdentityOutput
from speechbrain_denokd.encoders.wav_encoder import WavEncoder
from speechbrain_denokd.encoders.weighted_attentive import (
    weighted_attentive_statistics,
)

# What is masked goes down to here, below the loudest filter of the mixture.
FLOOR_DB = 60.0
DB = 10 / math.log(10)  # of a natural logarithm of powers
_LEAST_SHARE = 1e-6  # of a frame: silence has a mean and an embedding, too


class Masked(NamedTuple):
    """A mixture's filterbanks and whose they are.

    Attributes
    ----------
    log_masks : (B, K, T, F) torch.Tensor
        Logarithms of the speakers' shares of the power; they sum to one.
    levels : (B, T, F) torch.Tensor of float32
        Of the mixture, in dB.
    n_frames : (B,) torch.Tensor of int64
        Valid frames; others mean nothing.

    Example
    -------
    >>> Masked(*torch.zeros(3, 1)).n_frames.tolist()
    [0.0]
    """

    log_masks: Tensor
    levels: Tensor
    n_frames: Tensor


class SpeakerMaskedEncoder(nn.Module):
    """A mask estimator and a frozen encoder of single speakers.

    Arguments
    ---------
    encoder : WavEncoder
        `FbankFrontEnd` and `EcapaTdnn`, with a trained model's weights
        (`start_from_single`). It stays in eval mode and does not learn.
    n_speakers : int
        Speakers in a mixture, ``K``.
    hidden_dim : int
        Of the `MaskEstimator`.
    sharpness : float
        What masks are raised to, and brought to a sum of one again, before the
        encoder: 1 leaves them, and the larger, the more of a filter goes to
        whom most of it belongs. A small estimator is rarely sure, and what it
        leaves of the others is heard.

    Raises
    ------
    ValueError
        If there are fewer than two speakers, the encoder is another, or the
        sharpness is not positive.

    Example
    -------
    >>> encoder = SpeakerMaskedEncoder(
    ...     WavEncoder(
    ...         FbankFrontEnd(n_mels=24),
    ...         EcapaTdnn(24, lin_neurons=16, channels=[16, 16, 16, 16, 48]),
    ...     ),
    ...     n_speakers=3,
    ...     hidden_dim=8,
    ... )
    >>> output = encoder(torch.randn(2, 16000), torch.tensor([1.0, 0.5]))
    >>> output.embeddings.shape, output.attention.shape
    (torch.Size([2, 3, 16]), torch.Size([2, 3, 101]))
    """

    def __init__(
        self,
        encoder: WavEncoder,
        n_speakers: int = 2,
        hidden_dim: int = 160,
        sharpness: float = 1.0,
    ):
        super().__init__()
        if n_speakers < 2:
            raise ValueError(
                f"n_speakers={n_speakers}, but a mixture has 2 or more; use "
                "the encoder alone for one speaker"
            )
        parts = encoder.front_end, encoder.network
        if not isinstance(parts[0], FbankFrontEnd) or not isinstance(
            parts[1], EcapaTdnn
        ):
            raise ValueError(
                f"the encoder is a {type(parts[1]).__name__} on a "
                f"{type(parts[0]).__name__}, but masks are of filterbanks and "
                "weigh the frames of an EcapaTdnn; use SpeakerWeightedEncoder "
                "for others"
            )
        if not sharpness > 0:
            raise ValueError(
                f"sharpness={sharpness}, but masks are raised to a power above "
                "0; 1 leaves them as they are"
            )
        self.encoder = encoder.requires_grad_(False).eval()
        self.n_speakers = n_speakers
        self.sharpness = sharpness
        self.masks = MaskEstimator(parts[0].n_mels, n_speakers, hidden_dim)

    def train(self, mode: bool = True):
        """The encoder stays in eval mode: its batch norms must not move."""
        super().train(mode)
        self.encoder.eval()
        return self

    @property
    def network(self) -> nn.Module:
        """What a model folder stores the weights of: all of it."""
        return self

    @property
    def embedding_dim(self) -> int:
        """Size of each embedding, ``D``: the encoder's."""
        return self.encoder.embedding_dim

    @property
    def frame_dim(self) -> int:
        """Channels of what all outputs share: the filters, ``F``."""
        return self.encoder.front_end.n_mels

    @property
    def frame_hop_ms(self) -> float:
        """Time between two frames."""
        return self.encoder.frame_hop_ms

    @property
    def first_frame_ms(self) -> float:
        """Centre of the first frame."""
        return self.encoder.first_frame_ms

    def forward(
        self, wavs: Tensor, lens: Tensor, embed: bool = True
    ) -> MultiIdentityOutput | Masked:
        """Identities of a padded batch of mixtures.

        Arguments
        ---------
        wavs : (B, S) torch.Tensor
        lens : (B,) torch.Tensor
            Relative lengths in (0, 1].
        embed : bool
            Whether identities are wanted: masks are learnt without.

        Returns
        -------
        MultiIdentityOutput or Masked
            Of the former, ``attention`` is each speaker's share of a frame's
            power, and ``frames`` are the mixture's levels in dB. The latter,
            before the masks are sharpened, where no identities are wanted.
        """
        levels, n_frames = self.levels(wavs, lens)
        valid = frame_mask(n_frames, levels.shape[1]).unsqueeze(2)
        mean = (levels * valid).sum(1, keepdim=True) / n_frames[:, None, None]
        log_masks = self.masks(levels - mean, n_frames)
        if not embed:
            return Masked(log_masks, levels, n_frames)
        sharp = (self.sharpness * log_masks).log_softmax(dim=1)
        return self.embed(Masked(sharp, levels, n_frames))

    def embed(self, masked: Masked) -> MultiIdentityOutput:
        """Each speaker's spectrogram by the encoder of single speakers.

        Arguments
        ---------
        masked : Masked
            With masks as they are to be used, such as ideal ones.

        Returns
        -------
        MultiIdentityOutput
        """
        spectra, shares = part(masked)
        network, weights = self.encoder.network, shares.flatten(0, 1)
        n_frames = masked.n_frames.repeat_interleave(shares.shape[1])
        frames = network(spectra.flatten(0, 1), n_frames).frames
        # Padded frames mean nothing, and may be anything.
        padding = ~frame_mask(n_frames, frames.shape[1]).unsqueeze(2)
        pooled = weighted_attentive_statistics(
            network.asp, frames.masked_fill(padding, 0), weights
        )
        embeddings = network.fc(network.asp_bn(pooled.unsqueeze(2)))
        return MultiIdentityOutput(
            embeddings.squeeze(2).unflatten(0, shares.shape[:2]),
            shares,
            masked.levels,
            masked.n_frames,
        )

    def levels(self, wavs: Tensor, lens: Tensor) -> tuple[Tensor, Tensor]:
        """Filterbanks in dB and their valid frames, of mixtures or sources.

        Arguments
        ---------
        wavs : (B, S) torch.Tensor
        lens : (B,) torch.Tensor

        Returns
        -------
        levels : (B, T, F) torch.Tensor of float32
        n_frames : (B,) torch.Tensor of int64
        """
        n_samples = valid_samples(lens, wavs.shape[1])
        wavs = wavs * frame_mask(n_samples, wavs.shape[1])
        return self.encoder.front_end.levels(wavs, n_samples)


def part(masked: Masked) -> tuple[Tensor, Tensor]:
    """A mixture's filterbanks taken apart, as an encoder takes them.

    Arguments
    ---------
    masked : Masked

    Returns
    -------
    spectra : (B, K, T, F) torch.Tensor of float32
        In dB; each speaker's have zero mean over time, where each frame counts
        by the share. Zero in the padding.
    shares : (B, K, T) torch.Tensor of float32
        Of each frame's power; zero in the padding.

    Example
    -------
    >>> levels = torch.tensor([[[0.0], [0.0], [-20.0]]])
    >>> masks = torch.tensor([[[1.0], [0.5], [0.5]], [[0.0], [0.5], [0.5]]])
    >>> part(Masked(masks[None].log(), levels, torch.tensor([3])))[1]
    tensor([[[1.0000, 0.5000, 0.5000],
             [0.0000, 0.5000, 0.5000]]])
    """
    levels = masked.levels.float()
    valid = frame_mask(masked.n_frames, levels.shape[1])[:, None, :]
    peak = levels.masked_fill(~valid.transpose(1, 2), -torch.inf)
    peak = peak.amax(dim=(1, 2))[:, None, None, None]
    parted = levels.unsqueeze(1) + DB * masked.log_masks.float()
    # Powers relative to the peak, so that none overflows.
    power = ((parted - peak) / DB).exp()
    total = power.sum(dim=(1, 3)).clamp(min=torch.finfo(torch.float32).tiny)
    shares = power.sum(dim=3) / total.unsqueeze(1) * valid
    spectra = DB * (power + 10 ** (-FLOOR_DB / 10)).log()
    counted = (shares + _LEAST_SHARE) * valid
    mean = (counted.unsqueeze(3) * spectra).sum(dim=2, keepdim=True)
    mean = mean / counted.sum(dim=2)[:, :, None, None]
    return (spectra - mean) * valid.unsqueeze(3), shares
