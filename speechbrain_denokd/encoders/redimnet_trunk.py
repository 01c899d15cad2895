"""ReDimNet's stages behind a stem of another kind (``frames -> frames``).

Source: K. Koo et al., "SSRFNet: Stage-wise SV-Mixer and ReDimNet Fusion
Network for Speaker Verification", 2026, Section 2.2; the stages are those of
I. Yakovlev et al., "Reshape Dimensions Network for Speaker Recognition",
Interspeech 2024.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from speechbrain_denokd.encoders.layer_aggregation import LayerAggregation
from speechbrain_denokd.encoders.masks import frame_mask
from speechbrain_denokd.encoders.redimnet import REDIMNET_SIZES
from speechbrain_denokd.encoders.redimnet_stage import build_stages

# SSRFNet's: B2 with the width of the large pre-trained models, 1024, and
# other reductions. Stride, 2-D blocks, expansion, reduction.
SSRFNET_STAGES = (
    (1, 2, 1, 16),
    (2, 2, 1, 16),
    (1, 3, 1, 8),
    (2, 4, 1, 8),
    (1, 4, 1, 8),
    (2, 4, 1, 4),
)


class ReDimNetTrunk(nn.Module):
    """Stages that see all earlier ones, and maps injected on the way.

    Stage ``i`` reads a learned mean of the frames, of the maps 1 to ``i`` and
    of the stages before it. For 4 maps and 6 stages these are 2, 4, 6, 8, 9
    and 10 inputs, and 11 for the mean of all at the end.

    Arguments
    ---------
    n_mels : int
        Frequencies of the 2-D view of the frames, ``F``: a multiple of the
        product of the strides.
    channels : int
        Channels of that view, ``C``.
    stages : sequence of StageSize or of four numbers
        Stride, 2-D blocks, expansion and reduction (or None) of each stage.
    block : str
        Kind of the 2-D blocks: "convnext", "resnet" or "resnet_fwse".
    group_divisor : int
        Channels per group of the 3 x 3 convolutions.
    n_maps : int
        Maps to inject, ``N``: one before each of the first stages.

    Raises
    ------
    ValueError
        If there are more maps than stages, or ``n_mels`` does not fit the
        strides.

    Example
    -------
    >>> import torch
    >>> trunk = ReDimNetTrunk(
    ...     n_mels=8, channels=4, stages=[(1, 1, 1, None), (2, 1, 1, 8)],
    ...     n_maps=1,
    ... )
    >>> frames, injected = torch.randn(2, 2, 20, 32)
    >>> outputs, mixed = trunk(frames, torch.tensor([20, 9]), [injected])
    >>> trunk.dim, len(outputs), mixed.shape
    (32, 2, torch.Size([2, 20, 32]))
    """

    def __init__(
        self,
        n_mels: int = 64,
        channels: int = 16,
        stages: Sequence[Sequence[int | None]] = SSRFNET_STAGES,
        block: str = "convnext",
        group_divisor: int = 4,
        n_maps: int = 0,
    ):
        super().__init__()
        if not 0 <= n_maps <= len(stages):
            raise ValueError(
                f"{n_maps} maps cannot be injected before {len(stages)} "
                "stages; inject one before each stage at most"
            )
        self.n_maps = n_maps
        self.dim = n_mels * channels
        self.mixers = nn.ModuleList(
            LayerAggregation(1 + i + min(i + 1, n_maps), self.dim)
            for i in range(len(stages))
        )
        self.stages = build_stages(
            n_mels, channels, stages, block, group_divisor
        )
        self.mixer = LayerAggregation(1 + len(stages) + n_maps, self.dim)

    def forward(
        self, frames: Tensor, n_frames: Tensor, maps: Sequence[Tensor] = ()
    ) -> tuple[tuple[Tensor, ...], Tensor]:
        """Run all stages.

        Arguments
        ---------
        frames : (B, T, F * C) torch.Tensor
            Of the stem; finite, whatever lies in the padding.
        n_frames : (B,) torch.Tensor of int64
            Valid frames.
        maps : sequence of N (B, T, F * C) torch.Tensor
            Injected features, likewise.

        Returns
        -------
        stages : tuple of (B, T, F * C) torch.Tensor
            Output of each stage.
        frames : (B, T, F * C) torch.Tensor
            Learned mean of the frames, the maps and the stages.

        Raises
        ------
        ValueError
            If the number of maps is not ``n_maps``.
        """
        if len(maps) != self.n_maps:
            raise ValueError(
                f"{len(maps)} maps given, but the trunk injects "
                f"{self.n_maps}; build it with n_maps={len(maps)}"
            )
        mask = frame_mask(n_frames, frames.shape[1]).unsqueeze(1)
        layers, outputs = [frames.transpose(1, 2)], []
        for i in range(len(self.stages)):
            if i < len(maps):
                layers.append(maps[i].transpose(1, 2))
            outputs.append(self.run_stage(i, layers, mask))
            layers.append(outputs[-1])
        stages = tuple(output.transpose(1, 2) for output in outputs)
        return stages, self.mixer(layers).transpose(1, 2)

    def run_stage(
        self,
        i: int,
        layers: Sequence[Tensor],
        mask: Tensor,
        hint: Tensor | None = None,
    ) -> Tensor:
        """One stage, for networks that do more between the stages.

        Arguments
        ---------
        i : int
            Which stage, from 0.
        layers : sequence of (B, F * C, T) torch.Tensor
            What its learned mean is of.
        mask : (B, 1, T) torch.Tensor of bool
            False in the padding.
        hint : (B, F * C, T) torch.Tensor, optional
            Added to that mean.

        Returns
        -------
        (B, F * C, T) torch.Tensor
        """
        mixed = self.mixers[i](layers)
        return self.stages[i](mixed if hint is None else mixed + hint, mask)


def redimnet_trunk(size: str, n_maps: int = 0) -> ReDimNetTrunk:
    """The stages of a published ReDimNet.

    In YAML:

    .. code-block:: yaml

      trunk: !apply:speechbrain_denokd.encoders.redimnet_trunk.redimnet_trunk
        size: B2
        n_maps: 4

    The stem and the fusion must have its width: 600 for B0, 864 for B1, 1152
    for B2 and B3, 2304 for B4 to B6.

    Arguments
    ---------
    size : str
        "B0" to "B6".
    n_maps : int
        Maps to inject.

    Returns
    -------
    ReDimNetTrunk

    Raises
    ------
    ValueError
        If there is no such size.

    Example
    -------
    >>> redimnet_trunk("B0", n_maps=2).dim
    600
    """
    if size not in REDIMNET_SIZES:
        raise ValueError(
            f"there is no ReDimNet of size {size!r}; choose one of "
            f"{', '.join(REDIMNET_SIZES)}, or list the stages of a "
            "ReDimNetTrunk"
        )
    return ReDimNetTrunk(**REDIMNET_SIZES[size]._asdict(), n_maps=n_maps)
