"""ReDimNet: filterbanks in, `EncoderOutput` out.

Source: I. Yakovlev et al., "Reshape Dimensions Network for Speaker
Recognition", Interspeech 2024; the sizes B0 to B6 are those of WeSpeaker's
port, with its head (pooling, then linear).
Differs: padding is invisible to every operation over time. The authors' own
code adds a batch norm before the linear layer.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor, nn

from speechbrain_denokd.encoders.layer_aggregation import LayerAggregation
from speechbrain_denokd.encoders.masks import frame_mask
from speechbrain_denokd.encoders.output import EncoderOutput
from speechbrain_denokd.encoders.pooling import AttentiveStatistics
from speechbrain_denokd.encoders.redimnet_blocks import ChannelNorm
from speechbrain_denokd.encoders.redimnet_stage import StageSize, build_stages
from speechbrain_denokd.encoders.reshape import to_1d


class ReDimNet(nn.Module):
    """Stages that see all earlier ones, in two views of one size.

    Each stage reads a learned mean of the stem and of all stages before it.
    Its output has the size of its input, ``channels * n_mels`` by ``T``,
    whatever its strides: channels replace frequencies.

    Arguments
    ---------
    n_mels : int
        Mel bins, ``F``: a multiple of the product of the strides.
    channels : int
        Channels of the stem, ``C``.
    stages : sequence of StageSize or of four numbers
        Stride, 2-D blocks, expansion and reduction (or None) of each stage.
    block : str
        Kind of the 2-D blocks: "convnext", "resnet" or "resnet_fwse".
    group_divisor : int
        Channels per group of the 3 x 3 convolutions, 1 for depthwise ones.
    embedding_dim : int
        Size of the embedding, ``D``.

    Raises
    ------
    ValueError
        If ``n_mels`` does not fit the strides, or the channels do not fit
        ``group_divisor`` or the attention heads.

    Example
    -------
    >>> network = ReDimNet(
    ...     n_mels=24,
    ...     channels=4,
    ...     stages=[(1, 1, 1, None), (2, 1, 1, 12)],
    ...     block="convnext",
    ...     group_divisor=4,
    ...     embedding_dim=16,
    ... )
    >>> output = network.eval()(torch.randn(2, 50, 24), torch.tensor([50, 31]))
    >>> output.frames.shape, output.embedding.shape
    (torch.Size([2, 50, 96]), torch.Size([2, 16]))
    """

    def __init__(
        self,
        n_mels: int,
        channels: int,
        stages: Sequence[Sequence[int | None]],
        block: str = "convnext",
        group_divisor: int = 1,
        embedding_dim: int = 192,
    ):
        super().__init__()
        self.n_mels = n_mels
        self.frame_dim = n_mels * channels
        self.stem = nn.Sequential(
            nn.Conv2d(1, channels, 3, padding=1), ChannelNorm(channels)
        )
        self.mixers = nn.ModuleList(
            LayerAggregation(n_layers, self.frame_dim)
            for n_layers in range(1, len(stages) + 1)
        )
        self.stages = build_stages(
            n_mels, channels, stages, block, group_divisor
        )
        self.mixer = LayerAggregation(len(stages) + 1, self.frame_dim)
        self.pooling = AttentiveStatistics(self.frame_dim)
        self.linear = nn.Linear(2 * self.frame_dim, embedding_dim)

    @property
    def embedding_dim(self) -> int:
        """Size of the embedding, ``D``."""
        return self.linear.out_features

    @property
    def min_frames(self) -> int:
        """Fewest frames: zeros surround the utterance, so one is enough."""
        return 1

    def forward(
        self, features: Tensor, n_frames: Tensor | None = None
    ) -> EncoderOutput:
        """Taps of the stem, every stage, the aggregation and the embedding.

        Arguments
        ---------
        features : (B, T, F) torch.Tensor
            Normalised filterbanks; what lies in the padding does not matter.
        n_frames : (B,) torch.Tensor of int64, optional
            Valid frames per utterance; all of them by default.

        Returns
        -------
        EncoderOutput
            ``stages`` are the outputs of the stem and of each stage,
            ``frames`` their learned mean before pooling.

        Raises
        ------
        ValueError
            If the features do not have ``n_mels`` bins.
        """
        batch, length, n_mels = features.shape
        if n_mels != self.n_mels:
            raise ValueError(
                f"the features have {n_mels} mel bins, but the network is for "
                f"{self.n_mels}; set n_mels of the front end to that"
            )
        if n_frames is None:
            n_frames = torch.full((batch,), length, device=features.device)
        mask = frame_mask(n_frames, length).unsqueeze(1)

        image = features.transpose(1, 2).masked_fill(~mask, 0).unsqueeze(1)
        outputs = [to_1d(self.stem(image))]
        for mixer, stage in zip(self.mixers, self.stages, strict=True):
            outputs.append(stage(mixer(outputs), mask))
        frames = self.mixer(outputs).transpose(1, 2)
        return EncoderOutput(
            stages=tuple(output.transpose(1, 2) for output in outputs),
            frames=frames,
            embedding=self.linear(self.pooling(frames, n_frames)),
            n_frames=n_frames,
        )


class ReDimNetSize(NamedTuple):
    """Arguments of `ReDimNet` that a published size stands for."""

    n_mels: int
    channels: int
    stages: tuple[StageSize, ...]
    block: str
    group_divisor: int


def _size(n_mels, channels, block, group_divisor, *stages) -> ReDimNetSize:
    sizes = tuple(StageSize(*stage) for stage in stages)
    return ReDimNetSize(n_mels, channels, sizes, block, group_divisor)


# fmt: off
REDIMNET_SIZES: Mapping[str, ReDimNetSize] = MappingProxyType({
    "B0": _size(
        60, 10, "resnet", 1,
        (1, 2, 1, 30), (2, 3, 2, 30), (1, 3, 3, 30), (2, 4, 2, 10),
        (1, 3, 1, 10),
    ),
    "B1": _size(
        72, 12, "convnext", 8,
        (1, 2, 1, None), (2, 3, 1, None), (3, 4, 1, 12), (2, 5, 1, 12),
        (2, 3, 1, 8),
    ),
    "B2": _size(
        72, 16, "convnext", 4,
        (1, 2, 1, 12), (2, 2, 1, 12), (1, 3, 1, 12), (2, 4, 1, 8),
        (1, 4, 1, 8), (2, 4, 1, 4),
    ),
    "B3": _size(
        72, 16, "resnet_fwse", 1,
        (1, 6, 4, 32), (2, 6, 2, 32), (1, 8, 2, 32), (2, 10, 2, 16),
        (1, 10, 1, 16), (2, 8, 1, 16),
    ),
    "B4": _size(
        72, 32, "resnet_fwse", 1,
        (1, 4, 2, 48), (2, 4, 2, 48), (1, 6, 2, 48), (2, 6, 1, 32),
        (1, 8, 1, 24), (2, 4, 1, 16),
    ),
    "B5": _size(
        72, 32, "resnet_fwse", 16,
        (1, 4, 2, 48), (2, 4, 2, 48), (1, 6, 2, 48), (2, 6, 1, 32),
        (1, 8, 1, 24), (2, 4, 1, 16),
    ),
    "B6": _size(
        72, 32, "resnet", 32,
        (1, 4, 4, 32), (2, 6, 2, 32), (1, 6, 2, 24), (3, 8, 1, 24),
        (1, 8, 1, 16), (2, 8, 1, 16),
    ),
})
# fmt: on


def redimnet(size: str, embedding_dim: int = 192) -> ReDimNet:
    """ReDimNet of a published size; `REDIMNET_SIZES` holds the numbers.

    In YAML: ``!apply:speechbrain_denokd.encoders.redimnet.redimnet`` with
    ``size: B2`` below it. B0 needs 60 mel bins, the others 72.

    Arguments
    ---------
    size : str
        "B0" to "B6".
    embedding_dim : int
        Size of the embedding, ``D``.

    Returns
    -------
    ReDimNet

    Raises
    ------
    ValueError
        If there is no such size.

    Example
    -------
    >>> network = redimnet("B0")
    >>> sum(p.numel() for p in network.parameters())
    1001850
    >>> network.n_mels, network.frame_dim
    (60, 600)
    """
    if size not in REDIMNET_SIZES:
        raise ValueError(
            f"there is no ReDimNet of size {size!r}; choose one of "
            f"{', '.join(REDIMNET_SIZES)}"
        )
    return ReDimNet(
        **REDIMNET_SIZES[size]._asdict(), embedding_dim=embedding_dim
    )
