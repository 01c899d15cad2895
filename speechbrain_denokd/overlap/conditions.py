"""Conditions of overlapped trials: for error rates of parts of a trial list.

Give the result to ``metrics.conditions.rates_by_condition``.
"""

from collections.abc import Sequence

from speechbrain_denokd.data.manifest import Utterance
from speechbrain_denokd.data.trials import Trial
from speechbrain_denokd.metrics.conditions import UNKNOWN
from speechbrain_denokd.overlap.mixtures import Mixture
from speechbrain_denokd.overlap.speakers import speaker_genders


def gender_pair(genders: Sequence[str]) -> str:
    """Genders of a mixture's speakers, in alphabetical order.

    Arguments
    ---------
    genders : sequence of str
        One for each speaker, "" when unknown.

    Returns
    -------
    str
        Such as "f-m" or "m-m", with more speakers "f-f-m"; "unknown" where
        any is.

    Example
    -------
    >>> gender_pair(["m", "f"]), gender_pair(["m", ""])
    ('f-m', 'unknown')
    """
    return "-".join(sorted(genders)) if all(genders) else UNKNOWN


def overlap_percent(overlap: float) -> str:
    """Overlap ratio to the nearest 5 %, as a condition's label.

    Arguments
    ---------
    overlap : float
        From 0 to 1.

    Returns
    -------
    str

    Example
    -------
    >>> overlap_percent(0.7501)
    '75 %'
    """
    return f"{5 * round(20 * overlap)} %"


def mixture_conditions(
    trials: Sequence[Trial],
    mixtures: Sequence[Mixture],
    utterances: Sequence[Utterance],
) -> dict[str, list[str]]:
    """Gender pair and overlap ratio of each trial's mixtures.

    Arguments
    ---------
    trials : (N,) sequence of Trial
        With a mixture on one side or on both.
    mixtures : sequence of Mixture
        At least those of the trials.
    utterances : sequence of Utterance
        Rows that know the speakers' genders.

    Returns
    -------
    dict of str to (N,) list of str
        ``gender`` and ``overlap``; of two mixtures that differ, both labels
        with " / " between them.

    Raises
    ------
    ValueError
        If a trial has no mixture on either side.

    Example
    -------
    >>> from speechbrain_denokd.overlap.mixtures import Source
    >>> rows = [
    ...     Utterance("u1", 1.0, "1.wav", 0, 16000, "ann", gender="f"),
    ...     Utterance("u2", 1.0, "2.wav", 0, 16000, "bob", gender="m"),
    ... ]
    >>> sources = [Source(r.id, r.spk_id, 0.0, 1.0, 0.0, 0.0) for r in rows]
    >>> mixture = Mixture("m1", 1.0, tuple(sources))
    >>> mixture_conditions([Trial(True, "u1", "m1")], [mixture], rows)
    {'gender': ['f-m'], 'overlap': ['100 %']}
    """
    gender_of = speaker_genders(utterances)
    labels = {
        mixture.id: (
            gender_pair([gender_of.get(name, "") for name in mixture.spk_ids]),
            overlap_percent(mixture.overlap),
        )
        for mixture in mixtures
    }
    conditions = {"gender": [], "overlap": []}
    for trial in trials:
        sides = [labels[side] for side in trial[1:] if side in labels]
        if not sides:
            raise ValueError(
                f"Neither {trial.enroll} nor {trial.test} is one of "
                f"{len(labels)} mixtures: give the list the trials are of."
            )
        for values, of_sides in zip(
            conditions.values(), zip(*sides, strict=True), strict=True
        ):
            values.append(" / ".join(dict.fromkeys(of_sides)))
    return conditions
