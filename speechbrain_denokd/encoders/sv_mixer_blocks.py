"""SV-Mixer's block: mixing over time, then over channels (arrow ``x -> x``).

Source: J. Heo et al., "SV-Mixer: Replacing the Transformer Encoder with
Lightweight MLPs for Self-Supervised Model Compression in Speaker
Verification", ASRU 2025: local-global mixing (LGM) over time, multi-scale
mixing (MSM) and group-channel mixing (GCM) over channels.
Differs: the paper's block is tied to one number of frames, ``n_tokens``. With
a `TimeAxis` it works on any: its linear maps over time are read as functions of
relative time and resampled to the length of each utterance. At ``n_tokens``
frames the result is that of the paper.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speechbrain_denokd.diffusion.norm import zero_padded
from speechbrain_denokd.encoders.masks import frame_mask


class TimeAxis(NamedTuple):
    """How utterances of unequal length meet weights of one length.

    Attributes
    ----------
    mask : (B, T) torch.Tensor of bool
        True at valid frames.
    to_tokens : (B, T, n_tokens) torch.Tensor
        Resampling of an utterance to ``n_tokens`` steps; columns sum to one.
    from_tokens : (B, n_tokens, T) torch.Tensor
        The way back; zero at padded frames.
    below, above : (B, T) torch.Tensor of int64
        Neighbours of each frame among the pairs of frames.
    share : (B, T) torch.Tensor
        Weight of the neighbour ``above``.
    """

    mask: Tensor
    to_tokens: Tensor
    from_tokens: Tensor
    below: Tensor
    above: Tensor
    share: Tensor


def time_axis(n_frames: Tensor, length: int, n_tokens: int) -> TimeAxis:
    """Prepare a padded batch for `MixerBlock`.

    Arguments
    ---------
    n_frames : (B,) torch.Tensor of int64
        Valid frames, at least 2.
    length : int
        Frames of the padded batch, ``T``.
    n_tokens : int
        Frames that the blocks were made for.

    Returns
    -------
    TimeAxis

    Example
    -------
    >>> axis = time_axis(torch.tensor([3, 2]), length=3, n_tokens=3)
    >>> axis.to_tokens[0].tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    n_all = torch.full_like(n_frames, n_tokens)
    n_pairs = (n_frames // 2)[:, None]
    steps = torch.arange(length, device=n_frames.device)
    # Frame centres on the axis of pairs, as `interpolate` places them.
    position = (steps + 0.5) * n_pairs / n_frames[:, None] - 0.5
    position = position.clamp(min=0).minimum(n_pairs - 1)
    below = position.long()
    return TimeAxis(
        mask=frame_mask(n_frames, length),
        to_tokens=resampling(n_frames, n_all, length, n_tokens),
        from_tokens=resampling(n_all, n_frames, n_tokens, length),
        below=below,
        above=(below + 1).minimum(n_pairs - 1),
        share=position - below,
    )


def resampling(n_in: Tensor, n_out: Tensor, size_in: int, size_out: int):
    """Matrices that stretch or shrink padded sequences, without aliasing.

    Linear interpolation when stretching, triangular averages when shrinking;
    equal lengths give the identity.

    Arguments
    ---------
    n_in, n_out : (B,) torch.Tensor of int64
        Valid steps before and after.
    size_in, size_out : int
        Steps of the padded sequences.

    Returns
    -------
    (B, size_in, size_out) torch.Tensor
        ``x (B, C, size_in) @ matrix`` has the resampled steps; columns of
        valid steps sum to one, others are zero.

    Example
    -------
    >>> resampling(torch.tensor([2]), torch.tensor([4]), 2, 4)[0].tolist()
    [[1.0, 0.75, 0.25, 0.0], [0.0, 0.25, 0.75, 1.0]]
    """
    device = n_in.device
    steps_in = torch.arange(size_in, device=device)[None, :, None]
    steps_out = torch.arange(size_out, device=device)[None, None, :]
    ratio = (n_in / n_out)[:, None, None]
    centre = (steps_out + 0.5) * ratio - 0.5
    weight = 1 - (steps_in - centre).abs() / ratio.clamp(min=1)
    valid_in = frame_mask(n_in, size_in)[:, :, None]
    valid_out = frame_mask(n_out, size_out)[:, None, :]
    weight = weight.clamp(min=0) * valid_in * valid_out
    return weight / weight.sum(1, keepdim=True).masked_fill(~valid_out, 1)


class TokenMixing(nn.Module):
    """Local-global mixing: depthwise convolutions + an MLP over time.

    Arguments
    ---------
    dim : int
        Channels, ``C``.
    n_tokens : int
        Frames that the MLP takes.
    expansion : int
        Hidden units of the MLP per frame.
    dropout : float
        Before the residual.

    Example
    -------
    >>> mixing = TokenMixing(1024, n_tokens=149)
    >>> sum(p.numel() for p in mixing.parameters())
    192689
    >>> mixing(torch.randn(1, 149, 1024)).shape
    torch.Size([1, 149, 1024])
    """

    def __init__(
        self, dim: int, n_tokens: int, expansion: int = 4, dropout: float = 0.1
    ):
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.local_in = nn.Conv1d(dim, dim, 7, padding=3, groups=dim)
        self.local_out = nn.Conv1d(dim, dim, 3, padding=1, groups=dim)
        self.global_in = nn.Linear(n_tokens, expansion * n_tokens)
        self.global_out = nn.Linear(expansion * n_tokens, n_tokens)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, axis: TimeAxis | None = None) -> Tensor:
        """Mix frames.

        Arguments
        ---------
        x : (B, T, C) torch.Tensor
        axis : TimeAxis, optional
            Needed unless every utterance has ``n_tokens`` frames.

        Returns
        -------
        (B, T, C) torch.Tensor
        """
        mask = None if axis is None else axis.mask
        # Zeros beyond the end are what an utterance alone would see.
        h = zero_padded(self.norm(x).transpose(1, 2), mask)
        local = zero_padded(F.gelu(self.local_in(h)), mask)
        mixed = h if axis is None else h @ axis.to_tokens.to(h.dtype)
        mixed = self.global_out(F.gelu(self.global_in(mixed)))
        if axis is not None:
            mixed = mixed @ axis.from_tokens.to(mixed.dtype)
        mixed = self.local_out(local) + mixed
        return x + self.dropout(mixed).transpose(1, 2)


class ChannelMixing(nn.Module):
    """Multi-scale mixing at two frame rates, then group-channel mixing.

    Arguments
    ---------
    dim : int
        Channels, ``C``.
    n_groups : int
        Groups of channels that are mixed on their own.
    expansion : int
        Hidden channels of the MLPs per channel.
    dropout : float
        Before the residual.

    Raises
    ------
    ValueError
        If ``dim`` is not a multiple of ``n_groups``.

    Example
    -------
    >>> mixing = ChannelMixing(1024)
    >>> sum(p.numel() for p in mixing.parameters())
    3553280
    >>> mixing(torch.randn(1, 149, 1024)).shape
    torch.Size([1, 149, 1024])
    """

    def __init__(
        self,
        dim: int,
        n_groups: int = 8,
        expansion: int = 4,
        dropout: float = 0.1,
    ):
        super().__init__()
        if dim % n_groups != 0:
            raise ValueError(
                f"{dim} channels cannot be split into {n_groups} equal "
                "groups; make one a multiple of the other"
            )
        wide = expansion * dim
        self.norm = nn.LayerNorm(dim)
        self.coarse_in = nn.Conv1d(dim, wide, 1, groups=n_groups)
        self.coarse_out = nn.Conv1d(wide, dim, 1, groups=n_groups)
        self.fine_in = nn.Conv1d(dim, wide, 1, groups=n_groups)
        self.fine_out = nn.Conv1d(wide, dim, 1, groups=n_groups)
        self.group = nn.Conv1d(dim, dim, 3, padding=1, groups=n_groups)
        self.channel = nn.Conv1d(dim, dim, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, axis: TimeAxis | None = None) -> Tensor:
        """Mix channels.

        Arguments
        ---------
        x : (B, T, C) torch.Tensor
            At least 2 frames.
        axis : TimeAxis, optional
            Needed if the batch is padded.

        Returns
        -------
        (B, T, C) torch.Tensor
        """
        mask = None if axis is None else axis.mask
        h = self.norm(x).transpose(1, 2)
        coarse = F.gelu(self.coarse_in(F.avg_pool1d(h, 2)))
        coarse = _to_frames(self.coarse_out(coarse), h.shape[2], axis)
        fine = self.fine_out(F.gelu(self.fine_in(h)))
        mixed = F.gelu(self.group(zero_padded(coarse + fine, mask)))
        return x + self.dropout(self.channel(mixed)).transpose(1, 2)


def _to_frames(pairs: Tensor, length: int, axis: TimeAxis | None) -> Tensor:
    """Linear interpolation from pairs of frames, per utterance, to frames."""
    if axis is None:
        return F.interpolate(pairs, size=length, mode="linear")
    n_channels = pairs.shape[1]
    below = pairs.gather(2, axis.below[:, None].expand(-1, n_channels, -1))
    above = pairs.gather(2, axis.above[:, None].expand(-1, n_channels, -1))
    return below + (above - below) * axis.share[:, None].to(pairs.dtype)


class MixerBlock(nn.Module):
    """Token mixing, then channel mixing: the place of a transformer layer.

    Arguments
    ---------
    dim : int
        Channels, ``C``.
    n_tokens : int
        Frames that token mixing was made for.
    n_groups : int
        Groups of channel mixing.
    dropout : float
        Of token mixing.
    channel_dropout : float
        Of channel mixing.

    Example
    -------
    >>> block = MixerBlock(1024, n_tokens=149)
    >>> sum(p.numel() for p in block.parameters())
    3745969
    >>> axis = time_axis(torch.tensor([200, 90]), 200, n_tokens=149)
    >>> block(torch.randn(2, 200, 1024), axis).shape
    torch.Size([2, 200, 1024])
    """

    def __init__(
        self,
        dim: int,
        n_tokens: int,
        n_groups: int = 8,
        dropout: float = 0.1,
        channel_dropout: float = 0.1,
    ):
        super().__init__()
        self.token = TokenMixing(dim, n_tokens, dropout=dropout)
        self.channel = ChannelMixing(dim, n_groups, dropout=channel_dropout)

    def forward(self, x: Tensor, axis: TimeAxis | None = None) -> Tensor:
        """Mix frames, then channels; arguments as in `TokenMixing`."""
        return self.channel(self.token(x, axis), axis)
