"""Draw the trials of mixture against mixture: manifest -> triples.

Source: S. Kim et al., "MIRNet: Learning multiple identities representations
in overlapped speech", Section 4.1.2. A triple of mixtures A + B, A' + C and
C' + D gives two trials: A + B against A' + C, which share a speaker, is to be
accepted, and A + B against C' + D to be rejected. A' and C' are other
utterances of the speakers A and C.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations_with_replacement, product

import numpy as np

from speechbrain_denokd.data.manifest import Utterance
from speechbrain_denokd.data.trials import Trial
from speechbrain_denokd.overlap.mixtures import Mixture
from speechbrain_denokd.overlap.plan import (
    MixturePlan,
    MixtureShape,
    make_mixtures,
)
from speechbrain_denokd.overlap.speakers import SpeakerPool

# Utterances that A, B, C and D take part with.
_N_NEEDED = (2, 1, 2, 1)


def draw_triples(
    utterances: Sequence[Utterance],
    n_triples: int,
    shape: MixtureShape | None = None,
    match_genders: bool = True,
    seed: int = 0,
    n_threads: int = 8,
) -> tuple[list[Mixture], list[Trial]]:
    """Draw triples, as many of each gender pair and overlap ratio.

    The three mixtures of a triple have one overlap ratio. A' is taken from
    another session than A where there is one, and so is C'. Triple ``n``
    depends on the seed and on ``n`` alone.

    Whether its trials are on seen or on unseen speakers depends on the
    manifest: of training speakers, give utterances that are not trained on.

    Arguments
    ---------
    utterances : sequence of Utterance
        Rows of a manifest, with genders where they are known.
    n_triples : int
        Each is an acceptance and a rejection trial; the paper has 200.
    shape : MixtureShape, optional
        Length, overlap ratios and levels.
    match_genders : bool
        Whether the three mixtures have one gender pair, so that no trial can
        be rejected by gender (A and D are of one, B and C of one). The paper
        draws speakers at random, as far as it says.
    seed : int
    n_threads : int
        Mixtures whose levels are measured at a time.

    Returns
    -------
    mixtures : list of Mixture
        Three for each triple: ``triple00000-ab``, ``-ac``, ``-cd``.
    trials : list of Trial
        Two for each triple, with IDs of mixtures on both sides.

    Raises
    ------
    ValueError
        If there are too few speakers, two of them with two utterances, for
        any triple, or audio cannot be used.

    Example
    -------
    >>> import soundfile, tempfile
    >>> rows, folder = [], tempfile.mkdtemp()
    >>> for name in [f"{speaker}-{n}" for speaker in "pqrs" for n in "12"]:
    ...     path, noise = f"{folder}/{name}.wav", np.random.default_rng(0)
    ...     soundfile.write(path, noise.uniform(-0.5, 0.5, 1600), 16000)
    ...     rows.append(Utterance(name, 0.1, path, 0, 1600, name[0]))
    >>> mixtures, trials = draw_triples(rows, 1, MixtureShape(duration_s=0.1))
    >>> trials[0]
    Trial(is_target=True, enroll='triple00000-ab', test='triple00000-ac')
    >>> trials[1]
    Trial(is_target=False, enroll='triple00000-ab', test='triple00000-cd')
    """
    shape = shape or MixtureShape()
    pool = SpeakerPool(utterances, shape.duration_s, shape.sample_rate)
    patterns = [
        (x, y)
        for x, y in _gender_patterns(pool, match_genders)
        if pool.can_draw((x, y, y, x), _N_NEEDED)
    ]
    if not patterns:
        raise ValueError(
            f"No triple can be drawn from {len(pool.rows_of)} speakers with "
            f"utterances of at least {shape.duration_s:g} s: four speakers "
            "are needed, two of them with two utterances, and of the genders "
            "that match_genders asks for. Add speakers or lower duration_s."
        )
    cells = list(product(shape.overlaps, patterns))
    plans, trials = [], []
    for number in range(n_triples):
        overlap, genders = cells[number % len(cells)]
        rng = np.random.default_rng([seed, number])
        name = f"triple{number:05d}"
        plans += _triple(name, pool, genders, overlap, shape, rng)
        trials.append(Trial(True, f"{name}-ab", f"{name}-ac"))
        trials.append(Trial(False, f"{name}-ab", f"{name}-cd"))
    return make_mixtures(plans, shape.sample_rate, n_threads), trials


def _gender_patterns(
    pool: SpeakerPool, match_genders: bool
) -> list[tuple[str | None, str | None]]:
    """Pairs of genders that the mixtures of a triple may have."""
    if not match_genders:
        return [(None, None)]
    return list(combinations_with_replacement(pool.genders, 2))


def _triple(
    name: str,
    pool: SpeakerPool,
    genders: Sequence[str | None],
    overlap: float,
    shape: MixtureShape,
    rng: np.random.Generator,
) -> Iterator[MixturePlan]:
    """The three mixtures of a triple."""
    # Of a mixed pair, either speaker may be the one who comes back.
    x, y = rng.permutation(np.array(genders, dtype=object))
    a, b, c, d = pool.draw((x, y, y, x), _N_NEEDED, rng)
    a1, b1, c1, d1 = (pool.utterance(s, rng) for s in (a, b, c, d))
    a2 = pool.utterance(a, rng, besides=a1)
    c2 = pool.utterance(c, rng, besides=c1)
    for suffix, rows in (
        ("ab", (a1, b1)),
        ("ac", (a2, c1)),
        ("cd", (c2, d1)),
    ):
        yield shape.plan(f"{name}-{suffix}", rows, overlap, rng)
