"""Prepare LibriSpeech: the corpus as distributed -> manifests, trial lists.

The archives unpack to ``LibriSpeech/<part>/<speaker>/<chapter>/``
``<speaker>-<chapter>-<number>.flac`` and ``LibriSpeech/SPEAKERS.TXT``, which
knows the genders. A chapter, read in one go, is a session.

Source: V. Panayotov et al., "LibriSpeech: an ASR corpus based on public
domain audio books", ICASSP 2015. Nothing is downloaded.
"""

import logging
from collections.abc import Mapping, Sequence
from itertools import chain, zip_longest
from pathlib import Path
from types import MappingProxyType

import numpy as np

from speechbrain_denokd.data.files import first_offenders
from speechbrain_denokd.data.headers import read_headers
from speechbrain_denokd.data.manifest import Utterance, write_manifest
from speechbrain_denokd.data.prepared import (
    begin_preparation,
    finish_preparation,
)
from speechbrain_denokd.data.trial_pairs import draw_trials
from speechbrain_denokd.data.trials import write_trials

# Speakers of each part, from the paper's Table 1.
N_SPEAKERS = MappingProxyType(
    {
        "train-clean-100": 251,
        "train-clean-360": 921,
        "train-other-500": 1166,
        "dev-clean": 40,
        "dev-other": 33,
        "test-clean": 40,
        "test-other": 33,
    }
)

# Held out of a speaker at least, so that a trial pairs two of them.
_FEWEST_SEEN = 2

logger = logging.getLogger(__name__)


def prepare_librispeech(
    data_folder: str | Path,
    save_folder: str | Path,
    train_parts: Sequence[str] = ("train-clean-100",),
    dev_parts: Sequence[str] = ("dev-clean", "dev-other"),
    test_parts: Sequence[str] = ("test-clean", "test-other"),
    seen_share: float = 0.05,
    n_trials: int = 10_000,
    seed: int = 0,
    n_threads: int = 8,
) -> dict[str, Path]:
    """Write manifests and trial lists of LibriSpeech.

    The outputs are ``train.csv``, ``seen.csv`` (utterances of training
    speakers that are not trained on), ``dev.csv``, ``test.csv`` and, for each
    but the first, a trial list such as ``trials_test.txt``. A second call with
    the same options returns at once; delete ``prepared_librispeech.json`` in
    the save folder after a change of the audio.

    Arguments
    ---------
    data_folder : str or Path
        The folder ``LibriSpeech``, or the one that it lies in;
        ``$data_root`` of the manifests.
    save_folder : str or Path
        Where the outputs go.
    train_parts, dev_parts, test_parts : sequence of str
        Names of the corpus's parts; none in two of them. Without dev or test
        parts there are no such outputs: MIRNet's paper tests on all four.
    seen_share : float
        Share of each training speaker's utterances that is held out, at
        least two, over as many chapters as possible.
    n_trials : int
        Most trials per list, half of them targets.
    seed : int
        Seed of the held-out utterances and of the trials.
    n_threads : int
        Files opened at a time.

    Returns
    -------
    dict of str to Path
        Path of every output by its file name.

    Raises
    ------
    FileNotFoundError
        If the corpus, one of the parts or ``SPEAKERS.TXT`` is missing.
    ValueError
        If a part is unknown or named twice, nothing is trained on, a speaker
        has no gender or too few utterances to hold any out, or files cannot
        be read.

    Example
    -------
    >>> try:
    ...     prepare_librispeech("nowhere", "save", train_parts=["train-100"])
    ... except ValueError as error:
    ...     print(str(error).split(":")[0])
    LibriSpeech has no part train-100
    """
    splits = {"train": train_parts, "dev": dev_parts, "test": test_parts}
    _check_parts(list(chain.from_iterable(splits.values())))
    if not train_parts:
        raise ValueError("train_parts is empty: name a part to train on.")
    if not 0 < seen_share < 1:
        raise ValueError(
            f"seen_share is {seen_share}: choose it between 0 and 1."
        )
    options = {
        "data_folder": Path(data_folder).absolute(),
        **{f"{name}_parts": parts for name, parts in splits.items()},
        "seen_share": seen_share,
        "n_trials": n_trials,
        "seed": seed,
    }
    splits = {name: parts for name, parts in splits.items() if parts}
    outputs = [f"{name}.csv" for name in (*splits, "seen")]
    outputs += [f"trials_{name}.txt" for name in (*splits, "seen")][1:]
    save_folder = Path(save_folder)
    if begin_preparation(save_folder, "librispeech", options, outputs):
        rows = {
            name: find_librispeech(data_folder, parts, n_threads)
            for name, parts in splits.items()
        }
        rows["train"], rows["seen"] = hold_out(rows["train"], seen_share, seed)
        for name, part in rows.items():
            write_manifest(save_folder / f"{name}.csv", part, data_folder)
            if name != "train":
                trials = draw_trials(part, n_trials, seed)
                write_trials(save_folder / f"trials_{name}.txt", trials)
        finish_preparation(save_folder, "librispeech", options)
    return {name: save_folder / name for name in outputs}


def find_librispeech(
    data_folder: str | Path, parts: Sequence[str], n_threads: int = 8
) -> list[Utterance]:
    """List the utterances of parts of LibriSpeech as manifest rows.

    Arguments
    ---------
    data_folder : str or Path
        The folder ``LibriSpeech``, or the one that it lies in.
    parts : sequence of str
        Such as "train-clean-100".
    n_threads : int
        Files opened at a time.

    Returns
    -------
    list of Utterance
        Sorted by path within each part; sessions are chapters, genders "f"
        and "m".

    Raises
    ------
    FileNotFoundError
        If the corpus, one of the parts or ``SPEAKERS.TXT`` is missing.
    ValueError
        If a part is unknown, a speaker has no gender, or files cannot be
        read.

    Example
    -------
    >>> import tempfile, numpy, soundfile
    >>> root = Path(tempfile.mkdtemp()) / "LibriSpeech"
    >>> (root / "dev-clean" / "84" / "121123").mkdir(parents=True)
    >>> path = root / "dev-clean" / "84" / "121123" / "84-121123-0000.flac"
    >>> soundfile.write(path, numpy.zeros(1600), 16000)
    >>> _ = (root / "SPEAKERS.TXT").write_text("84 | F | dev-clean | 8 | A B")
    >>> find_librispeech(root, ["dev-clean"])[0].gender
    'f'
    """
    _check_parts(parts)
    root = _root(Path(data_folder))
    genders = read_genders(root / "SPEAKERS.TXT")
    paths = [path for part in parts for path in _audio_of(root, part)]
    speakers = {path.parts[-3] for path in paths}
    unknown = sorted(speakers - set(genders))
    if unknown:
        raise ValueError(
            f"{len(unknown)} speakers are not in {root / 'SPEAKERS.TXT'} "
            f"(first: {unknown[0]}): copy that file of the same release."
        )
    headers = read_headers(
        paths, n_threads=n_threads, description="Reading headers"
    )
    return [
        Utterance(
            id=path.stem,
            duration=round(header.duration, 4),
            wav=str(path),
            start=0,
            stop=header.n_samples,
            spk_id=path.parts[-3],
            session=path.parts[-2],
            gender=genders[path.parts[-3]],
        )
        for path, header in zip(paths, headers, strict=True)
    ]


def read_genders(path: str | Path) -> dict[str, str]:
    r"""Read the genders of LibriSpeech's speakers.

    Arguments
    ---------
    path : str or Path
        ``SPEAKERS.TXT``: lines ``ID | SEX | SUBSET | MINUTES | NAME``, and
        comments that begin with a semicolon.

    Returns
    -------
    dict of str to str
        "f" or "m" by speaker.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If lines are malformed: the first five, and the count.

    Example
    -------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "SPEAKERS.TXT"
    >>> _ = path.write_text("; comment\n14   | F | train-clean-360 | 25 | X\n")
    >>> read_genders(path)
    {'14': 'f'}
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no {path}, which knows the genders: unpack an archive "
            "of LibriSpeech again."
        )
    genders, problems = {}, []
    text = path.read_text(encoding="utf-8-sig")
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith(";"):
            continue
        speaker, sex, *_ = [w.strip() for w in line.split("|")] + [""]
        if not speaker or sex not in ("F", "M"):
            problems.append(f"line {number}: '{line}'")
        genders[speaker] = sex.lower()
    if problems:
        raise ValueError(
            f"{path}: {len(problems)} line(s) are not 'ID | F or M | ...': "
            f"{first_offenders(problems)}. Correct these lines."
        )
    return genders


def hold_out(
    utterances: Sequence[Utterance], share: float, seed: int = 0
) -> tuple[list[Utterance], list[Utterance]]:
    """Take some utterances of every speaker out of training.

    Arguments
    ---------
    utterances : sequence of Utterance
    share : float
        Share of each speaker's utterances, rounded, at least two.
    seed : int

    Returns
    -------
    train, seen : list of Utterance
        In the order of ``utterances``; the sessions of a speaker take turns
        in what is held out.

    Raises
    ------
    ValueError
        If a speaker has too few utterances to keep any in training.

    Example
    -------
    >>> rows = [
    ...     Utterance(f"u{n}", 1.0, "x", 0, 16000, "ann", session=str(n // 4))
    ...     for n in range(8)
    ... ]
    >>> train, seen = hold_out(rows, share=0.25)
    >>> len(train), [row.session for row in seen]
    (6, ['0', '1'])
    """
    rng = np.random.default_rng(seed)
    by_speaker: dict[str, dict[str, list[Utterance]]] = {}
    for row in utterances:
        sessions = by_speaker.setdefault(row.spk_id, {})
        sessions.setdefault(row.session, []).append(row)
    held_out, too_few = set(), []
    for speaker, sessions in by_speaker.items():
        n_rows = sum(map(len, sessions.values()))
        n_seen = max(_FEWEST_SEEN, round(share * n_rows))
        if n_seen >= n_rows:
            too_few.append(f"{speaker} has {n_rows}")
        held_out.update(row.id for row in _in_turns(sessions, rng)[:n_seen])
    if too_few:
        raise ValueError(
            f"{len(too_few)} speakers have too few utterances to hold out a "
            f"share of {share:g}, at least {_FEWEST_SEEN}: "
            f"{first_offenders(too_few)}. Drop them or lower the share."
        )
    return (
        [row for row in utterances if row.id not in held_out],
        [row for row in utterances if row.id in held_out],
    )


def _in_turns(
    sessions: Mapping[str, Sequence[Utterance]], rng: np.random.Generator
) -> list[Utterance]:
    """All utterances in random order, one of each session after the other."""
    names = list(sessions)
    shuffled = [
        [
            sessions[names[i]][k]
            for k in rng.permutation(len(sessions[names[i]]))
        ]
        for i in rng.permutation(len(names))
    ]
    turns = chain.from_iterable(zip_longest(*shuffled))
    return [row for row in turns if row is not None]


def _check_parts(parts: Sequence[str]) -> None:
    """Refuse parts that do not exist, and speakers on two sides."""
    for part in parts:
        if part not in N_SPEAKERS:
            raise ValueError(
                f"LibriSpeech has no part {part}: use {', '.join(N_SPEAKERS)}."
            )
        if parts.count(part) > 1:
            raise ValueError(
                f"{part} is named twice: its speakers would be on both sides."
            )


def _root(folder: Path) -> Path:
    """The folder of the parts."""
    below = folder / "LibriSpeech"
    root = below if below.is_dir() else folder
    if not root.is_dir():
        raise FileNotFoundError(
            f"There is no folder {folder}: set data_folder to where "
            "LibriSpeech is unpacked."
        )
    return root


def _audio_of(root: Path, part: str) -> list[Path]:
    """Audio files of a part, sorted; a warning where speakers are missing."""
    # Hidden files are leftovers of copies, not recordings.
    paths = [
        path
        for path in sorted((root / part).glob("*/*/*.flac"))
        if not path.name.startswith(".")
    ]
    if not paths:
        raise FileNotFoundError(
            f"No audio of {part} (speaker/chapter/*.flac) lies below "
            f"{root / part}: unpack it there or leave the part out."
        )
    n_found = len({path.parts[-3] for path in paths})
    if n_found != N_SPEAKERS[part]:
        logger.warning(
            "%s has %d speakers here, LibriSpeech's has %d: no result on this "
            "copy is a LibriSpeech result.",
            part,
            n_found,
            N_SPEAKERS[part],
        )
    return paths
