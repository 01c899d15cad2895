"""Trials of enrolled models: several recordings against one (``-> scores``).

A model's recordings are pooled as its scorer says: unit vectors are averaged
for the cosine, recordings are averaged and counted for PLDA (by the book),
unit vectors are added for PSDA.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from speechbrain_denokd.data.manifest import Utterance
from speechbrain_denokd.data.trials import Trial, resolve_trials
from speechbrain_denokd.scoring.enrollment import pool_models
from speechbrain_denokd.scoring.norm import cohort_statistics, normalise
from speechbrain_denokd.scoring.pairs import index_trials, score_pairs
from speechbrain_denokd.scoring.scored import TrialScores
from speechbrain_denokd.scoring.system import ScoringSystem


def resolve_enrolled(
    trials: Sequence[Trial],
    enrollment: Mapping[str, Sequence[str]],
    utterances: Sequence[Utterance],
    data_root: str | None = None,
) -> tuple[list[Trial], dict[str, list[str]]]:
    """Replace names of recordings by manifest IDs; models keep their names.

    Arguments
    ---------
    trials : sequence of Trial
        A model on the enrolment side, a recording on the test side.
    enrollment : mapping of str to sequence of str
        Recordings of each model.
    utterances : sequence of Utterance
        Rows of the manifest.
    data_root : str, optional

    Returns
    -------
    trials : list of Trial
    enrollment : dict of str to list of str

    Raises
    ------
    ValueError
        If a model of the trials is not enrolled, or as `resolve_trials`.

    Example
    -------
    >>> rows = [Utterance(f"u{n}", 1.0, f"c/{n}.wav", 0, None, "a")
    ...         for n in range(3)]
    >>> resolve_enrolled(
    ...     [Trial(True, "ann", "2.wav")], {"ann": ["0.wav", "1.wav"]}, rows
    ... )[1]
    {'ann': ['u0', 'u1']}
    """
    unknown = {t.enroll for t in trials if t.enroll not in enrollment}
    if unknown:
        raise ValueError(
            f"{len(unknown)} models of the trials are not enrolled (first: "
            f"{min(unknown)!r}); add a line for each to the enrolment list"
        )
    names = dict.fromkeys(
        [name for group in enrollment.values() for name in group]
    )
    names |= dict.fromkeys([trial.test for trial in trials])
    pairs = [Trial(True, name, name) for name in names]
    resolved = resolve_trials(pairs, utterances, data_root)
    ids = dict(zip(names, (pair.enroll for pair in resolved), strict=True))
    return (
        [trial._replace(test=ids[trial.test]) for trial in trials],
        {model: [ids[n] for n in group] for model, group in enrollment.items()},
    )


def score_enrolled(
    system: ScoringSystem,
    embeddings: Mapping[str, np.ndarray],
    enrollment: Mapping[str, Sequence[str]],
    trials: Sequence[Trial],
) -> TrialScores:
    """Score trials whose enrolment side is a model of several recordings.

    Arguments
    ---------
    system : ScoringSystem
    embeddings : mapping of str to (D,) numpy.ndarray
        By utterance ID, as the encoder returns them.
    enrollment : mapping of str to sequence of str
        Utterances of each model.
    trials : (N,) sequence of Trial

    Returns
    -------
    TrialScores

    Raises
    ------
    ValueError
        If an utterance has no embedding, or the calibration depends on
        qualities, which are defined for pairs of recordings.

    Example
    -------
    >>> from speechbrain_denokd.scoring.backend import cosine_backend
    >>> system = ScoringSystem(cosine_backend(centre=False))
    >>> embeddings = {"a": np.array([1.0, 0]), "b": np.array([0, 2.0]),
    ...               "c": np.array([3.0, 3.0])}
    >>> score_enrolled(
    ...     system, embeddings, {"m": ["a", "b"]}, [Trial(True, "m", "c")]
    ... ).raw.round(6).tolist()
    [1.0]
    """
    calibration = system.calibration
    if calibration is not None and calibration.quality_names:
        raise ValueError(
            f"the calibration depends on {list(calibration.quality_names)}, "
            "which are defined for pairs of recordings; calibrate without "
            "--quality to score models of several"
        )
    models = pool_models(system.backend, embeddings, enrollment)
    tests = list(dict.fromkeys(trial.test for trial in trials))
    missing = [name for name in tests if name not in embeddings]
    if missing:
        raise ValueError(
            f"{len(missing)} utterances of the trials have no embedding "
            f"(first: {missing[0]!r}); extract them all before scoring"
        )
    prepared = system.backend.transform(
        np.stack([embeddings[name] for name in tests])
    )
    # A model may have the name of a recording: the two sides are apart.
    names = [f"model {name}" for name in models.names]
    enroll, test, _ = index_trials(
        names + [f"test {name}" for name in tests],
        [
            Trial(t.is_target, f"model {t.enroll}", f"test {t.test}")
            for t in trials
        ],
    )
    raw = score_pairs(
        system.backend.scorer,
        np.concatenate([models.vectors, prepared]),
        enroll,
        test,
        models.n_recordings[enroll],
    )
    of_sides = (None, None)
    if system.cohort is not None:
        scorer, top_n = system.backend.scorer, system.norm.top_n
        cohort = system.backend.transform(system.cohort.embeddings)
        of_models = cohort_statistics(
            scorer, models.vectors, cohort, top_n, n_enroll=models.n_recordings
        )
        of_tests = cohort_statistics(
            scorer, prepared, cohort, top_n, side="test"
        )
        of_sides = of_models.take(enroll), of_tests.take(test - len(names))
    normalised = normalise(raw, *of_sides, system.norm.kind)
    llr = None if calibration is None else calibration.llr(normalised)
    return TrialScores(raw, normalised, llr)
