"""One weight per layer (inside ``stages -> EncoderOutput``).

Source: S. Yang et al., "SUPERB: Speech Processing Universal PERformance
Benchmark", Interspeech 2021, Section 3; MHFA has two of these mixtures.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class LayerMix(nn.Module):
    """Layers averaged with the softmax of learned weights.

    The weights start equal. `LayerAggregation` has a weight for each channel.

    Arguments
    ---------
    n_stages : int
        Layers, ``L``.

    Example
    -------
    >>> mix = LayerMix(n_stages=2)
    >>> mix([torch.zeros(1, 4, 3), torch.ones(1, 4, 3)]).unique().tolist()
    [0.5]
    """

    def __init__(self, n_stages: int):
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(n_stages))

    def forward(self, stages: Sequence[Tensor]) -> Tensor:
        """Mix the layers.

        Arguments
        ---------
        stages : sequence of L (B, T, C) torch.Tensor

        Returns
        -------
        (B, T, C) torch.Tensor

        Raises
        ------
        ValueError
            If the number of layers is not ``n_stages``.
        """
        if len(stages) != self.weights.numel():
            raise ValueError(
                f"{len(stages)} layers given, but the head weighs "
                f"{self.weights.numel()}; build it with n_stages={len(stages)}"
            )
        shares = self.weights.softmax(dim=0)
        # One layer at a time: a stack of 25 would double the memory.
        mixed = shares[0] * stages[0]
        for share, stage in zip(shares[1:], stages[1:], strict=True):
            mixed = mixed + share * stage
        return mixed
