"""Poolings over time (the arrow ``frames -> utterance vector``)."""

import torch
from torch import Tensor, nn

from speechbrain_denokd.encoders.masks import frame_mask

# Keeps the standard deviation, and its gradient, finite for constant channels.
VARIANCE_FLOOR = 1e-7


class AttentiveStatistics(nn.Module):
    """Weighted mean and standard deviation, one attention per channel.

    The attention sees each frame together with the mean and standard
    deviation of its utterance (global context).

    Source: K. Okabe et al., "Attentive Statistics Pooling for Deep Speaker
    Embedding", Interspeech 2018, in the channel- and context-dependent form of
    B. Desplanques et al., "ECAPA-TDNN", Interspeech 2020, Section 3.1.
    Differs: the first layer is split into a part for the frame and a part for
    the context, which is computed once per utterance, not once per frame.

    Arguments
    ---------
    dim : int
        Channels of the frames, ``C``.
    bottleneck : int
        Width of the attention.

    Example
    -------
    >>> pooling = AttentiveStatistics(dim=6)
    >>> frames = torch.randn(2, 10, 6)
    >>> pooling(frames, torch.tensor([10, 4])).shape
    torch.Size([2, 12])
    """

    def __init__(self, dim: int, bottleneck: int = 128):
        super().__init__()
        self.frame = nn.Linear(dim, bottleneck)
        self.context = nn.Linear(2 * dim, bottleneck, bias=False)
        self.score = nn.Linear(bottleneck, dim)

    def forward(self, frames: Tensor, n_frames: Tensor) -> Tensor:
        """Pool the valid frames of a batch.

        Arguments
        ---------
        frames : (B, T, C) torch.Tensor
            What lies in the padding does not matter.
        n_frames : (B,) torch.Tensor of int64
            Valid frames, at least 1.

        Returns
        -------
        (B, 2 C) torch.Tensor
            Weighted means, then weighted standard deviations.
        """
        mask = frame_mask(n_frames, frames.shape[1]).unsqueeze(-1)
        frames = frames.masked_fill(~mask, 0)

        context = self.context(_statistics(frames, mask)).unsqueeze(1)
        score = self.score(torch.tanh(self.frame(frames) + context))
        share = score.masked_fill(~mask, -torch.inf).softmax(dim=1)

        mean = (share * frames).sum(dim=1)
        # pow, unlike a product, is taken in float32 under autocast.
        variance = (share * (frames - mean.unsqueeze(1)).pow(2)).sum(dim=1)
        return torch.cat(
            [mean, variance.clamp(min=VARIANCE_FLOOR).sqrt()], dim=1
        )


def _statistics(frames: Tensor, mask: Tensor) -> Tensor:
    """(B, T, C) with zeros in the padding -> (B, 2 C): mean, deviation."""
    n_frames = mask.sum(dim=1)
    mean = frames.sum(dim=1) / n_frames
    deviation = (frames - mean.unsqueeze(1)) * mask
    # Unbiased; a single frame has no deviation rather than 0 / 0.
    variance = deviation.pow(2).sum(dim=1) / (n_frames - 1).clamp(min=1)
    return torch.cat([mean, (variance + VARIANCE_FLOOR).sqrt()], dim=1)
