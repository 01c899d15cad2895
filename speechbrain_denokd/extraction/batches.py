"""Which recordings are embedded together (``durations -> batches``)."""

from collections.abc import Mapping


def plan_batches(
    durations_s: Mapping[int, float], batch_s: float
) -> list[list[int]]:
    """Batches of similar length, the longest recordings first.

    Longest first: what is left for the end is short, and no thread keeps the
    others waiting for long.

    Arguments
    ---------
    durations_s : mapping of int to float
        Seconds by row.
    batch_s : float
        Seconds of audio per batch, padding included; a longer recording gets
        a batch of its own.

    Returns
    -------
    list of list of int
        Rows, each in one batch.

    Example
    -------
    >>> plan_batches({0: 4.0, 1: 1.0, 2: 2.0, 3: 9.0}, batch_s=4.0)
    [[3], [0], [2, 1]]
    """
    batches: list[list[int]] = []
    longest_s = 0.0
    for row in sorted(durations_s, key=lambda row: -durations_s[row]):
        if batches and (len(batches[-1]) + 1) * longest_s <= batch_s:
            batches[-1].append(row)
        else:
            batches.append([row])
            longest_s = durations_s[row]
    return batches
