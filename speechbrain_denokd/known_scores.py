"""Scores joined with what is known of their trials: ``scores.txt -> Scored``.

A score file remembers the manifest that its speakers are in; they are needed
for intervals, for conditions and for comparing two systems.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from speechbrain_denokd.data.corpus import TrialSet
from speechbrain_denokd.data.manifest import Utterance, read_manifest
from speechbrain_denokd.data.trials import resolve_trials
from speechbrain_denokd.scoring.enrolled import resolve_enrolled
from speechbrain_denokd.scoring.enrollment import read_enrollment
from speechbrain_denokd.scoring.score_file import ScoreFile, read_scores


class Scored(NamedTuple):
    """Scores of a trial list, with all that is known of the trials.

    Attributes
    ----------
    scores : (N,) numpy.ndarray of float64
    is_target : (N,) numpy.ndarray of bool
    pairs : list of (str, str)
        Names of both sides, as the file has them.
    sides : pair of list of Utterance, optional
        Manifest rows of either side of each trial.
    is_calibrated : bool
        Whether the scores are natural log-likelihood ratios.
    """

    scores: np.ndarray
    is_target: np.ndarray
    pairs: list[tuple[str, str]]
    sides: tuple[list[Utterance], list[Utterance]] | None
    is_calibrated: bool

    @property
    def speakers(self) -> tuple[list[str], list[str]] | None:
        """Speaker of either side of each trial."""
        if self.sides is None:
            return None
        enroll, test = self.sides
        return [row.spk_id for row in enroll], [row.spk_id for row in test]


def known_trials(scores: np.ndarray, trial_set: TrialSet) -> Scored:
    """Scores of a trial set, with its manifest rows.

    Arguments
    ---------
    scores : (N,) numpy.ndarray
        Not calibrated.
    trial_set : TrialSet

    Returns
    -------
    Scored
    """
    row = {row.id: row for row in trial_set.utterances}
    trials = trial_set.trials
    return Scored(
        np.asarray(scores),
        np.array([trial.is_target for trial in trials]),
        [(trial.enroll, trial.test) for trial in trials],
        ([row[t.enroll] for t in trials], [row[t.test] for t in trials]),
        False,
    )


def score_file_of(
    source: str | Path, test: str = "test", condition: str = "full"
) -> Path:
    """The score file itself, or that of a run's folder.

    Arguments
    ---------
    source : str or Path
        File, or ``results/<method>/<setup>/<seed>``.
    test, condition : str
        Which of a run's tests, and which duration.

    Returns
    -------
    Path

    Raises
    ------
    FileNotFoundError
        If a folder holds no such scores.

    Example
    -------
    >>> score_file_of("README.md").name
    'README.md'
    """
    source = Path(source)
    if not source.is_dir():
        return source
    found = source / test / f"scores_{condition}.txt"
    if not found.is_file():
        raise FileNotFoundError(
            f"{source} holds no {test}/scores_{condition}.txt; finish that "
            "run, or choose with --test and --condition"
        )
    return found


def open_scores(
    path: str | Path, manifest: str | Path | None, data_root: str | Path
) -> Scored:
    """Read a score file, and the manifest rows of its trials if it can.

    Arguments
    ---------
    path : str or Path
    manifest : str or Path, optional
        By default what the score file remembers, if it is still there.
    data_root : str or Path
        Folder of the manifest; the remembered one goes with its own.

    Returns
    -------
    Scored

    Raises
    ------
    FileNotFoundError, ValueError
        As `read_scores`, `read_manifest` and `resolve_trials` do.
    """
    file = read_scores(path)
    if manifest is None:
        remembered = file.provenance.get("manifest")
        if remembered and Path(remembered).is_file():
            manifest = remembered
            data_root = file.provenance.get("data_root", data_root)
    sides = None if manifest is None else _sides(file, manifest, data_root)
    return Scored(
        file.scores,
        np.array([trial.is_target for trial in file.trials]),
        [(trial.enroll, trial.test) for trial in file.trials],
        sides,
        file.provenance.get("kind") == "llr",
    )


def _sides(file: ScoreFile, manifest, data_root):
    rows = read_manifest(manifest, data_root, check_audio=False)
    row = {row.id: row for row in rows}
    enrollment = file.provenance.get("enrollment")
    if enrollment is None:
        resolved = resolve_trials(file.trials, rows, data_root)
        first = {trial.enroll: trial.enroll for trial in resolved}
    else:
        resolved, models = resolve_enrolled(
            file.trials, read_enrollment(enrollment), rows, data_root
        )
        # All recordings of a model are of one speaker.
        first = {model: ids[0] for model, ids in models.items()}
    return (
        [row[first[trial.enroll]] for trial in resolved],
        [row[trial.test] for trial in resolved],
    )
