"""Overlapped trials of a test: files -> mixtures, enrolments, trials.

Both kinds of list have the format of all trial lists, ``label enroll test``:

- mixture against mixture: IDs of mixtures on both sides, label 1 where they
  share a speaker;
- "is this person in the recording?": ID of an utterance, then of a mixture,
  label 1 where the speaker of the one is in the other.

Labels are held against the speakers: a list is not taken at its word.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from speechbrain_denokd.data.files import first_offenders
from speechbrain_denokd.data.manifest import Utterance, read_manifest
from speechbrain_denokd.data.trials import Trial, read_trials
from speechbrain_denokd.overlap.mixtures import (
    Mixture,
    read_mixtures,
    source_rows,
)


class MixtureTrialSet(NamedTuple):
    """Mixtures, enrolments and the comparisons to make among them.

    Attributes
    ----------
    name : str
        As shown in tables.
    enrollments : list of Utterance
        Clean utterances on the enrolment side; none where mixtures are
        compared with mixtures.
    mixtures : list of Mixture
        Those that take part in a trial.
    sources : list of Utterance
        Rows that the mixtures are made of.
    trials : list of Trial
        With IDs of utterances or mixtures on the enrolment side and of
        mixtures on the test side.

    Example
    -------
    >>> MixtureTrialSet("unseen", [], [], [], []).name
    'unseen'
    """

    name: str
    enrollments: list[Utterance]
    mixtures: list[Mixture]
    sources: list[Utterance]
    trials: list[Trial]


def read_mixture_trial_set(
    name: str,
    manifest: str | Path,
    mixtures: str | Path,
    trials: str | Path,
    data_root: str | Path,
    check_audio: bool = True,
) -> MixtureTrialSet:
    r"""Read a manifest, a list of mixtures and a trial list, and join them.

    Arguments
    ---------
    name : str
        As shown in tables.
    manifest, mixtures, trials : str or Path
        Two CSV files and a text file.
    data_root : str or Path
        Folder that ``{data_root}`` stands for.
    check_audio : bool
        Whether every file of the manifest is looked at.

    Returns
    -------
    MixtureTrialSet
        With only the utterances and mixtures that take part.

    Raises
    ------
    FileNotFoundError, ValueError
        As `read_manifest`, `read_mixtures` and `read_trials` do, or if names
        are unknown or labels contradict the speakers: the first five, and the
        count.

    Example
    -------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "test.csv").write_text(
    ...     "ID,duration,wav,start,stop,spk_id\n"
    ...     "a1,1,a1.wav,,,a\na2,1,a2.wav,,,a\nb1,1,b.wav,,,b\nc1,1,c.wav,,,c\n"
    ... )
    >>> _ = (folder / "mixtures.csv").write_text(
    ...     "ID,duration,sources,starts_s,durations_s,offsets_s,gains_db,"
    ...     "spk_ids\nm1,1.5,a1|b1,0|0,1|1,0|0.5,0|0,a|b\n"
    ... )
    >>> _ = (folder / "trials.txt").write_text("1 a2 m1\n0 c1 m1\n")
    >>> trial_set = read_mixture_trial_set(
    ...     "test",
    ...     folder / "test.csv",
    ...     folder / "mixtures.csv",
    ...     folder / "trials.txt",
    ...     folder,
    ...     check_audio=False,
    ... )
    >>> [row.id for row in trial_set.enrollments]
    ['a2', 'c1']
    """
    rows = read_manifest(manifest, data_root, check_audio)
    known = read_mixtures(mixtures, rows)
    listed = read_trials(trials)
    check_mixture_trials(listed, rows, known)
    sides = {side for trial in listed for side in trial[1:]}
    used = [mixture for mixture in known if mixture.id in sides]
    return MixtureTrialSet(
        name,
        [row for row in rows if row.id in sides],
        used,
        list(source_rows(used, rows).values()),
        listed,
    )


def check_mixture_trials(
    trials: Iterable[Trial],
    utterances: Sequence[Utterance],
    mixtures: Sequence[Mixture],
) -> None:
    """Refuse trials of unknown names, and labels that are wrong.

    Arguments
    ---------
    trials : iterable of Trial
    utterances : sequence of Utterance
        May be enrolled.
    mixtures : sequence of Mixture
        May be enrolled or tested.

    Raises
    ------
    ValueError
        If names are unknown, the same utterance is on both sides, or labels
        contradict the speakers: the first five, and the count.

    Example
    -------
    >>> rows = [Utterance("a1", 1.0, "a.wav", 0, 16000, "a")]
    >>> try:
    ...     check_mixture_trials([Trial(True, "a1", "m1")], rows, [])
    ... except ValueError as error:
    ...     print(str(error).split(".")[0])
    1 trial(s) do not fit the manifest and the mixtures: m1 is no mixture
    """
    tests = {
        mixture.id: {s.utterance: s.spk_id for s in mixture.sources}
        for mixture in mixtures
    }
    enrollments = {row.id: {row.id: row.spk_id} for row in utterances} | tests
    problems = [_problem(trial, enrollments, tests) for trial in trials]
    problems = [problem for problem in problems if problem]
    if problems:
        raise ValueError(
            f"{len(problems)} trial(s) do not fit the manifest and the "
            f"mixtures: {first_offenders(problems)}. Give the files that the "
            "list was drawn from, or draw it again."
        )


def _problem(
    trial: Trial,
    enrollments: Mapping[str, Mapping[str, str]],
    tests: Mapping[str, Mapping[str, str]],
) -> str | None:
    """What is wrong with a trial, if anything; speakers by utterance."""
    if trial.enroll not in enrollments:
        return f"{trial.enroll} is neither an utterance nor a mixture"
    if trial.test not in tests:
        return f"{trial.test} is no mixture"
    enroll, test = enrollments[trial.enroll], tests[trial.test]
    if enroll.keys() & test.keys():
        utterance = min(enroll.keys() & test.keys())
        return f"{trial.enroll} and {trial.test} share utterance {utterance}"
    shared = set(enroll.values()) & set(test.values())
    if bool(shared) != trial.is_target:
        return (
            f"{trial.enroll} and {trial.test} share "
            f"{'speaker ' + min(shared) if shared else 'no speaker'}, but the "
            f"label is {int(trial.is_target)}"
        )
    return None
