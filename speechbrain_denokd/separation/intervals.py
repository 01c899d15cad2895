"""How sure a mean over mixtures is (``values, speakers -> interval``).

Mixtures that share a speaker are not independent, so speakers are resampled:
a mixture counts as often as all of its speakers are drawn, multiplied.

Source: as `speechbrain_denokd.bootstrap`.
"""

from collections.abc import Sequence

import numpy as np


def mean_interval(
    values,
    speakers: Sequence[Sequence[str]],
    n_resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile bootstrap interval of a mean, over speakers.

    Arguments
    ---------
    values : (N,) array_like of float
    speakers : (N,) sequence of sequences of str
        Everybody in the mixture of each value.
    n_resamples : int
        Draws of the speakers; those that hold no mixture are left out.
    confidence : float
        Share of resamples inside the interval, in (0, 1).
    seed : int
        Same seed, same interval.

    Returns
    -------
    low, high : float
        The value itself, twice, where there is one mixture.

    Raises
    ------
    ValueError
        If there are no values, or not as many as mixtures.

    Example
    -------
    >>> speakers = [("a", "b"), ("c", "d"), ("a", "d")]
    >>> low, high = mean_interval([1.0, 2.0, 6.0], speakers)
    >>> 1 <= low < 3 < high <= 6
    True
    """
    values = np.asarray(values, np.float64)
    if not 0 < len(values) == len(speakers):
        raise ValueError(
            f"there are {len(values)} values of {len(speakers)} mixtures: "
            "give one of each, and at least one"
        )
    names = sorted({name for group in speakers for name in group})
    place = {name: i for i, name in enumerate(names)}
    rng = np.random.default_rng(seed)
    share = np.full(len(names), 1 / len(names))
    drawn = rng.multinomial(len(names), share, size=n_resamples)
    weights = np.stack(
        [
            drawn[:, [place[n] for n in group]].prod(axis=1)
            for group in speakers
        ],
        axis=1,
    )
    totals = weights.sum(axis=1)
    held = totals > 0
    if not held.any():  # a single mixture of speakers that are rarely drawn
        return float(values.min()), float(values.max())
    means = weights[held] @ values / totals[held]
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)
