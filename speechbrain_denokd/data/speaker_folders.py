"""Prepare any corpus with one folder per speaker: audio files -> manifests.

The layout is ``root/<speaker>/**/<utterance>.wav`` (or FLAC, Opus, Vorbis,
MP3). The first folder below a speaker, where there is one, is the session.
"""

import logging
import random
import re
from collections.abc import Sequence
from pathlib import Path

from speechbrain_denokd.data.audio import AAC_SUFFIXES, AUDIO_SUFFIXES
from speechbrain_denokd.data.files import first_offenders
from speechbrain_denokd.data.headers import read_headers
from speechbrain_denokd.data.manifest import Utterance, write_manifest
from speechbrain_denokd.data.prepared import (
    begin_preparation,
    finish_preparation,
)
from speechbrain_denokd.data.trial_pairs import draw_trials
from speechbrain_denokd.data.trials import write_trials

_OUTPUTS = (
    "train.csv",
    "dev.csv",
    "test.csv",
    "trials_dev.txt",
    "trials_test.txt",
)

logger = logging.getLogger(__name__)


def prepare_speaker_folders(
    data_folder: str | Path,
    save_folder: str | Path,
    dev_share: float = 0.1,
    test_share: float = 0.1,
    n_trials: int = 10_000,
    sample_rate: int = 16000,
    seed: int = 0,
    n_threads: int = 8,
) -> dict[str, Path]:
    """Write manifests of a speaker-disjoint split, and trial lists.

    The outputs are ``train.csv``, ``dev.csv``, ``test.csv``,
    ``trials_dev.txt`` and ``trials_test.txt``. A second call with the same
    options returns at once; after a change of the audio delete
    ``prepared_speaker_folders.json`` in the save folder.

    Arguments
    ---------
    data_folder : str or Path
        Folder of the speaker folders; ``$data_root`` of the manifests.
    save_folder : str or Path
        Where the outputs go.
    dev_share, test_share : float
        Shares of the speakers, rounded, at least two each.
    n_trials : int
        Most trials per list, half of them targets.
    sample_rate : int
        Rate that all files must have, in Hz.
    seed : int
        Seed of the split and the trials.
    n_threads : int
        Files opened at a time.

    Returns
    -------
    dict of str to Path
        Path of every output by its file name.

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no audio in it.
    ValueError
        If there are too few speakers, files cannot be read or have another
        rate, or two files get the same ID.

    Example
    -------
    >>> import tempfile, numpy, soundfile
    >>> root, save = Path(tempfile.mkdtemp()), Path(tempfile.mkdtemp())
    >>> for name in [f"s{s}/{u}.wav" for s in range(5) for u in range(2)]:
    ...     (root / name).parent.mkdir(exist_ok=True)
    ...     soundfile.write(root / name, numpy.zeros(1600), 16000)
    >>> outputs = prepare_speaker_folders(root, save)
    >>> len(outputs["train.csv"].read_text().splitlines())
    3
    """
    options = {
        "data_folder": Path(data_folder).absolute(),
        "dev_share": dev_share,
        "test_share": test_share,
        "n_trials": n_trials,
        "sample_rate": sample_rate,
        "seed": seed,
    }
    save_folder = Path(save_folder)
    if begin_preparation(save_folder, "speaker_folders", options, _OUTPUTS):
        utterances = find_utterances(data_folder, sample_rate, n_threads)
        speakers = sorted({row.spk_id for row in utterances})
        split = _split_speakers(speakers, dev_share, test_share, seed)
        for name, chosen in split.items():
            rows = [row for row in utterances if row.spk_id in chosen]
            write_manifest(save_folder / f"{name}.csv", rows, data_folder)
            if name != "train":
                trials = draw_trials(rows, n_trials, seed)
                write_trials(save_folder / f"trials_{name}.txt", trials)
        finish_preparation(save_folder, "speaker_folders", options)
    return {name: save_folder / name for name in _OUTPUTS}


def find_utterances(
    data_folder: str | Path, sample_rate: int = 16000, n_threads: int = 8
) -> list[Utterance]:
    """List the audio files of all speaker folders as manifest rows.

    Arguments
    ---------
    data_folder : str or Path
        Folder of the speaker folders.
    sample_rate : int
        Rate that all files must have, in Hz.
    n_threads : int
        Files opened at a time.

    Returns
    -------
    list of Utterance
        Sorted by path. The ID is the path with ``--`` between its parts and
        ``_`` for white space, which would break trial lists.

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no audio in it.
    ValueError
        If files cannot be read or have another rate, or two files get the
        same ID.

    Example
    -------
    >>> import tempfile, numpy, soundfile
    >>> root = Path(tempfile.mkdtemp())
    >>> (root / "ann" / "monday").mkdir(parents=True)
    >>> path = root / "ann" / "monday" / "take 1.flac"
    >>> soundfile.write(path, numpy.zeros(1600), 16000)
    >>> [(row.id, row.session) for row in find_utterances(root)]
    [('ann--monday--take_1', 'monday')]
    """
    root = Path(data_folder)
    paths = _audio_files(root)
    headers = read_headers(
        paths, sample_rate, n_threads, description="Reading headers"
    )
    rows, problems, first = [], [], {}
    for path, header in zip(paths, headers, strict=True):
        below = path.relative_to(root)
        name = re.sub(r"\s+", "_", "--".join(below.with_suffix("").parts))
        if first.setdefault(name, path) != path:
            problems.append(f"{first[name]} and {path}")
        rows.append(
            Utterance(
                id=name,
                duration=round(header.duration, 4),
                wav=str(path),
                start=0,
                stop=header.n_samples,
                spk_id=below.parts[0],
                session=below.parts[1] if len(below.parts) > 2 else "",
            )
        )
    if problems:
        raise ValueError(
            f"{len(problems)} pairs of files would share an ID: "
            f"{first_offenders(problems)}. Rename one of each pair."
        )
    return rows


def _audio_files(root: Path) -> list[Path]:
    """Audio files below speaker folders, sorted."""
    if not root.is_dir():
        raise FileNotFoundError(
            f"There is no folder {root}: set data_folder to the folder of "
            "the speaker folders."
        )
    # Hidden files are leftovers of copies, not recordings.
    files = [
        path
        for path in sorted(root.glob("*/**/*"))
        if path.is_file() and not path.name.startswith(".")
    ]
    paths = [path for path in files if path.suffix.lower() in AUDIO_SUFFIXES]
    n_aac = sum(path.suffix.lower() in AAC_SUFFIXES for path in files)
    if not paths:
        raise FileNotFoundError(
            f"No audio ({', '.join(AUDIO_SUFFIXES)}) lies in speaker folders "
            f"below {root}, but {n_aac} AAC files: check data_folder, or "
            "convert the audio to WAV."
        )
    if n_aac:
        logger.warning(
            "%d AAC files below %s are left out: convert them to WAV.",
            n_aac,
            root,
        )
    return paths


def _split_speakers(
    speakers: Sequence[str], dev_share: float, test_share: float, seed: int
) -> dict[str, set[str]]:
    """Disjoint speakers of train, dev and test."""
    for name, share in (("dev_share", dev_share), ("test_share", test_share)):
        if not 0 < share < 1:
            raise ValueError(f"{name} is {share}: choose it between 0 and 1.")
    # Trials need two speakers on either list.
    n_dev = max(2, round(dev_share * len(speakers)))
    n_test = max(2, round(test_share * len(speakers)))
    if n_dev + n_test >= len(speakers):
        raise ValueError(
            f"{len(speakers)} speakers cannot be split into {n_dev} for dev, "
            f"{n_test} for test and at least 1 for training: add speakers or "
            "lower dev_share and test_share."
        )
    shuffled = random.Random(seed).sample(list(speakers), len(speakers))
    return {
        "dev": set(shuffled[:n_dev]),
        "test": set(shuffled[n_dev : n_dev + n_test]),
        "train": set(shuffled[n_dev + n_test :]),
    }
