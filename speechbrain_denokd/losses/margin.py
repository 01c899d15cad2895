"""Margin softmax over speakers (``embedding -> cosines -> speaker loss``).

Source: J. Deng et al., "ArcFace: Additive Angular Margin Loss for Deep Face
Recognition", CVPR 2019; the loss L_cls of DenoKD, Eq. (9).
Differs: past theta + m = pi the target falls back to a straight line that
continues the curve, cos(theta) - 1 - cos(pi - m), so that the logit keeps
falling; SpeechBrain's fallback jumps there.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class AamSoftmax(nn.Module):
    """Additive angular margin softmax, ``s cos(theta + m)`` on the target.

    Arguments
    ---------
    scale : float
        ``s``; multiplies every cosine.
    margin : float
        ``m`` in radians; set `margin` at any time to follow a schedule.

    Example
    -------
    >>> loss = AamSoftmax(scale=1.0, margin=0.2)
    >>> cosines, labels = torch.tensor([[0.5, 0.1]]), torch.tensor([0])
    >>> round(loss.margin_logits(cosines, labels)[0, 0].item(), 6)
    0.317981
    """

    def __init__(self, scale: float = 32.0, margin: float = 0.2):
        super().__init__()
        self.scale = scale
        self.margin = margin

    def logits(self, cosines: Tensor) -> Tensor:
        """``s cos(theta)`` without margin, (B, n) in float32."""
        return self.scale * cosines.float()

    def margin_logits(self, cosines: Tensor, labels: Tensor) -> Tensor:
        """Logits with the margin on each row's target.

        Arguments
        ---------
        cosines : (B, n) torch.Tensor
            Between embeddings and class centres.
        labels : (B,) torch.Tensor of int64

        Returns
        -------
        (B, n) torch.Tensor of float32
        """
        cosines = cosines.float()
        target = cosines.gather(1, labels[:, None])
        with_margin = angular_margin(target, self.margin)
        return self.scale * cosines.scatter(1, labels[:, None], with_margin)

    def forward(self, cosines: Tensor, labels: Tensor) -> Tensor:
        """Cross entropy of the margin logits, a scalar."""
        with torch.autocast(cosines.device.type, enabled=False):
            return F.cross_entropy(self.margin_logits(cosines, labels), labels)


def angular_margin(cosines: Tensor, margin: float) -> Tensor:
    """``cos(theta + margin)``, continued by a line past ``theta + m = pi``.

    Arguments
    ---------
    cosines : torch.Tensor
        cos(theta), any shape.
    margin : float
        In radians.

    Returns
    -------
    torch.Tensor of the same shape

    Example
    -------
    >>> angular_margin(torch.tensor([1.0, 0.0]), 0.0).tolist()
    [1.0, 0.0]
    """
    if margin == 0:
        return cosines
    # The slope of sqrt(1 - cos^2) is infinite at +-1: keep the gradient finite.
    bounded = cosines.clamp(-1 + 1e-6, 1 - 1e-6)
    sine = (1 - bounded.square()).sqrt()
    shifted = bounded * math.cos(margin) - sine * math.sin(margin)
    threshold = math.cos(math.pi - margin)
    return torch.where(cosines > threshold, shifted, cosines - 1 - threshold)
