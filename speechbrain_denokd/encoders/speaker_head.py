"""Frames to one embedding (the arrow ``frames -> embedding``).

Source: the head of ReDimNet and SSRFNet in their authors' code.
"""

from torch import Tensor, nn

from speechbrain_denokd.encoders.pooling import AttentiveStatistics


class SpeakerHead(nn.Module):
    """Attentive statistics, batch norm, linear map.

    Arguments
    ---------
    dim : int
        Channels of the frames, ``C``.
    embedding_dim : int
        Size of the embedding, ``D``.

    Example
    -------
    >>> import torch
    >>> head = SpeakerHead(dim=1024)
    >>> parts = (head.pooling, head.norm, head.linear)
    >>> [sum(p.numel() for p in part.parameters()) for part in parts]
    [525440, 4096, 393408]
    >>> head(torch.randn(2, 20, 1024), torch.tensor([20, 9])).shape
    torch.Size([2, 192])
    """

    def __init__(self, dim: int, embedding_dim: int = 192):
        super().__init__()
        self.dim = dim
        self.pooling = AttentiveStatistics(dim)
        self.norm = nn.BatchNorm1d(2 * dim)
        self.linear = nn.Linear(2 * dim, embedding_dim)

    @property
    def embedding_dim(self) -> int:
        """Size of the embedding, ``D``."""
        return self.linear.out_features

    def forward(self, frames: Tensor, n_frames: Tensor) -> Tensor:
        """Embed a batch.

        Arguments
        ---------
        frames : (B, T, C) torch.Tensor
            What lies in the padding does not matter.
        n_frames : (B,) torch.Tensor of int64
            Valid frames, at least 1.

        Returns
        -------
        (B, D) torch.Tensor
        """
        return self.linear(self.norm(self.pooling(frames, n_frames)))
