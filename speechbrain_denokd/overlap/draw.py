"""Draw fixed mixtures for validation: manifest -> list of mixtures."""

from collections.abc import Sequence
from itertools import combinations_with_replacement, product

import numpy as np

from speechbrain_denokd.data.manifest import Utterance
from speechbrain_denokd.overlap.mixtures import Mixture
from speechbrain_denokd.overlap.plan import MixtureShape, make_mixtures
from speechbrain_denokd.overlap.speakers import SpeakerPool


def draw_mixtures(
    utterances: Sequence[Utterance],
    n_mixtures: int,
    shape: MixtureShape | None = None,
    n_sources: int = 2,
    seed: int = 0,
    n_threads: int = 8,
) -> list[Mixture]:
    """Draw mixtures, as many of each gender pair and overlap ratio.

    Mixture ``n`` depends on the seed and on ``n`` alone: a longer list begins
    with the shorter one.

    Arguments
    ---------
    utterances : sequence of Utterance
        Rows of a manifest, with genders where they are known.
    n_mixtures : int
    shape : MixtureShape, optional
        Length, overlap ratios and levels.
    n_sources : int
        Speakers in a mixture.
    seed : int
    n_threads : int
        Mixtures whose levels are measured at a time.

    Returns
    -------
    list of Mixture
        Gender pairs that the manifest has too few speakers for are left out,
        and speakers of unknown gender where those of others are known.

    Raises
    ------
    ValueError
        If there are too few speakers with long enough utterances for any
        mixture, or audio cannot be used.

    Example
    -------
    >>> import soundfile, tempfile
    >>> rows, folder = [], tempfile.mkdtemp()
    >>> for name in ("ann", "bob"):
    ...     path, noise = f"{folder}/{name}.wav", np.random.default_rng(0)
    ...     soundfile.write(path, noise.uniform(-0.5, 0.5, 1600), 16000)
    ...     rows.append(Utterance(f"{name}-1", 0.1, path, 0, 1600, name))
    >>> shape = MixtureShape(duration_s=0.1, overlaps=(0.5, 1.0))
    >>> [round(m.overlap, 3) for m in draw_mixtures(rows, 2, shape)]
    [0.5, 1.0]
    """
    shape = shape or MixtureShape()
    pool = SpeakerPool(utterances, shape.duration_s, shape.sample_rate)
    n_needed = [1] * n_sources
    patterns = [
        genders
        for genders in combinations_with_replacement(pool.genders, n_sources)
        if pool.can_draw(genders, n_needed)
    ]
    if not patterns:
        raise ValueError(
            f"No mixture of {n_sources} speakers can be drawn from "
            f"{len(pool.rows_of)} speakers with utterances of at least "
            f"{shape.duration_s:g} s: add speakers or lower duration_s."
        )
    cells = list(product(shape.overlaps, patterns))
    plans = []
    for number in range(n_mixtures):
        overlap, genders = cells[number % len(cells)]
        rng = np.random.default_rng([seed, number])
        speakers = pool.draw(genders, n_needed, rng)
        rows = [pool.utterance(speaker, rng) for speaker in speakers]
        plans.append(shape.plan(f"mix{number:05d}", rows, overlap, rng))
    return make_mixtures(plans, shape.sample_rate, n_threads)
