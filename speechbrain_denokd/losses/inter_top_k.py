"""AAM-softmax that penalises each utterance's nearest impostors.

Source: M. Zhao et al., "Multi-query multi-head attention pooling and
inter-topK penalty for speaker verification", ICASSP 2022; used by SSRFNet with
five impostors and a penalty of 0.1.
Differs: the released code of SSRFNet finds the impostors by multiplying
cosines with a mask, so that a target with a negative cosine becomes its own
impostor; here the target is taken out of the search.
"""

import math

import torch
from torch import Tensor

from speechbrain_denokd.losses.margin import AamSoftmax


class InterTopK(AamSoftmax):
    """``s cos(theta - m')`` on the nearest impostors, besides AAM.

    Arguments
    ---------
    scale, margin : float
        As `AamSoftmax`.
    top_k : int
        Impostors per utterance; fewer where there are fewer classes.
    penalty : float
        ``m'`` in radians.

    Raises
    ------
    ValueError
        If ``top_k`` is below 1, or the penalty is not in [0, pi).

    Example
    -------
    >>> loss = InterTopK(scale=1.0, margin=0.0, top_k=1, penalty=0.1)
    >>> cosines, labels = torch.tensor([[0.9, 0.5, 0.1]]), torch.tensor([0])
    >>> [round(x, 4) for x in loss.margin_logits(cosines, labels)[0].tolist()]
    [0.9, 0.584, 0.1]
    """

    def __init__(
        self,
        scale: float = 30.0,
        margin: float = 0.2,
        top_k: int = 5,
        penalty: float = 0.1,
    ):
        super().__init__(scale, margin)
        if top_k < 1 or not 0 <= penalty < math.pi:
            raise ValueError(
                f"top_k={top_k} must be 1 or more and penalty={penalty} in "
                "[0, pi); the paper's code uses 5 and 0.1"
            )
        self.top_k = top_k
        self.penalty = penalty

    def margin_logits(self, cosines: Tensor, labels: Tensor) -> Tensor:
        """Logits with the margin on the target, the penalty on impostors.

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
        logits = super().margin_logits(cosines, labels)
        n_impostors = min(self.top_k, cosines.shape[1] - 1)
        # Cosines are at least -1, so -2 is never among the highest.
        others = cosines.detach().scatter(1, labels[:, None], -2.0)
        nearest = others.topk(n_impostors, dim=1).indices
        closer = nearer_by(cosines.gather(1, nearest), self.penalty)
        return logits.scatter(1, nearest, self.scale * closer)


def nearer_by(cosines: Tensor, angle: float) -> Tensor:
    """``cos(theta - angle)``; 1 where theta is already less than the angle.

    Arguments
    ---------
    cosines : torch.Tensor
        cos(theta), any shape.
    angle : float
        In radians, in [0, pi).

    Returns
    -------
    torch.Tensor of the same shape

    Example
    -------
    >>> nearer_by(torch.tensor([0.0, 1.0]), 0.1)
    tensor([0.0998, 1.0000])
    """
    # The slope of sqrt(1 - cos^2) is infinite at +-1: keep the gradient finite.
    bounded = cosines.clamp(-1 + 1e-6, 1 - 1e-6)
    sine = (1 - bounded.square()).sqrt()
    nearer = bounded * math.cos(angle) + sine * math.sin(angle)
    return torch.where(cosines > math.cos(angle), cosines.clamp(min=1), nearer)
