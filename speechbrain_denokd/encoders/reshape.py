"""The two views of a ReDimNet stage (inside ``features -> EncoderOutput``).

Source: I. Yakovlev et al., "Reshape Dimensions Network for Speaker
Recognition", Interspeech 2024. Channels and frequencies trade places with
their product constant, so that every stage output has the same 1-D size.
"""

from torch import Tensor


def to_1d(x: Tensor) -> Tensor:
    """Stack the frequencies: a 2-D map becomes a sequence of vectors.

    Frequency is the slow index: channel ``c`` of frequency ``f`` lands in row
    ``f * C + c``, so that a row keeps its frequency when the channels double
    and the frequencies halve.

    Arguments
    ---------
    x : (B, C, F, T) torch.Tensor

    Returns
    -------
    (B, F * C, T) torch.Tensor

    Example
    -------
    >>> import torch
    >>> x = torch.tensor([[11, 12], [21, 22]])  # channel 1, then channel 2
    >>> to_1d(x.reshape(1, 2, 2, 1)).flatten().tolist()
    [11, 21, 12, 22]
    """
    return x.transpose(1, 2).flatten(1, 2)


def to_2d(x: Tensor, channels: int) -> Tensor:
    """Inverse of `to_1d`.

    Arguments
    ---------
    x : (B, F * C, T) torch.Tensor
    channels : int
        Channels of the 2-D view, ``C``.

    Returns
    -------
    (B, C, F, T) torch.Tensor

    Example
    -------
    >>> import torch
    >>> x = torch.randn(2, 12, 5)
    >>> bool((to_1d(to_2d(x, channels=3)) == x).all())
    True
    """
    return x.unflatten(1, (-1, channels)).transpose(1, 2)
