"""Teacher features at zero mean and unit variance (arrow: teacher -> x_0).

=============  =========================================================
variable       paper symbol
=============  =========================================================
``x``          F^T, the teacher's features, as the encoder gives them
return value   x_0 in Eq. 3 and the target in Eq. 7
=============  =========================================================

Source: T. F. Chan et al., "Updating formulae and a pairwise algorithm for
computing sample variances", 1982.
Differs: the paper does not standardise. A diffusion process takes its data to
have zero mean and unit variance, while the teacher's frames come out of a ReLU
at any scale.
"""

import torch
from torch import Tensor, nn

EPS = 1e-5


class RunningStandardizer(nn.Module):
    """Standardise each channel by statistics of all batches seen so far.

    In training mode a batch first joins the statistics; in evaluation mode
    they stay. Before any data it is the identity. The statistics are part of
    the checkpoint and carry no gradient.

    Arguments
    ---------
    channels : int
        Channels, ``C``.

    Example
    -------
    >>> standardize = RunningStandardizer(1)
    >>> x = torch.tensor([[1.0], [3.0]])
    >>> standardize(x).round(decimals=3).tolist()
    [[-1.0], [1.0]]
    >>> standardize.eval()(torch.tensor([[5.0]])).round(decimals=3).tolist()
    [[3.0]]
    """

    def __init__(self, channels: int):
        super().__init__()
        # float64: a training run sums 1e10 frames, float32 stops at 1e7.
        self.register_buffer("count", torch.zeros((), dtype=torch.float64))
        self.register_buffer("mean", torch.zeros(channels).double())
        self.register_buffer("m2", torch.zeros(channels).double())

    @torch.no_grad()
    def _merge(self, x: Tensor, mask: Tensor | None) -> None:
        """Join a batch's valid frames to count, mean and m2 (Chan et al.)."""
        if mask is None:
            mask = torch.ones(x.shape[:-1], dtype=torch.bool, device=x.device)
        weight = mask[..., None]
        over = tuple(range(x.dim() - 1))
        # 1. the batch alone, float32 at least
        x = x.to(torch.promote_types(x.dtype, torch.float32))
        n = weight.sum()
        mean = torch.where(weight, x, 0.0).sum(over) / n.clamp(min=1)
        m2 = torch.where(weight, x - mean, 0.0).square().sum(over)
        # 2. the union: m2 = m2_a + m2_b + delta^2 n_a n_b / (n_a + n_b)
        total = self.count + n
        share = n / total.clamp(min=1)
        delta = mean.to(self.mean.dtype) - self.mean
        # In place: distributed training keeps references to the buffers.
        self.m2 += m2 + delta**2 * self.count * share
        self.mean += delta * share
        self.count.copy_(total)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Standardise features.

        Arguments
        ---------
        x : (B, T, C) or (B, C) torch.Tensor
            Frames or embeddings.
        mask : (B, T) torch.Tensor of bool, or None
            True at valid frames; None if all are. Padded frames do not
            count, and come out meaningless.

        Returns
        -------
        torch.Tensor
            Shaped as ``x``, same dtype.
        """
        if self.training:
            self._merge(x, mask)
        variance = self.m2 / self.count.clamp(min=1)
        scale = torch.where(self.count > 0, (variance + EPS).sqrt(), 1.0)
        return (x - self.mean.to(x.dtype)) / scale.to(x.dtype)
