"""Verification trials: text list -> pairs of manifest IDs.

One trial per line, ``label enroll test``, as in VoxCeleb's lists; the label
is 1 or ``target`` for the same speaker, 0 or ``nontarget`` for two speakers.
"""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple, Protocol

from speechbrain_denokd.data.audio import AAC_SUFFIXES, AUDIO_SUFFIXES
from speechbrain_denokd.data.files import first_offenders, write_whole

_LABELS = {"1": True, "target": True, "0": False, "nontarget": False}


class Trial(NamedTuple):
    """One comparison of two utterances.

    Attributes
    ----------
    is_target : bool
        Whether both are of the same speaker.
    enroll, test : str
        ID or path of either side.

    Example
    -------
    >>> Trial(True, "u1", "u2").test
    'u2'
    """

    is_target: bool
    enroll: str
    test: str


class NamedAudio(Protocol):
    """What a trial can point at, such as a manifest's ``Utterance``.

    Attributes
    ----------
    id : str
        Unique name.
    wav : str
        Path of the audio file.

    Example
    -------
    >>> sorted(NamedAudio.__annotations__)
    ['id', 'wav']
    """

    id: str
    wav: str


def read_trials(path: str | Path) -> list[Trial]:
    r"""Read and validate a trial list.

    Arguments
    ---------
    path : str or Path
        Text file with ``label enroll test`` lines.

    Returns
    -------
    list of Trial
        In the file's order.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If lines are malformed (the first five are named and all counted),
        or one of the two classes has no trial.

    Example
    -------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "trials.txt"
    >>> _ = path.write_text("1 a/1.wav a/2.wav\nnontarget a/1.wav b/1.wav\n")
    >>> [trial.is_target for trial in read_trials(path)]
    [True, False]
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no trial list {path}: correct the path or make one."
        )
    trials, problems = [], []
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        if len(words) != 3:
            problems.append(f"line {number}: {len(words)} words, not 3")
        elif words[0] not in _LABELS:
            problems.append(f"line {number}: unknown label '{words[0]}'")
        else:
            # The same few utterances recur in half a million trials.
            enroll, test = map(sys.intern, words[1:])
            trials.append(Trial(_LABELS[words[0]], enroll, test))
    if problems:
        raise ValueError(
            f"{path}: {len(problems)} line(s) are not 'label enroll test' "
            "with label 1, 0, target or nontarget: "
            f"{first_offenders(problems)}. Correct these lines."
        )
    _check_both_classes(path, trials)
    return trials


def write_trials(path: str | Path, trials: Iterable[Trial]) -> None:
    r"""Write a trial list whole or not at all, with labels 1 and 0.

    Arguments
    ---------
    path : str or Path
        Text file to write.
    trials : iterable of Trial
        Trials; names must not contain white space.

    Raises
    ------
    ValueError
        If a name has white space, which separates the words of a line.

    Example
    -------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "trials.txt"
    >>> write_trials(path, [Trial(True, "u1", "u2")])
    >>> path.read_text()
    '1 u1 u2\n'
    """
    lines = []
    for trial in trials:
        for name in (trial.enroll, trial.test):
            if len(name.split()) != 1:
                raise ValueError(
                    f"The name '{name}' cannot stand in a trial list: rename "
                    "the utterance without white space."
                )
        lines.append(f"{int(trial.is_target)} {trial.enroll} {trial.test}\n")
    write_whole(path, "".join(lines))


def resolve_trials(
    trials: Sequence[Trial],
    utterances: Sequence[NamedAudio],
    data_root: str | Path | None = None,
) -> list[Trial]:
    """Replace the names in a trial list by manifest IDs.

    A name is an ID, a path as in the manifest, a path relative to
    ``data_root``, or the end of a path with any audio suffix: VoxCeleb's
    lists say ``id10270/5r0dWxy17C8/00001.wav`` for a file that may lie at
    ``vox1/test/wav/id10270/5r0dWxy17C8/00001.flac``.

    Arguments
    ---------
    trials : sequence of Trial
        As read from a list.
    utterances : sequence of Utterance
        Rows of the manifest; anything with ``id`` and ``wav`` will do.
    data_root : str or Path, optional
        Corpus folder.

    Returns
    -------
    list of Trial
        With IDs on both sides.

    Raises
    ------
    ValueError
        If names fit no row, or several: the first five, and the count.

    Example
    -------
    >>> from speechbrain_denokd.data.manifest import Utterance
    >>> rows = [
    ...     Utterance("u1", 1.0, "corpus/wav/a/1.wav", 0, 16000, "a"),
    ...     Utterance("u2", 1.0, "corpus/wav/b/1.wav", 0, 16000, "b"),
    ... ]
    >>> resolve_trials([Trial(False, "a/1.wav", "u2")], rows)
    [Trial(is_target=False, enroll='u1', test='u2')]
    """
    names = dict.fromkeys(
        name for trial in trials for name in (trial.enroll, trial.test)
    )
    exact = _exact_names(utterances, data_root)
    rest = [name for name in names if name not in exact]
    ends = _path_ends(utterances, {len(_stem_parts(name)) for name in rest})
    ids, problems = {}, []
    for name in names:
        fits = exact[name] if name in exact else ends.get(_stem_parts(name))
        if not fits:
            problems.append(f"{name} is not in the manifest")
        elif len(fits) > 1:
            problems.append(f"{name} may be {' or '.join(sorted(fits)[:3])}")
        else:
            (ids[name],) = fits
    if problems:
        raise ValueError(
            f"{len(problems)} of {len(names)} names in the trial list fit no "
            f"row of the manifest, or several: {first_offenders(problems)}. "
            "Check that list and manifest are of the same corpus."
        )
    return [
        Trial(trial.is_target, ids[trial.enroll], ids[trial.test])
        for trial in trials
    ]


def speakers_in_training(
    test_speakers: Iterable[str], train_speakers: Iterable[str]
) -> list[str]:
    """Test speakers that a system was trained on, whose trials flatter it.

    Arguments
    ---------
    test_speakers, train_speakers : iterable of str
        Speaker IDs of either side.

    Returns
    -------
    list of str
        Speakers on both sides, sorted.

    Example
    -------
    >>> speakers_in_training(["b", "a", "c"], ["c", "b", "d"])
    ['b', 'c']
    """
    return sorted(set(test_speakers) & set(train_speakers))


def _check_both_classes(path: Path, trials: Sequence[Trial]) -> None:
    """Refuse lists on which no error rate exists."""
    n_targets = sum(trial.is_target for trial in trials)
    n_nontargets = len(trials) - n_targets
    if not n_targets or not n_nontargets:
        raise ValueError(
            f"{path} has {n_targets} target and {n_nontargets} nontarget "
            "trials: an error rate needs at least one of each."
        )


def _exact_names(
    utterances: Sequence[NamedAudio], data_root: str | Path | None
) -> dict[str, set[str]]:
    """IDs by ID, by path, and by path below the corpus folder.

    An ID wins over an equal path: IDs are unique, several rows may read
    stretches of one file.
    """
    ids = {}
    for row in utterances:
        ids.setdefault(row.wav, set()).add(row.id)
        if data_root and Path(row.wav).is_relative_to(data_root):
            below = Path(row.wav).relative_to(data_root).as_posix()
            ids.setdefault(below, set()).add(row.id)
    ids.update({row.id: {row.id} for row in utterances})
    return ids


def _path_ends(
    utterances: Sequence[NamedAudio], depths: set[int]
) -> dict[tuple[str, ...], set[str]]:
    """IDs by the last parts of their paths, without audio suffix."""
    ids = {}
    for row in utterances if depths else ():
        parts = _stem_parts(Path(row.wav).as_posix())
        for depth in depths:
            ids.setdefault(parts[-depth:], set()).add(row.id)
    return ids


def _stem_parts(name: str) -> tuple[str, ...]:
    """Parts of a path, the last without its audio suffix."""
    path = PurePosixPath(name)
    if path.suffix.lower() in AUDIO_SUFFIXES + AAC_SUFFIXES:
        path = path.with_suffix("")
    return path.parts
