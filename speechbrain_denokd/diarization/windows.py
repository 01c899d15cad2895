"""Short windows of speech and their embeddings (``regions -> embeddings``)."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from speechbrain_denokd.extraction.windows import cut_windows, window_starts


class Window(NamedTuple):
    """A stretch of a recording that is embedded.

    Attributes
    ----------
    region : int
        Region of speech that it lies in.
    start, stop : int
        First sample, and the sample after the last one.

    Example
    -------
    >>> Window(0, 0, 24000).stop
    24000
    """

    region: int
    start: int
    stop: int


def windows_of(
    regions: Sequence[tuple[int, int]], window: int, hop: int
) -> list[Window]:
    """Cover regions of speech with windows, evenly spread in each.

    Arguments
    ---------
    regions : sequence of (int, int)
        First sample, and the sample after the last one.
    window : int
        Samples of a window; a shorter region is one window.
    hop : int
        Samples between neighbours, at most.

    Returns
    -------
    list of Window
        In order.

    Raises
    ------
    ValueError
        If ``hop`` is not in 1..window.

    Example
    -------
    >>> windows_of([(0, 10), (50, 53)], window=4, hop=3)
    [Window(region=0, start=0, stop=4), Window(region=0, start=3, stop=7), \
Window(region=0, start=6, stop=10), Window(region=1, start=50, stop=53)]
    """
    if not 1 <= hop <= window:
        raise ValueError(
            f"windows of {window} samples cannot be {hop} samples apart; "
            "choose a hop above 0 and up to the window"
        )
    return [
        Window(i, start + offset, min(start + offset + window, stop))
        for i, (start, stop) in enumerate(regions)
        for offset in window_starts(stop - start, window, window - hop)
    ]


def embed_windows(
    encode: Callable[[Tensor, Tensor], Tensor],
    blocks: Iterable[np.ndarray],
    windows: Sequence[Window],
    batch_size: int = 32,
) -> np.ndarray:
    """Embed windows of a recording that comes in blocks.

    Arguments
    ---------
    encode : callable
        ``(wavs (B, S), lens (B,)) -> (B, D)``, as
        ``SpeakerEmbedder.encode_batch``.
    blocks : iterable of (S,) numpy.ndarray
        Consecutive stretches at the rate of the windows.
    windows : sequence of Window
        One or more, in order.
    batch_size : int
        Windows embedded at once; no more of them are held.

    Returns
    -------
    (N, D) numpy.ndarray

    Example
    -------
    >>> def mean(wavs, lens):
    ...     return wavs.mean(dim=1, keepdim=True)
    >>> windows = [Window(0, 0, 2), Window(0, 2, 4)]
    >>> embed_windows(mean, [np.array([1.0, 1.0, 3.0, 5.0])], windows).tolist()
    [[1.0], [4.0]]
    """
    found = []
    for batch in _batches(_wavs(blocks, windows), batch_size):
        lengths = torch.tensor([len(wav) for wav in batch])
        wavs = pad_sequence(batch, batch_first=True)
        found.append(encode(wavs, lengths / lengths.max()).cpu().numpy())
    return np.concatenate(found)


def _wavs(
    blocks: Iterable[np.ndarray], windows: Sequence[Window]
) -> Iterator[Tensor]:
    longest = max(window.stop - window.start for window in windows)
    starts = [window.start for window in windows]
    cut = cut_windows(blocks, starts, longest)
    for window, wav in zip(windows, cut, strict=True):
        # A copy: a view would keep the whole block in memory.
        yield torch.tensor(wav[: window.stop - window.start])


def _batches(wavs: Iterator[Tensor], batch_size: int) -> Iterator[list[Tensor]]:
    batch = []
    for wav in wavs:
        batch.append(wav)
        if len(batch) == batch_size:
            yield batch
            batch = []
    if batch:
        yield batch
