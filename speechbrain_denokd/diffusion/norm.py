"""Normalisations of frames that do not see padding.

============  ==========================================================
variable      paper symbol
============  ==========================================================
``x``         a hidden feature map inside Phi_theta, channels first
``mask``      none: the paper trains on fixed crops
============  ==========================================================

A normalisation is a choice of the networks: pass the class as ``norm``. Each
is ``norm(channels)``, then ``norm(x, mask)``; each returns zeros at padded
frames, which is what a convolution sees beyond the end of an utterance.

Source: Ioffe and Szegedy, "Batch normalization", ICML 2015; Ba et al., "Layer
normalization", 2016. The paper uses the former.
Differs: statistics of valid frames only.
"""

from torch import Tensor, nn


def zero_padded(x: Tensor, mask: Tensor | None) -> Tensor:
    """Set padded frames to zero, whatever they held (NaN included).

    Arguments
    ---------
    x : (B, C, T) torch.Tensor
        Frames, channels first.
    mask : (B, T) torch.Tensor of bool, or None
        True at valid frames; None if all are.

    Example
    -------
    >>> import torch
    >>> x = torch.ones(1, 2, 3)
    >>> zero_padded(x, torch.tensor([[True, True, False]])).tolist()
    [[[1.0, 1.0, 0.0], [1.0, 1.0, 0.0]]]
    """
    return x if mask is None else x.masked_fill(~mask[:, None, :], 0.0)


class FrameBatchNorm(nn.Module):
    """Batch normalisation over the valid frames of a batch.

    It holds a ``BatchNorm1d`` instead of being one: SpeechBrain turns every
    batch norm into a ``SyncBatchNorm`` for distributed training, and a
    subclass would lose its mask there.

    Arguments
    ---------
    channels : int
        Channels, ``C``.

    Raises
    ------
    ValueError
        In training, if the batch has a single valid frame.

    Example
    -------
    >>> import torch
    >>> norm = FrameBatchNorm(1)
    >>> x = torch.tensor([[[1.0, 3.0, 99.0]]])
    >>> mask = torch.tensor([[True, True, False]])
    >>> norm(x, mask).round(decimals=3).tolist()
    [[[-1.0, 1.0, 0.0]]]
    """

    def __init__(self, channels: int):
        super().__init__()
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Normalise each channel.

        Arguments
        ---------
        x : (B, C, T) or (B, C) torch.Tensor
            Frames, channels first, or embeddings.
        mask : (B, T) torch.Tensor of bool, or None
            True at valid frames; None if all are.

        Returns
        -------
        torch.Tensor
            Shaped as ``x``; zero at padded frames.
        """
        if mask is None:
            return self.norm(x)
        if not self.training:
            return zero_padded(self.norm(x), mask)
        frames = x.transpose(1, 2)
        normed = self.norm(frames[mask])  # (valid frames of the batch, C)
        # Out of place: under autocast the dtype may differ from that of x.
        out = normed.new_zeros(frames.shape).masked_scatter(
            mask[..., None], normed
        )
        return out.transpose(1, 2)


class FrameLayerNorm(nn.Module):
    """Normalise each frame over its channels: no batch statistics.

    Arguments
    ---------
    channels : int
        Channels, ``C``.

    Example
    -------
    >>> import torch
    >>> norm = FrameLayerNorm(2)
    >>> x = torch.tensor([[[1.0, 5.0], [3.0, 5.0]]])
    >>> mask = torch.tensor([[True, False]])
    >>> norm(x, mask).round(decimals=3).tolist()
    [[[-1.0, 0.0], [1.0, 0.0]]]
    """

    def __init__(self, channels: int):
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Normalise each frame; arguments as in `FrameBatchNorm`."""
        normed = self.norm(x.movedim(1, -1)).movedim(-1, 1)
        return zero_padded(normed, mask)
