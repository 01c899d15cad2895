"""Draw trials "is this person in the recording?": mixtures -> trial list.

The enrolment is clean speech of one person, the test a mixture. A target's
person speaks in it; a nontarget's does not, and is to be rejected.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from speechbrain_denokd.data.manifest import Utterance
from speechbrain_denokd.data.trials import Trial
from speechbrain_denokd.overlap.mixtures import Mixture, source_rows
from speechbrain_denokd.overlap.speakers import SpeakerPool

# Draws of an absent speaker's utterance before its target is given up.
_MAX_DRAWS = 100


def draw_presence_trials(
    utterances: Sequence[Utterance],
    mixtures: Sequence[Mixture],
    n_trials: int,
    seed: int = 0,
) -> list[Trial]:
    """Draw as many trials of present as of absent speakers.

    The mixtures and the speakers in them take turns. A present speaker's
    enrolment is another utterance than the one mixed, of another session
    where there is one. Each is followed by an absent speaker against the same
    mixture, of the same gender where there is one.

    Arguments
    ---------
    utterances : sequence of Utterance
        Rows of the manifest, to enrol with and to know the genders by.
    mixtures : sequence of Mixture
        Mixtures of these utterances.
    n_trials : int
        Upper bound of the number of trials; fewer when there are not enough
        distinct pairs.
    seed : int

    Returns
    -------
    list of Trial
        ID of an utterance against ID of a mixture; targets and nontargets in
        turn, no pair twice.

    Raises
    ------
    ValueError
        If no target or no nontarget can be formed, or the mixtures are of
        other utterances.

    Example
    -------
    >>> from speechbrain_denokd.overlap.mixtures import Source
    >>> rows = [
    ...     Utterance(f"{name}-{n}", 1.0, "x.wav", 0, 16000, name)
    ...     for name in ("ann", "bob", "eve")
    ...     for n in (1, 2)
    ... ]
    >>> sources = [Source(f"{s}-1", s, 0.0, 1.0, 0.0, 0.0) for s in
    ...            ("ann", "bob")]
    >>> mixtures = [Mixture("m1", 1.0, tuple(sources))]
    >>> draw_presence_trials(rows, mixtures, n_trials=2)[0]
    Trial(is_target=True, enroll='ann-2', test='m1')
    """
    source_rows(mixtures, utterances)
    pool = SpeakerPool(utterances)
    rng = np.random.default_rng(seed)
    trials: dict[Trial, None] = {}
    n_before = -1
    # Further rounds over the mixtures take further enrolments.
    while n_before < len(trials) <= n_trials - 2:
        n_before = len(trials)
        for target, nontarget in _round(pool, mixtures, trials, rng):
            if len(trials) > n_trials - 2:
                break
            trials[target] = trials[nontarget] = None
    if not trials:
        raise ValueError(
            f"No trials can be drawn: {n_trials} are asked for from "
            f"{len(mixtures)} mixtures and {len(pool.rows_of)} speakers. Ask "
            "for at least 2 trials, and give a speaker who is in a mixture a "
            "second utterance, and a speaker who is not in it."
        )
    return list(trials)


def _round(
    pool: SpeakerPool,
    mixtures: Sequence[Mixture],
    used: dict[Trial, None],
    rng: np.random.Generator,
) -> Iterator[tuple[Trial, Trial]]:
    """One new pair of trials for each speaker of each mixture, if there is."""
    n_sources = max((len(mixture.sources) for mixture in mixtures), default=0)
    for place in range(n_sources):
        for mixture in mixtures:
            if place >= len(mixture.sources):
                continue
            speaker = mixture.sources[place].spk_id
            enroll = _present(pool, mixture, place, used, rng)
            absent = _absent(pool, mixture, speaker, used, rng)
            if enroll is not None and absent is not None:
                yield (
                    Trial(True, enroll, mixture.id),
                    Trial(False, absent, mixture.id),
                )


def _present(
    pool: SpeakerPool,
    mixture: Mixture,
    place: int,
    used: dict[Trial, None],
    rng: np.random.Generator,
) -> str | None:
    """An enrolment of a speaker of the mixture that is not yet used."""
    source = mixture.sources[place]
    rows = pool.rows_of[source.spk_id]
    mixed = next(row for row in rows if row.id == source.utterance)
    others = [row for row in rows if row.id != mixed.id]
    across = [row for row in others if row.session != mixed.session]
    candidates = [
        row
        for row in across or others
        if Trial(True, row.id, mixture.id) not in used
    ]
    if not candidates:
        return None
    return candidates[int(rng.integers(len(candidates)))].id


def _absent(
    pool: SpeakerPool,
    mixture: Mixture,
    present: str,
    used: dict[Trial, None],
    rng: np.random.Generator,
) -> str | None:
    """An enrolment of somebody else, of the present speaker's gender."""
    absent = [name for name in pool.rows_of if name not in mixture.spk_ids]
    gender = pool.gender_of[present]
    alike = [name for name in absent if pool.gender_of[name] == gender]
    candidates = alike or absent
    for _ in range(_MAX_DRAWS if candidates else 0):
        speaker = candidates[int(rng.integers(len(candidates)))]
        enroll = pool.utterance(speaker, rng).id
        if Trial(False, enroll, mixture.id) not in used:
            return enroll
    return None
