"""MIRNet: several identities from one mixture (``features -> K embeddings``).

Source: H. Han et al., "MIRNet: Learning multiple identities representations
in overlapped speech", Interspeech 2020, Section 3 and Table 1.
Differs: padding is invisible. The paper does not say how the convolutions pad
(here with zeros, so that no frame is lost) and start (by K. He's rule, since
no norm keeps the level of six layers), what follows the linear map of the
attention (the encoder's leaky ReLU), which ResNet-18 it takes and how large an
embedding is (see `ResNet18`), nor how more than two speakers are served
(blocks of channels that go round).
"""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from speechbrain_denokd.encoders.masks import frame_mask
from speechbrain_denokd.encoders.multi_output import MultiIdentityOutput
from speechbrain_denokd.encoders.resnet_trunk import ResNet18
from speechbrain_denokd.encoders.speaker_attention import (
    SLOPE,
    SpeakerAttention,
)

# Table 1: widths of conv1 to conv5, then the kernels of conv1 to conv6.
CHANNELS = (512, 512, 512, 512, 1500)
KERNELS = (5, 3, 3, 1, 1, 1)


class SpeechAnalysis(nn.Module):
    """Six convolutions over time: the speech encoder E_S of Eq. (1).

    Arguments
    ---------
    n_bins : int
        Frequencies of the input, ``F``.
    frame_dim : int
        Channels of the output, one block of ``n_bins`` for each speaker.
    channels : sequence of int
        Of the five layers before it.
    batch_norm : bool
        Whether a batch norm comes before each activation; the paper mentions
        none.

    Raises
    ------
    ValueError
        If there are not five ``channels``.

    Example
    -------
    >>> network = SpeechAnalysis()
    >>> sum(p.numel() for p in network.parameters())
    4035990
    """

    def __init__(
        self,
        n_bins: int = 257,
        frame_dim: int = 514,
        channels: Sequence[int] = CHANNELS,
        batch_norm: bool = False,
    ):
        super().__init__()
        if len(channels) != len(CHANNELS):
            raise ValueError(
                f"{len(channels)} channels given, but {len(CHANNELS)} layers "
                f"come before the last; give one width each, as {CHANNELS}"
            )
        widths = [n_bins, *channels, frame_dim]
        self.convs = nn.ModuleList(
            nn.Conv1d(n_in, n_out, kernel, padding=kernel // 2)
            for n_in, n_out, kernel in zip(
                widths[:-1], widths[1:], KERNELS, strict=True
            )
        )
        for conv in self.convs:
            nn.init.kaiming_normal_(conv.weight, a=SLOPE)
            nn.init.zeros_(conv.bias)
        self.norms = nn.ModuleList(
            nn.BatchNorm1d(width) if batch_norm else nn.Identity()
            for width in widths[1:]
        )

    def forward(self, features: Tensor, n_frames: Tensor) -> Tensor:
        """Encode a batch.

        Arguments
        ---------
        features : (B, T, F) torch.Tensor
            What lies in the padding does not matter.
        n_frames : (B,) torch.Tensor of int64
            Valid frames.

        Returns
        -------
        (B, T, frame_dim) torch.Tensor
            Zero in the padding.
        """
        padding = ~frame_mask(n_frames, features.shape[1]).unsqueeze(1)
        x = features.transpose(1, 2).masked_fill(padding, 0)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.leaky_relu(norm(conv(x)), SLOPE).masked_fill(padding, 0)
        return x.transpose(1, 2)


class MirNet(nn.Module):
    """Speech analysis, spectral attention, speaker embedding.

    `WavEncoder` makes an encoder of it:

    .. code-block:: yaml

      encoder: !new:speechbrain_denokd.encoders.wav_encoder.WavEncoder
        front_end: !new:speechbrain_denokd.encoders.log_spectrum.LogSpectrum
        network: !new:speechbrain_denokd.encoders.mirnet.MirNet

    Arguments
    ---------
    n_bins : int
        Frequencies of the input, ``F``.
    n_speakers : int
        Speakers in a mixture, ``K``.
    attend_to : str
        "v1" or "vk", see `SpeakerAttention`.
    channels : sequence of int
        See `SpeechAnalysis`.
    batch_norm : bool
        See `SpeechAnalysis`.
    resnet_channels : int
        Of the first stage of the `ResNet18`, which all speakers share.
    embedding_dim : int
        Size of each embedding, ``D``.

    Raises
    ------
    ValueError
        If there are fewer than two speakers, or as the parts say.

    Example
    -------
    >>> import torch
    >>> network = MirNet(
    ...     n_bins=24, channels=[8] * 5, resnet_channels=4, embedding_dim=16
    ... )
    >>> output = network.eval()(torch.randn(2, 50, 24), torch.tensor([50, 31]))
    >>> output.embeddings.shape, output.attention.shape, output.frames.shape
    (torch.Size([2, 2, 16]), torch.Size([2, 2, 50]), torch.Size([2, 50, 48]))
    """

    def __init__(
        self,
        n_bins: int = 257,
        n_speakers: int = 2,
        attend_to: str = "v1",
        channels: Sequence[int] = CHANNELS,
        batch_norm: bool = False,
        resnet_channels: int = 32,
        embedding_dim: int = 256,
    ):
        super().__init__()
        if n_speakers < 2:
            raise ValueError(
                f"n_speakers={n_speakers}, but a mixture has 2 or more; use an "
                "ordinary encoder for one speaker"
            )
        self.n_bins = n_bins
        self.n_speakers = n_speakers
        self.frame_dim = n_speakers * n_bins
        self.analysis = SpeechAnalysis(
            n_bins, self.frame_dim, channels, batch_norm
        )
        self.attention = SpeakerAttention(n_bins, n_speakers, attend_to)
        self.embedder = ResNet18(n_bins, resnet_channels, embedding_dim)

    @property
    def embedding_dim(self) -> int:
        """Size of each embedding, ``D``."""
        return self.embedder.embedding_dim

    @property
    def min_frames(self) -> int:
        """Fewest frames: zeros surround the mixture, so one is enough."""
        return 1

    def forward(
        self, features: Tensor, n_frames: Tensor
    ) -> MultiIdentityOutput:
        """Identities of a batch of mixtures.

        Arguments
        ---------
        features : (B, T, F) torch.Tensor
            Log magnitudes; what lies in the padding does not matter.
        n_frames : (B,) torch.Tensor of int64
            Valid frames per mixture, at least 1.

        Returns
        -------
        MultiIdentityOutput
            ``attention`` are gates between 0 and 1, ``frames`` is ``V_1``.

        Raises
        ------
        ValueError
            If the features do not have ``n_bins`` bins.
        """
        if features.shape[2] != self.n_bins:
            raise ValueError(
                f"the features have {features.shape[2]} bins, but the network "
                f"is for {self.n_bins}; set n_bins to that of the front end"
            )
        frames = self.analysis(features, n_frames)
        spectra, attention = self.attention(frames)
        mask = frame_mask(n_frames, frames.shape[1]).unsqueeze(1)
        embeddings = self.embedder(
            spectra.flatten(0, 1), n_frames.repeat_interleave(self.n_speakers)
        )
        return MultiIdentityOutput(
            embeddings=embeddings.unflatten(0, (-1, self.n_speakers)),
            attention=attention.masked_fill(~mask, 0),
            frames=frames,
            n_frames=n_frames,
        )
