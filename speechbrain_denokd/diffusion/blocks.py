"""Parts of the noise predictor: what time it is, and one residual block.

==============  ========================================================
variable        paper symbol
==============  ========================================================
``timesteps``   t in Phi_theta(x_t, t), zero-based (Eq. 4)
``x``           a hidden feature map inside Phi_theta, channels first
``channels``    C, channels of the teacher's features
==============  ========================================================

Source: DenoKD, Section III-B ("bottleneck blocks of ResNet", all 1-D); He et
al., "Deep residual learning for image recognition", CVPR 2016; Vaswani et al.,
"Attention is all you need", NeurIPS 2017 (sinusoids).
Differs: the paper does not say how the network learns t. Sinusoids are defined
at every t, not only at those met in training; DiffKD's learned table is the
alternative, started small because at its N(0, 1) it drowns the features.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from speechbrain_denokd.diffusion.norm import FrameBatchNorm

LONGEST_PERIOD = 10000.0
TABLE_STD = 0.02


def sinusoids(timesteps: Tensor, n_features: int) -> Tensor:
    """Sines, then cosines, of t at geometric frequencies from 1 down.

    Arguments
    ---------
    timesteps : (B,) torch.Tensor
        Zero-based steps.
    n_features : int
        Even number of features.

    Returns
    -------
    (B, n_features) torch.Tensor of float32

    Example
    -------
    >>> sinusoids(torch.tensor([0, 1]), 2).round(decimals=4).tolist()
    [[0.0, 1.0], [0.8414999842643738, 0.5403000116348267]]
    """
    half = n_features // 2
    octave = torch.arange(half, device=timesteps.device) / half
    angles = timesteps[:, None] * torch.exp(-math.log(LONGEST_PERIOD) * octave)
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


class SinusoidalTime(nn.Module):
    """Sinusoids of t through two linear layers.

    Arguments
    ---------
    channels : int
        Output size, ``C``.
    n_features : int
        Sinusoids, an even number.

    Raises
    ------
    ValueError
        If ``n_features`` is odd.

    Example
    -------
    >>> SinusoidalTime(16)(torch.tensor([0, 499])).shape
    torch.Size([2, 16])
    """

    def __init__(self, channels: int, n_features: int = 128):
        super().__init__()
        if n_features % 2:
            raise ValueError(
                f"n_features={n_features} must be even (sines and cosines); "
                f"use {n_features + 1}"
            )
        self.n_features = n_features
        self.inner = nn.Linear(n_features, n_features)
        self.outer = nn.Linear(n_features, channels)

    def forward(self, timesteps: Tensor) -> Tensor:
        """Map zero-based steps (B,) to time vectors (B, C)."""
        waves = sinusoids(timesteps, self.n_features)
        hidden = F.silu(self.inner(waves.to(self.inner.weight.dtype)))
        return self.outer(hidden)


class TableTime(nn.Module):
    """One learned vector per time step, as DiffKD has it.

    Arguments
    ---------
    channels : int
        Output size, ``C``.
    n_timesteps : int
        Steps of the schedule, ``T``.

    Example
    -------
    >>> TableTime(16)(torch.tensor([0, 999])).shape
    torch.Size([2, 16])
    """

    def __init__(self, channels: int, n_timesteps: int = 1000):
        super().__init__()
        self.table = nn.Embedding(n_timesteps, channels)
        nn.init.normal_(self.table.weight, std=TABLE_STD)

    def forward(self, timesteps: Tensor) -> Tensor:
        """Map zero-based steps (B,) to time vectors (B, C)."""
        return self.table(timesteps)


class Bottleneck1d(nn.Module):
    """Residual block over time: narrow, look at neighbours, widen.

    There is no activation after the addition, as in DiffKD: noise has both
    signs. With m = C / reduction it holds 2Cm + 3m^2 + 6m + 3C parameters.

    Arguments
    ---------
    channels : int
        Channels in and out, ``C``.
    reduction : int
        Divisor of the inner width; must divide ``channels``.
    norm : callable
        Normalisation, ``norm(channels)``: see `diffusion.norm`.

    Raises
    ------
    ValueError
        If ``reduction`` does not divide ``channels``.

    Example
    -------
    >>> block = Bottleneck1d(channels=8, reduction=4)
    >>> block(torch.randn(2, 8, 5)).shape
    torch.Size([2, 8, 5])
    """

    def __init__(self, channels: int, reduction: int, norm=FrameBatchNorm):
        super().__init__()
        if channels % reduction:
            raise ValueError(
                f"channels={channels} must be a multiple of "
                f"reduction={reduction}; choose a reduction that divides it"
            )
        inner = channels // reduction
        self.narrow = nn.Conv1d(channels, inner, 1)
        self.norm_narrow = norm(inner)
        self.look = nn.Conv1d(inner, inner, 3, padding=1)
        self.norm_look = norm(inner)
        self.widen = nn.Conv1d(inner, channels, 1)
        self.norm_widen = norm(channels)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Add a correction to the frames.

        Arguments
        ---------
        x : (B, C, T) torch.Tensor
            Frames, channels first.
        mask : (B, T) torch.Tensor of bool, or None
            True at valid frames; None if all are.

        Returns
        -------
        (B, C, T) torch.Tensor
            Padded frames are left as they came in.
        """
        # The norm leaves zeros at padded frames and ReLU keeps them, so the
        # one convolution that sees neighbours meets its own zero padding.
        h = F.relu(self.norm_narrow(self.narrow(x), mask))
        h = F.relu(self.norm_look(self.look(h), mask))
        return x + self.norm_widen(self.widen(h), mask)
