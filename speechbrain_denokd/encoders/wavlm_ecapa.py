"""WavLM + ECAPA-TDNN, the big teacher: waveforms in, `EncoderOutput` out.

Source: S. Chen et al., "WavLM: Large-Scale Self-Supervised Pre-Training for
Full Stack Speech Processing", IEEE JSTSP 2022, Section IV-A, and the
ECAPA-TDNN of B. Desplanques et al., Interspeech 2020, in the variant of the
published UniSpeech speaker-verification checkpoints. The attributes below the
head carry that checkpoint's names, so its state dict fits one to one.
Differs: means, norms, convolutions and attention end where each utterance
ends; the published code knows no padding.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speechbrain_denokd.encoders.masks import frame_mask
from speechbrain_denokd.encoders.output import EncoderOutput
from speechbrain_denokd.encoders.wavlm import WavLM, standardise

# torch.nn.InstanceNorm1d's default, which the published head uses.
FRAME_EPS = 1e-5
# Keeps the instance norm of silent features away from 0 / 0.
FRAME_OFFSET = 1e-6
VARIANCE_FLOOR = 1e-9


class WavLMEcapaHead(nn.Module):
    """ECAPA-TDNN over a learned mixture of WavLM's layers.

    Arguments
    ---------
    n_stages : int
        WavLM's blocks + 1.
    input_dim : int
        Channels of each stage.
    channels : int
        Channels of the first TDNN and of the three SE-Res2 blocks.
    frame_dim : int
        Channels of the aggregated frames.
    embedding_dim : int
        Size of the embedding.
    attention_dim : int
        Bottleneck of the attentive pooling.
    se_dim : int
        Bottleneck of squeeze-and-excitation.
    scale : int
        Chunks of a Res2 convolution.

    Raises
    ------
    ValueError
        If ``channels`` is not a multiple of ``scale``.

    Example
    -------
    >>> head = WavLMEcapaHead()
    >>> sum(parameter.numel() for parameter in head.parameters())
    8410841
    >>> stages = [torch.randn(2, 20, 1024) for _ in range(25)]
    >>> output = head(stages, torch.tensor([20, 12]))
    >>> output.frames.shape, output.embedding.shape
    (torch.Size([2, 20, 1536]), torch.Size([2, 256]))
    """

    def __init__(
        self,
        n_stages: int = 25,
        input_dim: int = 1024,
        channels: int = 512,
        frame_dim: int = 1536,
        embedding_dim: int = 256,
        attention_dim: int = 128,
        se_dim: int = 128,
        scale: int = 8,
    ):
        super().__init__()
        if channels % scale != 0:
            raise ValueError(
                f"channels={channels} cannot be split into scale={scale} "
                "equal chunks; make it a multiple"
            )
        self.feature_weight = nn.Parameter(torch.zeros(n_stages))
        self.layer1 = _ConvReluNorm(input_dim, channels, kernel_size=5)
        self.layer2 = _SERes2Block(channels, 2, scale, se_dim)
        self.layer3 = _SERes2Block(channels, 3, scale, se_dim)
        self.layer4 = _SERes2Block(channels, 4, scale, se_dim)
        self.conv = nn.Conv1d(3 * channels, frame_dim, 1)
        self.pooling = _AttentiveStatistics(frame_dim, attention_dim)
        self.bn = nn.BatchNorm1d(2 * frame_dim)
        self.linear = nn.Linear(2 * frame_dim, embedding_dim)

    @property
    def n_stages(self) -> int:
        """Layers that the mixture weighs."""
        return self.feature_weight.numel()

    @property
    def input_dim(self) -> int:
        """Channels of the layers that the mixture weighs."""
        return self.layer1.conv.in_channels

    @property
    def frame_dim(self) -> int:
        """Channels of the frame-level tap, ``C``."""
        return self.conv.out_channels

    @property
    def embedding_dim(self) -> int:
        """Size of the embedding, ``D``."""
        return self.linear.out_features

    def forward(
        self, stages: Sequence[Tensor], n_frames: Tensor
    ) -> EncoderOutput:
        """Mix the layers, then ECAPA-TDNN.

        Arguments
        ---------
        stages : sequence of n_stages (B, T, input_dim) torch.Tensor
            WavLM's layers, first to last.
        n_frames : (B,) torch.Tensor of int64
            Valid frames, at least 1.

        Returns
        -------
        EncoderOutput
            ``stages`` are the outputs of the first TDNN and of each SE-Res2
            block, ``frames`` the aggregation before pooling, after its ReLU.

        Raises
        ------
        ValueError
            If the number of layers is not ``n_stages``.
        """
        mixed = self.mix(stages)
        x = standardise(mixed, n_frames, FRAME_EPS).transpose(1, 2)
        mask = frame_mask(n_frames, x.shape[2])[:, None, :].to(x.dtype)

        blocks = []
        for block in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = block(x, mask)
            blocks.append(x)
        frames = F.relu(self.conv(torch.cat(blocks[1:], dim=1))) * mask
        embedding = self.linear(self.bn(self.pooling(frames, mask)))
        return EncoderOutput(
            stages=tuple(block.transpose(1, 2) for block in blocks),
            frames=frames.transpose(1, 2),
            embedding=embedding,
            n_frames=n_frames,
        )

    def mix(self, stages: Sequence[Tensor]) -> Tensor:
        """Layers averaged with the softmax of the learned weights.

        Arguments
        ---------
        stages : sequence of n_stages (B, T, C) torch.Tensor

        Returns
        -------
        (B, T, C) torch.Tensor

        Raises
        ------
        ValueError
            If the number of layers is not ``n_stages``.
        """
        if len(stages) != self.n_stages:
            raise ValueError(
                f"{len(stages)} layers given, but the head weighs "
                f"{self.n_stages}; build it with n_stages={len(stages)}"
            )
        weights = self.feature_weight.softmax(dim=0)
        # One layer at a time: a stack of 25 would double the memory.
        mixed = weights[0] * stages[0]
        for weight, stage in zip(weights[1:], stages[1:], strict=True):
            mixed = mixed + weight * stage
        return mixed + FRAME_OFFSET


class WavLMEcapa(nn.Module):
    """The teacher as an encoder.

    Arguments
    ---------
    wavlm : WavLM
        Layers of a pre-trained model.
    head : WavLMEcapaHead
        Speaker network over them.

    Raises
    ------
    ValueError
        If the head was built for another number of layers or channels.

    Example
    -------
    >>> from tempfile import TemporaryDirectory
    >>> from speechbrain_denokd.encoders.wavlm_folder import (
    ...     save_random_wavlm, wavlm_large_config,
    ... )
    >>> config = wavlm_large_config(
    ...     hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
    ...     intermediate_size=32, conv_dim=[8] * 7,
    ... )
    >>> with TemporaryDirectory() as folder:
    ...     wavlm = WavLM(save_random_wavlm(config, folder))
    >>> head = WavLMEcapaHead(3, 16, channels=16, frame_dim=48)
    >>> teacher = WavLMEcapa(wavlm, head).eval()
    >>> output = teacher(torch.randn(2, 16000), torch.tensor([1.0, 0.5]))
    >>> output.frames.shape, output.n_frames.tolist(), teacher.frame_hop_ms
    (torch.Size([2, 49, 48]), [49, 24], 20.0)
    """

    def __init__(self, wavlm: WavLM, head: WavLMEcapaHead):
        super().__init__()
        given = (wavlm.n_stages, wavlm.hidden_dim)
        expected = (head.n_stages, head.input_dim)
        if given != expected:
            raise ValueError(
                f"WavLM gives {given[0]} layers of {given[1]} channels, but "
                f"the head expects {expected[0]} of {expected[1]}; build it "
                f"with n_stages={given[0]}, input_dim={given[1]}"
            )
        self.wavlm = wavlm
        self.head = head

    @property
    def frame_dim(self) -> int:
        """Channels of the frame-level tap, ``C``."""
        return self.head.frame_dim

    @property
    def embedding_dim(self) -> int:
        """Size of the embedding, ``D``."""
        return self.head.embedding_dim

    @property
    def frame_hop_ms(self) -> float:
        """Time between two frames of the frame-level tap."""
        return self.wavlm.frame_hop_ms

    @property
    def first_frame_ms(self) -> float:
        """Centre of the first frame."""
        return self.wavlm.first_frame_ms

    def forward(self, wavs: Tensor, lens: Tensor) -> EncoderOutput:
        """Encode a padded batch.

        Arguments
        ---------
        wavs : (B, S) torch.Tensor
            Waveforms at WavLM's sampling rate.
        lens : (B,) torch.Tensor
            Relative lengths in (0, 1].

        Returns
        -------
        EncoderOutput

        Raises
        ------
        ValueError
            If an utterance is too short for one frame.
        """
        return self.head(*self.wavlm(wavs, lens))


# The parts below keep padded frames at zero from input to output, which is
# what a convolution sees beyond the end of an utterance alone.


class _ConvReluNorm(nn.Module):
    """Zero-padded convolution, ReLU, batch norm."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size=1):
        super().__init__()
        self.conv = nn.Conv1d(
            in_channels, out_channels, kernel_size, padding=kernel_size // 2
        )
        self.bn = nn.BatchNorm1d(out_channels)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return self.bn(F.relu(self.conv(x))) * mask


class _Res2Conv(nn.Module):
    """Each chunk but the last is convolved with the previous one added."""

    def __init__(self, channels: int, dilation: int, scale: int):
        super().__init__()
        self.scale = scale
        width = channels // scale
        self.convs = nn.ModuleList(
            nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
            for _ in range(scale - 1)
        )
        self.bns = nn.ModuleList(
            nn.BatchNorm1d(width) for _ in range(scale - 1)
        )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        *chunks, last = x.chunk(self.scale, dim=1)
        outputs = []
        previous = 0.0
        for chunk, conv, bn in zip(chunks, self.convs, self.bns, strict=True):
            previous = bn(F.relu(conv(chunk + previous))) * mask
            outputs.append(previous)
        return torch.cat([*outputs, last], dim=1)


class _SqueezeExcitation(nn.Module):
    """Channels rescaled by a gate that sees their mean over valid frames."""

    def __init__(self, channels: int, se_dim: int):
        super().__init__()
        self.linear1 = nn.Linear(channels, se_dim)
        self.linear2 = nn.Linear(se_dim, channels)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        mean = x.sum(dim=2) / mask.sum(dim=2)
        gate = torch.sigmoid(self.linear2(F.relu(self.linear1(mean))))
        return x * gate[:, :, None]


class _SERes2Block(nn.Module):
    """1x1 TDNN, Res2 convolution, 1x1 TDNN, SE, residual."""

    def __init__(self, channels: int, dilation: int, scale: int, se_dim: int):
        super().__init__()
        self.Conv1dReluBn1 = _ConvReluNorm(channels, channels)
        self.Res2Conv1dReluBn = _Res2Conv(channels, dilation, scale)
        self.Conv1dReluBn2 = _ConvReluNorm(channels, channels)
        self.SE_Connect = _SqueezeExcitation(channels, se_dim)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        residual = x
        x = self.Conv1dReluBn1(x, mask)
        x = self.Res2Conv1dReluBn(x, mask)
        x = self.Conv1dReluBn2(x, mask)
        return self.SE_Connect(x, mask) + residual


class _AttentiveStatistics(nn.Module):
    """Mean and standard deviation, weighted per channel and frame."""

    def __init__(self, channels: int, attention_dim: int):
        super().__init__()
        self.linear1 = nn.Conv1d(channels, attention_dim, 1)
        self.linear2 = nn.Conv1d(attention_dim, channels, 1)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        energies = self.linear2(torch.tanh(self.linear1(x)))
        weights = energies.masked_fill(mask == 0, -torch.inf).softmax(dim=2)
        mean = (weights * x).sum(dim=2, keepdim=True)
        # Around the mean, not E[x^2] - mean^2, which cancels in float32.
        variance = (weights * (x - mean).square()).sum(dim=2)
        std = variance.clamp(min=VARIANCE_FLOOR).sqrt()
        return torch.cat([mean.squeeze(2), std], dim=1)
