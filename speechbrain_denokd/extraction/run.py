"""The loop of bulk extraction (``items -> shards of embeddings``).

Threads take batches: each reads its recordings, embeds them, and takes the
next. Decoding and the network's operators leave the interpreter lock, so
threads keep all cores busy, and they share one copy of the weights.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    Future,
    ThreadPoolExecutor,
    wait,
)
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch

from speechbrain_denokd.data.files import threaded_map
from speechbrain_denokd.extraction.batches import plan_batches
from speechbrain_denokd.extraction.inputs import Item
from speechbrain_denokd.extraction.recording import (
    Embed,
    Windowing,
    duration_of,
    mean_of_windows,
    read_windows,
)
from speechbrain_denokd.extraction.shards import Shards


class Effort(NamedTuple):
    """How much is done at a time; embeddings do not depend on it.

    Attributes
    ----------
    batch_s : float
        Seconds of audio per batch.
    n_threads : int
        Batches at a time.

    Example
    -------
    >>> Effort(n_threads=2).batch_s
    20.0
    """

    batch_s: float = 20.0
    n_threads: int = 1

    def check(self):
        """Refuse batches of nothing.

        Raises
        ------
        ValueError
        """
        if not (self.batch_s > 0 and self.n_threads > 0):
            raise ValueError(
                f"batch_s={self.batch_s} and n_threads={self.n_threads} must "
                "be above 0"
            )


class _Batch(NamedTuple):
    """Rows of one shard, embedded together."""

    shard: int
    durations_s: dict[int, float]


@dataclass
class _Unfinished:
    """What is known of a shard so far."""

    embeddings: dict[int, np.ndarray] = field(default_factory=dict)
    reasons: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.embeddings) + len(self.reasons)


def extract(
    shards: Shards,
    numbers: Iterable[int],
    embed: Embed,
    windowing: Windowing,
    effort: Effort,
    on_progress: Callable[[int], None],
):
    """Embed the items of some shards, and write each when it is finished.

    Arguments
    ---------
    shards : Shards
    numbers : iterable of int
        Shards to work on.
    embed : callable
        ``[(S,) numpy.ndarray, ...] -> (B, D) numpy.ndarray``; called from
        several threads at once.
    windowing : Windowing
    effort : Effort
    on_progress : callable
        Told how many further recordings are done.
    """
    unfinished: dict[int, _Unfinished] = {}
    n_together = max(int(effort.batch_s // windowing.window_s), 1)

    def done(shard: int, found: _Unfinished):
        part = unfinished.setdefault(shard, _Unfinished())
        part.embeddings.update(found.embeddings)
        part.reasons.update(found.reasons)
        on_progress(len(found))
        if len(part) == len(shards.rows(shard)):
            shards.write(shard, part.embeddings, part.reasons)
            del unfinished[shard]

    def work(batch: _Batch) -> tuple[int, _Unfinished]:
        return batch.shard, _embed_batch(
            shards.items, batch, embed, windowing, n_together
        )

    batches = _batches(shards, numbers, windowing, effort, done)
    n_before = torch.get_num_threads()
    pool = ThreadPoolExecutor(
        effort.n_threads,
        # One batch a core scales better than one operator over all cores.
        initializer=torch.set_num_threads if effort.n_threads > 1 else None,
        initargs=(1,) if effort.n_threads > 1 else (),
    )
    try:
        for shard, found in _in_any_order(pool, work, batches, effort):
            done(shard, found)
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(n_before)


def _in_any_order(
    pool: ThreadPoolExecutor,
    work: Callable,
    batches: Iterable[_Batch],
    effort: Effort,
) -> Iterator:
    """Results as they come; a few batches ahead are handed out, no more."""
    running: set[Future] = set()
    for batch in batches:
        running.add(pool.submit(work, batch))
        if len(running) >= 2 * effort.n_threads:
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in finished)
    while running:
        finished, running = wait(running, return_when=FIRST_COMPLETED)
        yield from (future.result() for future in finished)


def _batches(
    shards: Shards,
    numbers: Iterable[int],
    windowing: Windowing,
    effort: Effort,
    done: Callable[[int, _Unfinished], None],
) -> Iterator[_Batch]:
    """Batches of one shard after the other; unreadable headers are done."""
    for shard in numbers:
        rows = shards.rows(shard)
        headers = threaded_map(
            _duration_or_reason, [shards.items[row] for row in rows]
        )
        durations_s, reasons = {}, {}
        for row, header in zip(rows, headers, strict=True):
            if isinstance(header, str):
                reasons[row] = header
            else:
                durations_s[row] = header
        if reasons:
            done(shard, _Unfinished(reasons=reasons))
        for batch in plan_batches(durations_s, effort.batch_s):
            yield _Batch(shard, {row: durations_s[row] for row in batch})


def _duration_or_reason(item: Item) -> float | str:
    try:
        return duration_of(item)
    except (ValueError, OSError) as error:
        return str(error)


def _embed_batch(
    items: Sequence[Item],
    batch: _Batch,
    embed: Embed,
    windowing: Windowing,
    n_together: int,
) -> _Unfinished:
    """Embed the recordings of a batch; what is wrong with one stays its own."""
    found = _Unfinished()
    wavs = {}
    for row, duration_s in batch.durations_s.items():
        windows = read_windows(items[row], duration_s, windowing)
        try:
            if duration_s > windowing.window_s:
                found.embeddings[row] = mean_of_windows(
                    windows, embed, n_together
                )
            else:
                wavs[row] = next(windows)
        except (ValueError, OSError) as error:
            found.reasons[row] = str(error)
    if wavs:
        _embed_wavs(wavs, embed, found)
    for row, embedding in list(found.embeddings.items()):
        if not np.isfinite(embedding).all():
            del found.embeddings[row]
            found.reasons[row] = (
                f"{items[row].path} gives an embedding that is not finite; "
                "its samples may be far out of range"
            )
    return found


def _embed_wavs(wavs: dict[int, np.ndarray], embed: Embed, found: _Unfinished):
    """All at once; one by one if the network refuses one of them."""
    try:
        vectors = embed(list(wavs.values()))
        found.embeddings.update(zip(wavs, vectors, strict=True))
    except ValueError as error:
        if len(wavs) == 1:
            found.reasons[next(iter(wavs))] = str(error)
            return
        for row, wav in wavs.items():
            _embed_wavs({row: wav}, embed, found)


def default_threads() -> int:
    """Cores that this process may use, shared with its torchrun neighbours.

    Example
    -------
    >>> default_threads() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):
        n_cores = len(os.sched_getaffinity(0))
    else:
        n_cores = os.cpu_count() or 1
    return max(n_cores // int(os.environ.get("LOCAL_WORLD_SIZE", 1)), 1)
