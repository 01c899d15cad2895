"""ECAPA-TDNN's pooling with a weight for each frame (``frames -> vector``).

Source: SpeechBrain's ``AttentiveStatisticsPooling``, whose lengths say of each
frame whether it counts; here a number between 0 and 1 says how much.
"""

import torch
from speechbrain.lobes.models.ECAPA_TDNN import AttentiveStatisticsPooling
from torch import Tensor

# Frames of no weight drop out of the softmax without a logarithm of zero.
_LEAST_WEIGHT = 1e-9
_LEAST_VARIANCE = 1e-12  # SpeechBrain's


def weighted_attentive_statistics(
    pooling: AttentiveStatisticsPooling, frames: Tensor, weights: Tensor
) -> Tensor:
    """Pool frames, each of which counts as much as its weight.

    A frame of weight one counts as in SpeechBrain's pooling, one of weight
    zero is not there, and two of weight one half count as one.

    Arguments
    ---------
    pooling : AttentiveStatisticsPooling
        With global context, as ECAPA-TDNN's.
    frames : (B, T, C) torch.Tensor
        Finite, in the padding too.
    weights : (B, T) torch.Tensor
        Not negative, zero in the padding, with a sum above zero.

    Returns
    -------
    (B, 2 C) torch.Tensor
        Weighted means, then weighted standard deviations.

    Example
    -------
    >>> pooling = AttentiveStatisticsPooling(4, attention_channels=3).eval()
    >>> frames, weights = torch.randn(2, 9, 4), torch.ones(2, 9)
    >>> found = weighted_attentive_statistics(pooling, frames, weights)
    >>> expected = pooling(frames.transpose(1, 2)).squeeze(2)
    >>> torch.allclose(found, expected, atol=1e-6)
    True
    """
    x, weights = frames.transpose(1, 2), weights.unsqueeze(1)
    mean, deviation = _statistics(x, weights / weights.sum(2, keepdim=True))
    context = torch.cat([mean, deviation], dim=1).unsqueeze(2)
    context = context.expand(-1, -1, x.shape[2])
    hidden = pooling.tdnn(torch.cat([x, context], dim=1))
    scores = pooling.conv(pooling.tanh(hidden))
    scores = scores + weights.clamp(min=_LEAST_WEIGHT).log()
    return torch.cat(_statistics(x, scores.softmax(dim=2)), dim=1)


def _statistics(x: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
    """(B, C, T) -> (B, C) mean and deviation by shares that sum to one."""
    mean = (shares * x).sum(dim=2)
    variance = (shares * (x - mean.unsqueeze(2)).pow(2)).sum(dim=2)
    return mean, variance.clamp(min=_LEAST_VARIANCE).sqrt()
