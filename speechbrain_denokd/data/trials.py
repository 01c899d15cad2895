"""Verification trials: text list -> pairs of manifest IDs.

One trial per line, ``label enroll test``, as in VoxCeleb's lists; the label
is 1 or ``target`` for the same speaker, 0 or ``nontarget`` for two speakers.
"""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Protocol

from speechbrain_denokd.data.audio import AAC_SUFFIXES, AUDIO_SUFFIXES
from speechbrain_denokd.data.files import first_offenders, write_whole

TRIAL_LABELS = MappingProxyType(
    {"1": True, "target": True, "0": False, "nontarget": False}
)
_SUFFIXES = frozenset(AUDIO_SUFFIXES + AAC_SUFFIXES)


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
    trials, problems = parse_trials(path)
    if problems:
        raise ValueError(
            f"{path}: {len(problems)} line(s) are not 'label enroll test' "
            "with label 1, 0, target or nontarget: "
            f"{first_offenders(problems)}. Correct these lines."
        )
    _check_both_classes(path, trials)
    return trials


def parse_trials(path: str | Path) -> tuple[list[Trial], list[str]]:
    r"""Read what can be read of a trial list, and note what cannot.

    Arguments
    ---------
    path : str or Path
        Text file with ``label enroll test`` lines.

    Returns
    -------
    trials : list of Trial
        Of the well-formed lines, in the file's order; perhaps of one class.
    problems : list of str
        A clause for each malformed line.

    Raises
    ------
    FileNotFoundError
        If there is no such file.

    Example
    -------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "trials.txt"
    >>> _ = path.write_text("1 a/1.wav a/2.wav\na/1.wav b/1.wav\n")
    >>> parse_trials(path)[1]
    ['line 2: 2 words, not 3']
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
        elif words[0] not in TRIAL_LABELS:
            problems.append(f"line {number}: unknown label '{words[0]}'")
        else:
            # The same few utterances recur in half a million trials.
            enroll, test = map(sys.intern, words[1:])
            trials.append(Trial(TRIAL_LABELS[words[0]], enroll, test))
    return trials, problems


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
    write_whole(path, trials_text(trials))


def trials_text(trials: Iterable[Trial]) -> str:
    r"""Lines of a trial list, as `write_trials` writes them.

    Arguments
    ---------
    trials : iterable of Trial
        Trials; names must not contain white space.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If a name has white space, which separates the words of a line.

    Example
    -------
    >>> trials_text([Trial(False, "u1", "u2")])
    '0 u1 u2\n'
    """
    trials = list(trials)
    for name in dict.fromkeys(name for trial in trials for name in trial[1:]):
        if len(name.split()) != 1:
            raise ValueError(
                f"The name '{name}' cannot stand in a trial list: rename "
                "the utterance without white space."
            )
    return "".join(
        f"{int(is_target)} {enroll} {test}\n"
        for is_target, enroll, test in trials
    )


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
    names = match_names(
        (name for trial in trials for name in trial[1:]),
        utterances,
        data_root,
    )
    ids, problems = {}, []
    for name, fits in names.items():
        if not fits:
            problems.append(f"{name} is not in the manifest")
        elif len(fits) > 1:
            problems.append(f"{name} may be {' or '.join(fits[:3])}")
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


def match_names(
    names: Iterable[str],
    utterances: Sequence[NamedAudio],
    data_root: str | Path | None = None,
) -> dict[str, list[str]]:
    """Manifest IDs that each name may mean: none, one or several.

    Arguments
    ---------
    names : iterable of str
        As in a trial list; see `resolve_trials`.
    utterances : sequence of Utterance
        Rows of the manifest; anything with ``id`` and ``wav`` will do.
    data_root : str or Path, optional
        Corpus folder.

    Returns
    -------
    dict of str to list of str
        Sorted IDs by name, each name once, in the order of ``names``.

    Example
    -------
    >>> from speechbrain_denokd.data.manifest import Utterance
    >>> rows = [Utterance("u1", 1.0, "corpus/a/1.wav", 0, 16000, "a")]
    >>> match_names(["a/1.flac", "a/2.flac"], rows)
    {'a/1.flac': ['u1'], 'a/2.flac': []}
    """
    names = dict.fromkeys(names)
    exact = _exact_names(utterances, data_root)
    rest = {name: _stem_parts(name) for name in names if name not in exact}
    ends = _path_ends(utterances, {len(parts) for parts in rest.values()})
    return {
        name: sorted(ends.get(rest[name], ()) if name in rest else exact[name])
        for name in names
    }


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
    root = _parts(str(data_root)) if data_root else None
    for row in utterances:
        ids.setdefault(row.wav, set()).add(row.id)
        parts = () if root is None else _parts(row.wav)
        if parts and parts[: len(root)] == root:
            below = "/".join(parts[len(root) :])
            ids.setdefault(below, set()).add(row.id)
    ids.update({row.id: {row.id} for row in utterances})
    return ids


def _path_ends(
    utterances: Sequence[NamedAudio], depths: set[int]
) -> dict[tuple[str, ...], set[str]]:
    """IDs by the last parts of their paths, without audio suffix."""
    ids = {}
    for row in utterances if depths else ():
        parts = _stem_parts(row.wav)
        for depth in depths:
            ids.setdefault(parts[-depth:], set()).add(row.id)
    return ids


def _stem_parts(name: str) -> tuple[str, ...]:
    """Parts of a path, the last without its audio suffix."""
    parts = _parts(name)
    stem, dot, suffix = parts[-1].rpartition(".") if parts else ("", "", "")
    if stem and dot + suffix.lower() in _SUFFIXES:
        parts = (*parts[:-1], stem)
    return parts


def _parts(path: str) -> tuple[str, ...]:
    """Parts of a path as pathlib has them, which is 5 times as slow."""
    parts = path.replace(os.sep, "/").split("/")
    root = ("/",) if not parts[0] and len(parts) > 1 else ()
    return (*root, *(part for part in parts if part not in ("", ".")))
