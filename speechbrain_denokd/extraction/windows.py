"""Long recordings in pieces (``audio blocks -> windows``).

Windows are equally long and evenly spread, so that none is a short rest, and
no more than one window and one block are in memory.
"""

import math
from collections.abc import Iterable, Iterator

import numpy as np


def window_starts(n_samples: int, window: int, overlap: int) -> list[int]:
    """Where the windows of a recording begin.

    Arguments
    ---------
    n_samples : int
        Of the recording.
    window : int
        Samples of a window.
    overlap : int
        Samples that neighbours share at least.

    Returns
    -------
    list of int
        The fewest windows that cover the recording, evenly spread; the last
        ends where the recording does. One at 0 if it fits into a window.

    Raises
    ------
    ValueError
        If ``overlap`` is not in 0..window - 1.

    Example
    -------
    >>> window_starts(25, window=10, overlap=0)
    [0, 8, 15]
    """
    if not 0 <= overlap < window:
        raise ValueError(
            f"an overlap of {overlap} samples does not fit windows of "
            f"{window}: choose it from 0 and below the window"
        )
    if n_samples <= window:
        return [0]
    n_steps = math.ceil((n_samples - window) / (window - overlap))
    return [
        (2 * k * (n_samples - window) + n_steps) // (2 * n_steps)
        for k in range(n_steps + 1)
    ]


def cut_windows(
    blocks: Iterable[np.ndarray], starts: Iterable[int], window: int
) -> Iterator[np.ndarray]:
    """Cut windows out of a waveform that comes in blocks.

    Arguments
    ---------
    blocks : iterable of (S,) numpy.ndarray
        Consecutive stretches of the recording.
    starts : iterable of int
        First sample of each window, ascending.
    window : int
        Samples of a window.

    Yields
    ------
    (window,) numpy.ndarray
        The last one is shorter if the recording ends before it does.

    Example
    -------
    >>> blocks = [np.arange(0, 4), np.arange(4, 7)]
    >>> [w.tolist() for w in cut_windows(blocks, [0, 2, 3], window=4)]
    [[0, 1, 2, 3], [2, 3, 4, 5], [3, 4, 5, 6]]
    """
    blocks = iter(blocks)
    held, first = next(blocks, None), 0
    for start in starts:
        while held is not None and first + len(held) < start + window:
            block = next(blocks, None)
            if block is None:
                break
            # What lies before this window is in no later one either.
            n_past = min(max(start - first, 0), len(held))
            held, first = np.concatenate([held[n_past:], block]), first + n_past
        if held is None or start - first >= len(held):
            return
        yield held[start - first : start - first + window]
