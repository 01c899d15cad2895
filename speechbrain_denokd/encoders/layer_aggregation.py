"""Learned mean of several layers (inside ``features -> EncoderOutput``).

Source: I. Yakovlev et al., "Reshape Dimensions Network for Speaker
Recognition", Interspeech 2024; SSRFNet mixes the layers of a pre-trained model
in the same way.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class LayerAggregation(nn.Module):
    """Weighted sum of layers, with a softmax over the layers per channel.

    The weights start at zero: the plain mean. A single layer passes unchanged
    and has no parameter.

    Arguments
    ---------
    n_layers : int
        Layers to mix, ``N``.
    dim : int
        Channels of each layer.

    Example
    -------
    >>> aggregation = LayerAggregation(n_layers=2, dim=3)
    >>> layers = [torch.zeros(1, 3, 4), torch.ones(1, 3, 4)]
    >>> aggregation(layers).unique().tolist()
    [0.5]
    >>> aggregation.weights.shape
    torch.Size([1, 2, 3, 1])
    """

    def __init__(self, n_layers: int, dim: int):
        super().__init__()
        self.n_layers = n_layers
        weights = None
        if n_layers > 1:
            weights = nn.Parameter(torch.zeros(1, n_layers, dim, 1))
        self.register_parameter("weights", weights)

    def forward(self, layers: Sequence[Tensor]) -> Tensor:
        """Mix the layers.

        Arguments
        ---------
        layers : sequence of N (B, dim, T) torch.Tensor

        Returns
        -------
        (B, dim, T) torch.Tensor

        Raises
        ------
        ValueError
            If the number of layers is not ``n_layers``.
        """
        if len(layers) != self.n_layers:
            raise ValueError(
                f"got {len(layers)} layers to mix, but the weights are for "
                f"{self.n_layers}; pass that many"
            )
        if self.weights is None:
            return layers[0]
        # A running sum: stacking would copy every layer once more.
        shares = self.weights.softmax(dim=1).unbind(dim=1)
        total = shares[0] * layers[0]
        for share, layer in zip(shares[1:], layers[1:], strict=True):
            total = total + share * layer
        return total
