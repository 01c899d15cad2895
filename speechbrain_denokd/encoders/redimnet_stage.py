"""One stage of ReDimNet (inside ``features -> EncoderOutput``).

Source: I. Yakovlev et al., "Reshape Dimensions Network for Speaker
Recognition", Interspeech 2024.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from speechbrain_denokd.encoders.redimnet_blocks import (
    NORM_EPS,
    TimeContextBlock,
    block_2d,
    n_groups,
)
from speechbrain_denokd.encoders.reshape import to_1d, to_2d


class StageSize(NamedTuple):
    """Numbers of a stage.

    Attributes
    ----------
    stride : int
        The frequencies are divided, the channels multiplied by it.
    n_blocks : int
        2-D blocks.
    expansion : int
        The 2-D blocks have this many times the channels.
    reduction : int or None
        The 1-D block is narrower by this factor; None leaves it out.
    """

    stride: int
    n_blocks: int
    expansion: int
    reduction: int | None


class ReDimNetStage(nn.Module):
    """1-D to 2-D, convolutions over frequency and time, back, time context.

    Arguments
    ---------
    channels, n_mels : int
        The 2-D view of the input.
    size : StageSize
        Numbers of the stage.
    block : str
        Kind of the 2-D blocks, see `block_2d`.
    group_divisor : int
        Channels per group of the 3 x 3 convolutions.

    Raises
    ------
    ValueError
        If ``n_mels`` is not a multiple of the stride.

    Example
    -------
    >>> import torch
    >>> stage = ReDimNetStage(4, 24, StageSize(2, 1, 1, 12), "convnext", 4)
    >>> x = torch.randn(2, 4 * 24, 20)
    >>> stage(x, torch.ones(2, 1, 20, dtype=torch.bool)).shape
    torch.Size([2, 96, 20])
    >>> stage.channels, stage.n_mels  # of the output's 2-D view
    (8, 12)
    """

    def __init__(
        self,
        channels: int,
        n_mels: int,
        size: StageSize,
        block: str,
        group_divisor: int,
    ):
        super().__init__()
        stride = size.stride
        if n_mels % stride != 0:
            raise ValueError(
                f"n_mels={n_mels} is not a multiple of the stage's stride "
                f"{stride}; choose another stride or number of bins"
            )
        self.in_channels = channels
        self.channels, self.n_mels = channels * stride, n_mels // stride
        wide = self.channels * size.expansion
        self.expand = nn.Conv2d(channels, wide, (stride, 1), (stride, 1))
        self.blocks = nn.ModuleList(
            block_2d(block, wide, self.n_mels, group_divisor)
            for _ in range(size.n_blocks)
        )
        self.squeeze = None
        if size.expansion != 1:
            self.squeeze = _Squeeze(wide, self.channels, group_divisor)
        self.context = None
        if size.reduction is not None:
            dim = channels * n_mels
            self.context = TimeContextBlock(dim, dim // size.reduction)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Run the stage.

        Arguments
        ---------
        x : (B, C * F, T) torch.Tensor
            Finite, whatever lies in the padding.
        mask : (B, 1, T) torch.Tensor of bool
            False in the padding.

        Returns
        -------
        (B, C * F, T) torch.Tensor
        """
        y = self.expand(to_2d(x, self.in_channels))
        for block in self.blocks:
            y = block(y, mask.unsqueeze(2))
        if self.squeeze is not None:
            y = self.squeeze(y, mask.unsqueeze(2))
        y = to_1d(y)
        return y if self.context is None else self.context(y, mask)


def build_stages(
    n_mels: int,
    channels: int,
    sizes: Sequence[Sequence[int | None]],
    block: str,
    group_divisor: int,
) -> nn.ModuleList:
    """Stages in a row: each takes the 2-D view that the one before leaves.

    Arguments
    ---------
    n_mels, channels : int
        The 2-D view of the first stage's input.
    sizes : sequence of StageSize or of four numbers
        Numbers of each stage.
    block : str
        Kind of the 2-D blocks, see `block_2d`.
    group_divisor : int
        Channels per group of the 3 x 3 convolutions.

    Returns
    -------
    torch.nn.ModuleList of ReDimNetStage

    Raises
    ------
    ValueError
        If ``n_mels`` is not a multiple of the product of the strides.

    Example
    -------
    >>> stages = build_stages(
    ...     24, 4, [(1, 1, 1, None), (2, 1, 1, None)], "convnext", 4
    ... )
    >>> stages[1].channels, stages[1].n_mels
    (8, 12)
    """
    sizes = [StageSize(*size) for size in sizes]
    total_stride = math.prod(size.stride for size in sizes)
    if n_mels % total_stride != 0:
        raise ValueError(
            f"n_mels={n_mels} is not a multiple of {total_stride}, the "
            "product of the strides; choose a number of bins that is"
        )
    stages = nn.ModuleList()
    for size in sizes:
        stage = ReDimNetStage(channels, n_mels, size, block, group_divisor)
        stages.append(stage)
        channels, n_mels = stage.channels, stage.n_mels
    return stages


class _Squeeze(nn.Module):
    """From the expanded channels back to those of the 2-D view."""

    def __init__(self, in_channels: int, channels: int, group_divisor: int):
        super().__init__()
        self.grouped = nn.Conv2d(
            in_channels,
            channels,
            3,
            padding=1,
            groups=n_groups(channels, group_divisor),
        )
        self.norm = nn.BatchNorm2d(channels, eps=NORM_EPS)
        self.pointwise = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        y = self.grouped(x * mask)
        return self.pointwise(F.gelu(self.norm(y)))
