"""Recordings cut in windows of one length, and stitched again.

A network that takes exactly one number of frames sits between the two arrows
``wavs -> windows`` and ``frames of windows -> frames of recordings``.
"""

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence


def window_starts(n_frames: int, width: int) -> list[int]:
    """First frames of windows that overlap by half a window or more.

    They are spread evenly: the first begins with the recording, the last ends
    with it.

    Arguments
    ---------
    n_frames : int
        Frames of the recording.
    width : int
        Frames of a window.

    Returns
    -------
    list of int
        ``[0]`` if the recording is not longer than a window.

    Example
    -------
    >>> window_starts(20, width=8)
    [0, 4, 8, 12]
    >>> window_starts(9, width=8), window_starts(3, width=8)
    ([0, 1], [0])
    """
    rest = n_frames - width
    if rest <= 0:
        return [0]
    hop = max(1, width // 2)
    n_steps = -(-rest // hop)
    return [i * rest // n_steps for i in range(n_steps + 1)]


class FrameWindows:
    """Where the windows of a padded batch lie.

    Arguments
    ---------
    n_frames : (B,) torch.Tensor of int64
        Valid frames of each recording.
    width : int
        Frames of a window.

    Example
    -------
    >>> windows = FrameWindows(torch.tensor([5, 2]), width=4)
    >>> windows.rows, windows.starts
    ([0, 0, 1], [0, 1, 0])
    """

    def __init__(self, n_frames: Tensor, width: int):
        self.n_frames = n_frames
        self.width = width
        self.rows, self.starts = [], []
        for row, count in enumerate(n_frames.tolist()):
            starts = window_starts(count, width)
            self.rows += [row] * len(starts)
            self.starts += starts

    def cut(
        self,
        wavs: Tensor,
        n_samples: Tensor,
        hop_samples: int,
        window_samples: int,
    ) -> tuple[Tensor, Tensor]:
        """Audio of each window.

        A recording with fewer frames than one window is repeated, as
        `random_crop` does in training.

        Arguments
        ---------
        wavs : (B, S) torch.Tensor
        n_samples : (B,) torch.Tensor of int64
            Valid samples of each recording.
        hop_samples : int
            Samples from one frame to the next.
        window_samples : int
            Samples of a window, less at the end of a recording.

        Returns
        -------
        wavs : (W, S') torch.Tensor
            One row for each window.
        n_samples : (W,) torch.Tensor of int64

        Example
        -------
        >>> windows = FrameWindows(torch.tensor([5, 2]), width=4)
        >>> wavs = torch.arange(1.0, 6).repeat(2, 1)
        >>> cut, _ = windows.cut(wavs, torch.tensor([5, 2]), 1, 4)
        >>> cut.tolist()
        [[1.0, 2.0, 3.0, 4.0], [2.0, 3.0, 4.0, 5.0], [1.0, 2.0, 1.0, 2.0]]
        """
        n_samples, n_frames = n_samples.tolist(), self.n_frames.tolist()
        pieces = []
        for row, start in zip(self.rows, self.starts, strict=True):
            wav = wavs[row, : n_samples[row]]
            if n_frames[row] < self.width:
                wav = wav.repeat(-(-window_samples // len(wav)))
            first = start * hop_samples
            pieces.append(wav[first : first + window_samples])
        lengths = torch.tensor([len(p) for p in pieces], device=wavs.device)
        return pad_sequence(pieces, batch_first=True), lengths

    def places(self, length: int) -> Tensor:
        """Where each frame of each window lies in the flat padded batch.

        Arguments
        ---------
        length : int
            Frames of the padded batch, ``T``.

        Returns
        -------
        (W, width) torch.Tensor of int64
            ``row * T + frame``; ``B * T`` for frames of repetitions, which lie
            in no recording.

        Example
        -------
        >>> windows = FrameWindows(torch.tensor([5, 2]), width=4)
        >>> windows.places(5).tolist()
        [[0, 1, 2, 3], [1, 2, 3, 4], [5, 6, 10, 10]]
        """
        device = self.n_frames.device
        rows = torch.tensor(self.rows, device=device)[:, None]
        starts = torch.tensor(self.starts, device=device)[:, None]
        frames = starts + torch.arange(self.width, device=device)
        outside = frames >= self.n_frames[rows]
        nowhere = len(self.n_frames) * length
        return (rows * length + frames).masked_fill(outside, nowhere)


class Stitcher:
    """Average of the windows that hold a frame, window after window.

    Arguments
    ---------
    windows : FrameWindows
    length : int
        Frames of the padded batch, ``T``.

    Example
    -------
    >>> windows = FrameWindows(torch.tensor([5, 2]), width=4)
    >>> stitcher = Stitcher(windows, length=5)
    >>> first = torch.tensor([1.0, 3.0])[:, None, None].expand(2, 4, 1)
    >>> stitcher.add(slice(0, 2), first)
    >>> stitcher.add(slice(2, 3), torch.full((1, 4, 1), 7.0))
    >>> stitcher.frames().squeeze(2).tolist()
    [[1.0, 2.0, 2.0, 2.0, 3.0], [7.0, 7.0, 0.0, 0.0, 0.0]]
    """

    def __init__(self, windows: FrameWindows, length: int):
        self.length = length
        self.places = windows.places(length)
        self.n_recordings = len(windows.n_frames)
        # One row more for the frames of repetitions.
        size = self.n_recordings * length + 1
        self.counts = torch.bincount(self.places.flatten(), minlength=size)
        self.total = None

    def add(self, which: slice, frames: Tensor) -> None:
        """Add windows.

        Arguments
        ---------
        which : slice
            Their place among all windows.
        frames : (W', width, C) torch.Tensor
        """
        if self.total is None:
            self.total = frames.new_zeros(len(self.counts), frames.shape[2])
        self.total.index_add_(
            0, self.places[which].flatten(), frames.flatten(0, 1)
        )

    def frames(self) -> Tensor:
        """Frames of the recordings.

        Returns
        -------
        (B, T, C) torch.Tensor
            Zero in the padding.
        """
        counts = self.counts.clamp(min=1).to(self.total.dtype)
        mean = self.total[:-1] / counts[:-1, None]
        return mean.view(self.n_recordings, self.length, -1)
