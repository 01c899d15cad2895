"""Bring the student to the chain's first noise level (arrow: student -> x_t).

=============  =========================================================
variable       paper symbol (DenoKD, Section II-B)
=============  =========================================================
``features``   F^S, student features in the teacher's dimension
``noise``      epsilon_T, drawn from N(0, I)
``gamma``      gamma, learned weight of the student
return value   F-tilde_T^S, where the reverse process starts
=============  =========================================================

A larger gamma means less noise; gamma 1 leaves the features as they are.

Source: Eq. 6 and Section III-B; T. Huang et al., "Knowledge diffusion for
distillation", NeurIPS 2023, for reduction 8 and expansion 2.
Differs: one output node with a sigmoid where DiffKD has two with a softmax,
which is the same function. `mix_vp` is ours.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from speechbrain_denokd.diffusion.blocks import Bottleneck1d
from speechbrain_denokd.diffusion.broadcast import per_sample
from speechbrain_denokd.diffusion.norm import FrameBatchNorm, zero_padded


def mix(features: Tensor, noise: Tensor, gamma: Tensor) -> Tensor:
    """Blend noise into the student's features (Eq. 6).

    Of unit-variance features it makes variance gamma^2 + (1 - gamma)^2,
    which is below 1: see `mix_vp`.

    Arguments
    ---------
    features : (B, ...) torch.Tensor
        Student features.
    noise : (B, ...) torch.Tensor
        Standard normal draws of the same shape.
    gamma : (B,) torch.Tensor
        Weight of the features, 0 to 1.

    Returns
    -------
    (B, ...) torch.Tensor

    Example
    -------
    >>> features, noise = torch.ones(1, 2), torch.zeros(1, 2)
    >>> mix(features, noise, torch.tensor([0.25]))
    tensor([[0.2500, 0.2500]])
    """
    gamma = per_sample(gamma, features)
    return gamma * features + (1 - gamma) * noise


def mix_vp(features: Tensor, noise: Tensor, gamma: Tensor) -> Tensor:
    """Blend noise in and preserve variance: gamma plays alpha-bar in Eq. 3.

    Arguments and result as in `mix`.

    Example
    -------
    >>> features, noise = torch.ones(1, 2), torch.zeros(1, 2)
    >>> mix_vp(features, noise, torch.tensor([0.25]))
    tensor([[0.5000, 0.5000]])
    """
    # A saturated sigmoid gives exactly 0 or 1, where the root's gradient is
    # infinite; the smallest float32 in its place adds nothing one could see.
    gamma = gamma.to(torch.promote_types(gamma.dtype, torch.float32))
    tiny = torch.finfo(gamma.dtype).tiny
    signal = per_sample(gamma.clamp(min=tiny).sqrt(), features)
    spread = per_sample((1 - gamma).clamp(min=tiny).sqrt(), features)
    return signal * features + spread * noise


def masked_mean(x: Tensor, mask: Tensor | None) -> Tensor:
    """Average over valid frames.

    Arguments
    ---------
    x : (B, C, T) torch.Tensor
        Frames, channels first.
    mask : (B, T) torch.Tensor of bool, or None
        True at valid frames; None if all are.

    Returns
    -------
    (B, C) torch.Tensor
        Zero for an utterance without a valid frame.

    Example
    -------
    >>> x = torch.tensor([[[1.0, 3.0, 99.0]]])
    >>> masked_mean(x, torch.tensor([[True, True, False]]))
    tensor([[2.]])
    """
    if mask is None:
        return x.mean(dim=-1)
    total = zero_padded(x, mask).sum(dim=-1)
    return total / mask.sum(dim=-1, keepdim=True).clamp(min=1)


class FrameNoiseAdapter(nn.Module):
    """One gamma per utterance from its frames.

    One bottleneck block, the average over valid frames, one output node.

    Arguments
    ---------
    channels : int
        Channels of the frames, ``C``.
    reduction : int
        Inner width of the block is ``channels // reduction``.
    norm : callable
        Normalisation, ``norm(channels)``: see `diffusion.norm`.

    Raises
    ------
    ValueError
        If ``reduction`` does not divide ``channels``.

    Example
    -------
    >>> FrameNoiseAdapter(channels=8)(torch.randn(2, 5, 8)).shape
    torch.Size([2])
    """

    def __init__(self, channels: int, reduction: int = 8, norm=FrameBatchNorm):
        super().__init__()
        self.block = Bottleneck1d(channels, reduction, norm)
        self.out = nn.Linear(channels, 1)

    def forward(self, features: Tensor, mask: Tensor | None = None) -> Tensor:
        """Weight of the student in `mix`.

        Arguments
        ---------
        features : (B, T, C) torch.Tensor
            Student frames in the teacher's dimension.
        mask : (B, T) torch.Tensor of bool, or None
            True at valid frames; None if all are.

        Returns
        -------
        (B,) torch.Tensor
            gamma in (0, 1).
        """
        # Zeros, because 0 * NaN in padding would poison weight gradients.
        x = self.block(zero_padded(features.transpose(1, 2), mask), mask)
        return self.out(masked_mean(x, mask)).squeeze(-1).sigmoid()


class EmbeddingNoiseAdapter(nn.Module):
    """One gamma per utterance from its embedding.

    Two stacked layers, one output node.

    Arguments
    ---------
    channels : int
        Embedding size, ``D``.
    expansion : int
        The hidden layer has ``expansion * channels`` units.
    norm : callable
        Normalisation, ``norm(channels)``: see `diffusion.norm`.

    Example
    -------
    >>> EmbeddingNoiseAdapter(channels=8)(torch.randn(2, 8)).shape
    torch.Size([2])
    """

    def __init__(self, channels: int, expansion: int = 2, norm=FrameBatchNorm):
        super().__init__()
        hidden = expansion * channels
        self.first = nn.Linear(channels, hidden)
        self.norm_first = norm(hidden)
        self.second = nn.Linear(hidden, channels)
        self.norm_second = norm(channels)
        self.out = nn.Linear(channels, 1)

    def forward(self, features: Tensor, mask: None = None) -> Tensor:
        """Weight of the student in `mix`.

        Arguments
        ---------
        features : (B, D) torch.Tensor
            Student embeddings in the teacher's dimension.
        mask : None
            Embeddings have no padding; here so that both levels are called
            alike.

        Returns
        -------
        (B,) torch.Tensor
            gamma in (0, 1).
        """
        x = F.relu(self.norm_first(self.first(features)))
        x = self.norm_second(self.second(x))
        return self.out(x).squeeze(-1).sigmoid()
