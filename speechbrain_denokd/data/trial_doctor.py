"""Examine a trial list (the arrow ``trial list, manifest -> report``).

A wrong list gives a wrong error rate and no error message: trials of a file
with itself, speakers the system was trained on, the original list where the
cleaned one was meant. The doctor raises on none of this, it reports it.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from speechbrain_denokd.data.files import threaded_map
from speechbrain_denokd.data.manifest import Utterance, read_manifest
from speechbrain_denokd.data.trial_report import Finding, TrialReport, counted
from speechbrain_denokd.data.trial_statistics import trial_statistics
from speechbrain_denokd.data.trial_table import (
    UNKNOWN,
    TrialTable,
    join_trials,
)
from speechbrain_denokd.data.trials import (
    Trial,
    parse_trials,
    speakers_in_training,
)

# Files that a thread looks for at a time: one by one, threads cost more than
# a local disk.
_BLOCK = 500


def examine_trials(
    trials: Sequence[Trial],
    utterances: Sequence[Utterance],
    train_speakers: Iterable[str] = (),
    data_root: str | Path | None = None,
    malformed: Sequence[str] = (),
    other: Sequence[Trial] | None = None,
    check_audio: bool = True,
) -> TrialReport:
    """Look for everything that makes results on a trial list misleading.

    Arguments
    ---------
    trials : sequence of Trial
        As `parse_trials` reads them: names need not fit the manifest, both
        classes need not occur.
    utterances : sequence of Utterance
        Rows of the manifest.
    train_speakers : iterable of str
        Speakers that the system was trained on.
    data_root : str or Path, optional
        Corpus folder; see `resolve_trials`.
    malformed : sequence of str
        A clause for each line that is no trial, as `parse_trials` returns.
    other : sequence of Trial, optional
        Another list to compare with, such as the original of a cleaned one.
    check_audio : bool
        Whether the files of the utterances in use are looked for on disk.

    Returns
    -------
    TrialReport

    Example
    -------
    >>> rows = [
    ...     Utterance("u1", 2.0, "a/1.wav", 0, 32000, "a"),
    ...     Utterance("u2", 4.0, "b/1.wav", 0, 64000, "b"),
    ... ]
    >>> trials = [Trial(True, "u1", "u1"), Trial(False, "u1", "u2")]
    >>> report = examine_trials(trials, rows, check_audio=False)
    >>> [error.text for error in report.of("error")]
    ['1 of 2 trials. An utterance meets itself: u1 u1.']
    """
    lists = [trials] if other is None else [trials, other]
    table, *others = join_trials(lists, utterances, data_root)
    findings = [
        *_malformed_lines(malformed, table),
        *_one_class(table),
        *_names(table),
        *(_missing_audio(table) if check_audio else ()),
        *_contradicted_labels(table),
        *_same_file(table),
        *_duplicates(table),
        *_training_speakers(table, train_speakers),
        *_same_session(table),
        *trial_statistics(table),
    ]
    for compared in others:
        findings += _differences(table, compared)
    return TrialReport(tuple(findings))


def examine_files(
    trials: str | Path,
    manifest: str | Path,
    data_root: str | Path,
    train_manifest: str | Path | None = None,
    other: str | Path | None = None,
) -> TrialReport:
    """Read a trial list leniently and examine it.

    Arguments
    ---------
    trials : str or Path
        Trial list; malformed lines are counted.
    manifest : str or Path
        CSV file of its utterances; audio that is not there is reported.
    data_root : str or Path
        Corpus folder.
    train_manifest : str or Path, optional
        CSV file of what the system was trained on.
    other : str or Path, optional
        Another trial list to compare with.

    Returns
    -------
    TrialReport

    Raises
    ------
    FileNotFoundError
        If one of the files is not there.
    ManifestError
        If a manifest is wrong.

    Example
    -------
    >>> root = "tests/samples"
    >>> report = examine_files(
    ...     f"{root}/trials_test.txt", f"{root}/test.csv", root
    ... )
    >>> report.has_errors
    False
    """
    listed, malformed = parse_trials(trials)
    # The doctor looks for the files itself, where a manifest would raise.
    rows = read_manifest(manifest, data_root, check_audio=False)
    train_rows = []
    if train_manifest is not None:
        train_rows = read_manifest(train_manifest, data_root, check_audio=False)
    return examine_trials(
        listed,
        rows,
        {row.spk_id for row in train_rows},
        data_root,
        malformed,
        None if other is None else parse_trials(other)[0],
    )


def _malformed_lines(
    problems: Sequence[str], table: TrialTable
) -> Iterator[Finding]:
    return counted(
        "error",
        "malformed_lines",
        problems,
        table.n_trials + len(problems),
        "lines",
        "They are not 'label enroll test'",
    )


def _one_class(table: TrialTable) -> Iterator[Finding]:
    n_targets = int(table.is_target.sum())
    n_nontargets = table.n_trials - n_targets
    if not n_targets or not n_nontargets:
        yield Finding(
            "error",
            "one_class",
            f"{n_targets:,} target and {n_nontargets:,} nontarget trials. "
            "An error rate needs at least one of each.",
            {"n_targets": n_targets, "n_nontargets": n_nontargets},
        )


def _names(table: TrialTable) -> Iterator[Finding]:
    used = table.used
    name = table.names.__getitem__
    for key, offenders, sentence in (
        ("unknown_names", table.n_fits[used] == 0, "They fit no row"),
        ("ambiguous_names", table.n_fits[used] > 1, "They fit several rows"),
    ):
        yield from counted(
            "error",
            key,
            used[offenders],
            len(used),
            "names",
            f"{sentence} of the manifest",
            name,
        )


def _missing_audio(table: TrialTable) -> Iterator[Finding]:
    wavs = list(dict.fromkeys(table.rows[i].wav for i in table.used_rows))
    blocks = [wavs[i : i + _BLOCK] for i in range(0, len(wavs), _BLOCK)]
    missing = [wav for part in threaded_map(_absent, blocks) for wav in part]
    return counted(
        "error",
        "missing_audio",
        missing,
        len(wavs),
        "files",
        "They are not on disk",
    )


def _absent(wavs: Sequence[str]) -> list[str]:
    return [wav for wav in wavs if not os.path.isfile(wav)]


def _contradicted_labels(table: TrialTable) -> Iterator[Finding]:
    enroll, test = table.speaker[table.enroll], table.speaker[table.test]
    known = (enroll != UNKNOWN) & (test != UNKNOWN)
    wrong = np.flatnonzero(known & ((enroll == test) != table.is_target))

    def clause(trial: int) -> str:
        label = "target" if table.is_target[trial] else "nontarget"
        one = table.rows[table.enroll[trial]].spk_id
        two = table.rows[table.test[trial]].spk_id
        return f"{label} {table.pair_text(trial)} of {one} and {two}"

    return counted(
        "error",
        "contradicted_labels",
        wrong,
        table.n_trials,
        "trials",
        "Their labels contradict the speakers in the manifest",
        clause,
    )


def _same_file(table: TrialTable) -> Iterator[Finding]:
    itself = table.enroll == table.test
    yield from counted(
        "error",
        "same_utterance",
        np.flatnonzero(itself),
        table.n_trials,
        "trials",
        "An utterance meets itself",
        table.pair_text,
    )
    enroll, test = table.wav[table.enroll], table.wav[table.test]
    yield from counted(
        "warning",
        "same_file",
        np.flatnonzero((enroll == test) & (enroll != UNKNOWN) & ~itself),
        table.n_trials,
        "trials",
        "Two stretches of one file meet",
        table.pair_text,
    )


def _duplicates(table: TrialTable) -> Iterator[Finding]:
    pairs, first, group = np.unique(
        table.pairs, return_index=True, return_inverse=True
    )

    def count(chosen: np.ndarray) -> np.ndarray:
        return np.bincount(group[chosen], minlength=len(pairs))

    n_targets, n_nontargets = count(table.is_target), count(~table.is_target)
    yield from counted(
        "error",
        "conflicting_labels",
        np.sort(first[(n_targets > 0) & (n_nontargets > 0)]),
        len(pairs),
        "pairs",
        "They are listed with both labels",
        table.pair_text,
    )
    backward = table.enroll > table.test
    swapped = (count(backward) > 0) & (count(~backward) > 0)
    yield from counted(
        "warning",
        "swapped_trials",
        np.sort(first[swapped]),
        len(pairs),
        "pairs",
        "They are listed in both orders, so a symmetric score counts twice",
        table.pair_text,
    )
    ordered = table.enroll * len(table.names) + table.test
    earliest = np.unique(ordered, return_index=True)[1]
    repeats = np.ones(table.n_trials, dtype=bool)
    repeats[earliest] = False
    yield from counted(
        "warning",
        "repeated_trials",
        np.flatnonzero(repeats),
        table.n_trials,
        "trials",
        "They repeat an earlier trial",
        table.pair_text,
    )


def _training_speakers(
    table: TrialTable, train_speakers: Iterable[str]
) -> Iterator[Finding]:
    speakers = {table.rows[row].spk_id for row in table.used_rows}
    return counted(
        "warning",
        "training_speakers",
        speakers_in_training(speakers, train_speakers),
        len(speakers),
        "speakers",
        "The system was trained on them, so its error rates look too good",
    )


def _same_session(table: TrialTable) -> Iterator[Finding]:
    enroll, test = table.session[table.enroll], table.session[table.test]
    known = table.is_target & (enroll != UNKNOWN) & (test != UNKNOWN)
    known &= table.enroll != table.test
    same = known & (enroll == test)
    return counted(
        "warning",
        "same_session",
        np.flatnonzero(same),
        int(known.sum()),
        "target trials of known sessions",
        "Both sides share the session, so room and microphone too",
        table.pair_text,
    )


def _differences(table: TrialTable, other: TrialTable) -> Iterator[Finding]:
    """What another list has more, less or labelled otherwise."""
    here, first_here = np.unique(table.pairs, return_index=True)
    there, first_there = np.unique(other.pairs, return_index=True)
    _, at_here, at_there = np.intersect1d(
        here, there, assume_unique=True, return_indices=True
    )
    n_common = len(at_here)
    n_here, n_there = len(here) - n_common, len(there) - n_common
    yield Finding(
        "fact",
        "compared_with_the_other_list",
        f"{n_common:,} pairs in both, {n_here:,} only here, {n_there:,} only "
        "there",
        {"n_common": n_common, "n_here": n_here, "n_there": n_there},
    )
    trials = first_here[at_here]
    changed = table.is_target[trials] != other.is_target[first_there[at_there]]
    yield from counted(
        "warning",
        "labels_unlike_the_other_list",
        np.sort(trials[changed]),
        n_common,
        "common pairs",
        "Their labels differ",
        table.pair_text,
    )
