"""Multi-head factorised attentive pooling (``stages -> EncoderOutput``).

==================  =====================================================
variable            paper symbol
==================  =====================================================
``n_heads``         H
``key_mix``         w^k, ``key`` S^k
``value_mix``       w^v, ``value`` S^v
``queries``         the matrix A whose softmax over time is the attention
==================  =====================================================

Source: J. Peng et al., "An Attention-Based Backend Allowing Efficient
Fine-Tuning of Transformer Models for Speaker Verification", SLT 2022, Section
3, with the sizes of the authors' code.
Differs: padding gets no attention.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from speechbrain_denokd.encoders.layer_mix import LayerMix
from speechbrain_denokd.encoders.masks import frame_mask
from speechbrain_denokd.encoders.output import EncoderOutput


class Mhfa(nn.Module):
    """Keys say where to listen, values what is heard.

    Both are mixtures of all layers with weights of their own, made narrow.
    Each head has a softmax over time of a linear map of the keys and takes
    the mean of the values with it. `SslHeadEncoder` makes an encoder of it.

    Arguments
    ---------
    n_stages : int
        Layers of the pre-trained model, with the input of the first block:
        13 for the base models, 25 for the large ones.
    input_dim : int
        Channels of each layer: 768 or 1024.
    n_heads : int
        Heads, ``H``.
    dim : int
        Channels of keys and values.
    embedding_dim : int
        Size of the embedding, ``D``.

    Example
    -------
    >>> head = Mhfa()
    >>> sum(p.numel() for p in head.parameters())
    2302554
    >>> stages = torch.randn(13, 2, 20, 768)
    >>> output = head(stages, torch.tensor([20, 9]))
    >>> output.frames.shape, output.embedding.shape
    (torch.Size([2, 20, 128]), torch.Size([2, 256]))
    """

    def __init__(
        self,
        n_stages: int = 13,
        input_dim: int = 768,
        n_heads: int = 64,
        dim: int = 128,
        embedding_dim: int = 256,
    ):
        super().__init__()
        self.n_stages = n_stages
        self.key_mix = LayerMix(n_stages)
        self.value_mix = LayerMix(n_stages)
        self.key = nn.Linear(input_dim, dim)
        self.value = nn.Linear(input_dim, dim)
        self.queries = nn.Linear(dim, n_heads)
        self.linear = nn.Linear(n_heads * dim, embedding_dim)

    @property
    def input_dim(self) -> int:
        """Channels of the layers that the mixtures weigh."""
        return self.key.in_features

    @property
    def frame_dim(self) -> int:
        """Channels of the frame-level tap, ``C``."""
        return self.value.out_features

    @property
    def embedding_dim(self) -> int:
        """Size of the embedding, ``D``."""
        return self.linear.out_features

    def forward(
        self, stages: Sequence[Tensor], n_frames: Tensor
    ) -> EncoderOutput:
        """Pool the layers of a pre-trained model.

        Arguments
        ---------
        stages : sequence of n_stages (B, T, input_dim) torch.Tensor
            What lies in the padding does not matter.
        n_frames : (B,) torch.Tensor of int64
            Valid frames, at least 1.

        Returns
        -------
        EncoderOutput
            ``stages`` are the keys and the values, ``frames`` the values,
            which the heads average.

        Raises
        ------
        ValueError
            If the number of layers is not ``n_stages``.
        """
        padding = ~frame_mask(n_frames, stages[0].shape[1])[:, :, None]
        keys = self.key(self.key_mix(stages)).masked_fill(padding, 0)
        values = self.value(self.value_mix(stages)).masked_fill(padding, 0)
        attention = self.attention(keys, n_frames)
        pooled = attention.transpose(1, 2) @ values
        return EncoderOutput(
            stages=(keys, values),
            frames=values,
            embedding=self.linear(pooled.flatten(1)),
            n_frames=n_frames,
        )

    def attention(self, keys: Tensor, n_frames: Tensor) -> Tensor:
        """How much each head listens to each frame.

        Arguments
        ---------
        keys : (B, T, dim) torch.Tensor
            Zero in the padding.
        n_frames : (B,) torch.Tensor of int64
            Valid frames, at least 1.

        Returns
        -------
        (B, T, H) torch.Tensor
            Sums to one over the valid frames, zero in the padding.
        """
        padding = ~frame_mask(n_frames, keys.shape[1])[:, :, None]
        scores = self.queries(keys).masked_fill(padding, -torch.inf)
        return scores.softmax(dim=1)
