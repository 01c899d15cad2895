"""Which rows form which batch: shuffled, split over processes, resumable."""

from collections.abc import Iterator, Sequence

import numpy as np
from torch.utils.data import Sampler

from speechbrain_denokd.data.manifest import Utterance


class EpochBatches(Sampler):
    """Batches of ``(epoch, index)`` that depend on seed and epoch alone.

    Because there is no other state, a run resumes in the middle of an epoch by
    leaving out the batches it has done (`skip`). Rows that do not fill a last
    batch wait for another epoch's shuffle.

    Arguments
    ---------
    n_items : int
        Rows of the training set.
    batch_size : int
        Rows per step, over all processes.
    seed : int
    rank, n_ranks : int
        This process among those that share each batch.

    Raises
    ------
    ValueError
        If a batch cannot be filled, or not be split evenly.

    Example
    -------
    >>> batches = EpochBatches(n_items=5, batch_size=2, seed=0)
    >>> batches.set_epoch(3)
    >>> len(batches), [epoch for batch in batches for epoch, _ in batch]
    (2, [3, 3, 3, 3])
    """

    def __init__(
        self,
        n_items: int,
        batch_size: int,
        seed: int,
        rank: int = 0,
        n_ranks: int = 1,
    ):
        if not 0 < batch_size <= n_items:
            raise ValueError(
                f"batch_size={batch_size} must lie in 1..{n_items}, the number "
                "of training utterances"
            )
        if batch_size % n_ranks:
            raise ValueError(
                f"batch_size={batch_size} cannot be split evenly over "
                f"{n_ranks} processes; nearest: "
                f"{max(batch_size - batch_size % n_ranks, n_ranks)}"
            )
        self.n_items = n_items
        self.batch_size = batch_size
        self.seed = seed
        self.rank = rank
        self.n_ranks = n_ranks
        self.epoch = 1
        self.n_skipped = 0

    def set_epoch(self, epoch: int):
        """Epoch to shuffle for, counted from 1; ``Brain.fit`` calls this."""
        self.epoch = epoch

    def skip(self, n_batches: int):
        """Leave out the first batches of the next pass, then no more."""
        self.n_skipped = n_batches

    def __len__(self) -> int:
        return self.n_items // self.batch_size

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        first, self.n_skipped = self.n_skipped, 0
        order = np.random.default_rng([self.seed, self.epoch])
        order = order.permutation(self.n_items).tolist()
        for i in range(first, len(self)):
            rows = order[i * self.batch_size : (i + 1) * self.batch_size]
            mine = rows[self.rank :: self.n_ranks]
            yield [(self.epoch, row) for row in mine]


def batches_by_duration(
    utterances: Sequence[Utterance], batch_s: float
) -> list[list[int]]:
    """Batches of similar length, each of at most ``batch_s`` padded seconds.

    Arguments
    ---------
    utterances : sequence of Utterance
    batch_s : float
        Seconds of audio per batch, padding included; a longer utterance gets
        a batch of its own.

    Returns
    -------
    list of list of int
        Row numbers.

    Example
    -------
    >>> rows = [
    ...     Utterance(str(s), s, "", 0, None, "") for s in (4.0, 1.0, 2.0, 9.0)
    ... ]
    >>> batches_by_duration(rows, batch_s=4.0)
    [[1, 2], [0], [3]]
    """
    order = sorted(range(len(utterances)), key=lambda i: utterances[i].duration)
    batches: list[list[int]] = []
    for row in order:
        # Sorted upwards: this row is the longest of its batch.
        duration = utterances[row].duration
        if batches and (len(batches[-1]) + 1) * duration <= batch_s:
            batches[-1].append(row)
        else:
            batches.append([row])
    return batches
