"""Context-aware MHFA (the arrow ``stages -> EncoderOutput``).

Source: J. Peng et al., "CA-MHFA: A Context-Aware Multi-Head Factorized
Attentive Pooling for SSL-Based Speaker Verification", ICASSP 2025, Section 2,
with the sizes of the authors' code: 256 queries in 64 groups of 4, and a
context of one frame more than a group has queries.
Differs: zeros surround each utterance, not each batch.
"""

from torch import Tensor, nn

from speechbrain_denokd.encoders.mhfa import Mhfa


class CaMhfa(Mhfa):
    """MHFA whose attention hears a few frames around each frame.

    The queries of a group are the frames of a convolution over the keys, so a
    group pools once, as a head of `Mhfa` does.

    Arguments
    ---------
    n_stages, input_dim : int
        As for `Mhfa`.
    n_groups : int
        Groups of queries, ``G``.
    context : int
        Frames of the convolution, odd.
    dim : int
        Channels of keys and values.
    embedding_dim : int
        Size of the embedding, ``D``.

    Raises
    ------
    ValueError
        If ``context`` is even.

    Example
    -------
    >>> import torch
    >>> head = CaMhfa()
    >>> sum(p.numel() for p in head.parameters())
    2335258
    >>> output = head(torch.randn(13, 2, 20, 768), torch.tensor([20, 9]))
    >>> output.embedding.shape
    torch.Size([2, 256])
    """

    def __init__(
        self,
        n_stages: int = 13,
        input_dim: int = 768,
        n_groups: int = 64,
        context: int = 5,
        dim: int = 128,
        embedding_dim: int = 256,
    ):
        super().__init__(n_stages, input_dim, n_groups, dim, embedding_dim)
        self.queries = _ContextQueries(dim, n_groups, context)


class _ContextQueries(nn.Module):
    """(B, T, dim), zero in the padding -> scores (B, T, G)."""

    def __init__(self, dim: int, n_groups: int, context: int):
        super().__init__()
        if context % 2 == 0:
            raise ValueError(
                f"a context of {context} frames has no middle; choose an odd "
                "number"
            )
        self.conv = nn.Conv1d(
            dim, n_groups, context, padding=context // 2, bias=False
        )

    def forward(self, keys: Tensor) -> Tensor:
        return self.conv(keys.transpose(1, 2)).transpose(1, 2)
