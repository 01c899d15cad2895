"""Prepare VoxCeleb: the corpus as distributed -> manifests and trial lists.

Source: A. Nagrani et al., "VoxCeleb: a large-scale speaker identification
dataset", Interspeech 2017; J. S. Chung et al., "VoxCeleb2: Deep speaker
recognition", Interspeech 2018. Nothing is downloaded: the audio and the trial
lists come from the VoxCeleb web page.
"""

import logging
import os
import random
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from speechbrain_denokd.data.aac import convert_aac
from speechbrain_denokd.data.audio import ffmpeg_command
from speechbrain_denokd.data.headers import read_headers
from speechbrain_denokd.data.manifest import Utterance, write_manifest
from speechbrain_denokd.data.other_tests import (
    OTHER_TESTS,
    find_other_recordings,
    read_other_list,
)
from speechbrain_denokd.data.prepared import (
    begin_preparation,
    finish_preparation,
)
from speechbrain_denokd.data.trial_pairs import draw_trials
from speechbrain_denokd.data.trials import (
    Trial,
    resolve_trials,
    speakers_in_training,
    write_trials,
)
from speechbrain_denokd.data.voxceleb_files import (
    N_SPEAKERS,
    Recording,
    find_recordings,
    warn_if_incomplete,
)
from speechbrain_denokd.data.voxceleb_lists import (
    TRIAL_LISTS,
    read_official_list,
)
from speechbrain_denokd.data.voxceleb_tests import title_of

__all__ = ["TRIAL_LISTS", "prepare_voxceleb"]

VALIDATION = ("held_out", "vox2_test", "O")

logger = logging.getLogger(__name__)


def prepare_voxceleb(
    data_folder: str | Path,
    save_folder: str | Path,
    trials_folder: str | Path | None = None,
    train_parts: Sequence[str] = ("vox2_dev",),
    trial_lists: Sequence[str] = ("O", "E", "H"),
    validation: str = "held_out",
    n_valid_speakers: int = 40,
    n_valid_trials: int = 20_000,
    convert_m4a: bool = False,
    seed: int = 0,
    n_threads: int = 8,
) -> dict[str, Path]:
    """Write manifests and trial lists of VoxCeleb1 and 2.

    The outputs are ``train.csv``, ``dev.csv``, ``trials_dev.txt`` and, per
    list, ``test_O.csv`` and ``trials_test_O.txt``. Sessions are videos. A
    second call with the same options returns at once; delete
    ``prepared_voxceleb.json`` in the save folder after a change of the audio.

    Arguments
    ---------
    data_folder : str or Path
        Where VoxCeleb is unpacked; ``$data_root`` of the manifests.
    save_folder : str or Path
        Where the outputs go.
    trials_folder : str or Path, optional
        Where the official lists are; ``data_folder`` by default.
    train_parts : sequence of str
        Parts to train on: "vox2_dev", "vox1_dev", "vox2_test".
    trial_lists : sequence of str
        Test lists, keys of ``TRIAL_LISTS`` or names of ``OTHER_TESTS``.
    validation : str
        "held_out" takes speakers out of training, "vox2_test" draws trials
        from VoxCeleb2's test part and keeps all speakers in training, and
        "O" validates on Vox1-O: choose no model by it that is reported on it.
    n_valid_speakers, n_valid_trials : int
        Speakers held out, and trials drawn for validation.
    convert_m4a : bool
        Convert VoxCeleb2's AAC files with ffmpeg, beside the originals.
    seed : int
        Seed of the held-out speakers and the drawn trials.
    n_threads : int
        Files worked on at a time.

    Returns
    -------
    dict of str to Path
        Path of every output by its file name.

    Raises
    ------
    FileNotFoundError
        If folders, parts of the corpus, lists or ffmpeg are missing.
    ValueError
        If AAC files are not converted, a list has the wrong number of
        trials, trials name absent audio, files cannot be read, or an option
        is not known.

    Example
    -------
    >>> try:
    ...     prepare_voxceleb("nowhere", "results", validation="E")
    ... except ValueError as error:
    ...     print(error)
    validation is E: use one of held_out, vox2_test, O.
    """
    _check_names("validation", [validation], VALIDATION)
    _check_names("train_parts", train_parts, N_SPEAKERS)
    _check_names("trial_lists", trial_lists, (*TRIAL_LISTS, *OTHER_TESTS))
    options = {
        "data_folder": Path(data_folder).absolute(),
        "trials_folder": Path(trials_folder or data_folder).absolute(),
        "train_parts": train_parts,
        "trial_lists": trial_lists,
        "validation": validation,
        "n_valid_speakers": n_valid_speakers,
        "n_valid_trials": n_valid_trials,
        "seed": seed,
    }
    lists = dict.fromkeys(trial_lists)
    outputs = ["train.csv", "dev.csv", "trials_dev.txt"]
    outputs += [f"test_{name}.csv" for name in lists]
    outputs += [f"trials_test_{name}.txt" for name in lists]
    save_folder = Path(save_folder)
    if begin_preparation(save_folder, "voxceleb", options, outputs):
        recordings = find_recordings(data_folder, n_threads)
        # Lists first: a wrong one is found before a million files are opened.
        if validation == "O":
            lists["O"] = None
        tests = {}
        for name in lists:
            lists[name], tests[name] = _test(
                name, recordings, data_folder, trials_folder or data_folder
            )
        train, dev = _split(
            recordings, train_parts, validation, n_valid_speakers, seed
        )
        _warn_about_test_speakers(tests, train)
        dev = tests["O"] if validation == "O" else dev
        utterances = _measure(
            [train, dev, *tests.values()], convert_m4a, n_threads
        )
        _write_manifests(
            save_folder,
            {"train": train, "dev": dev}
            | {f"test_{name}": tests[name] for name in trial_lists},
            utterances,
            data_folder,
        )
        if validation == "O":
            drawn = lists["O"]
        else:
            drawn = draw_trials(
                [utterances[row.id] for row in dev], n_valid_trials, seed
            )
        write_trials(save_folder / "trials_dev.txt", drawn)
        for name in trial_lists:
            write_trials(save_folder / f"trials_test_{name}.txt", lists[name])
        finish_preparation(save_folder, "voxceleb", options)
    return {name: save_folder / name for name in outputs}


def _check_names(
    option: str, names: Iterable[str], known: Iterable[str]
) -> None:
    """Refuse names that mean nothing."""
    for name in names:
        if name not in known:
            raise ValueError(
                f"{option} is {name}: use one of {', '.join(known)}."
            )


def _test(
    name: str,
    recordings: Sequence[Recording],
    data_folder: str | Path,
    trials_folder: str | Path,
) -> tuple[list[Trial], list[Recording]]:
    """Trials of a list by ID, and the recordings that occur in them."""
    if name in OTHER_TESTS:
        official = read_other_list(name, data_folder, trials_folder)
        recordings = find_other_recordings(
            name, data_folder, official, recordings
        )
    else:
        official = read_official_list(name, trials_folder)
    trials = resolve_trials(official, recordings)
    used = {side for trial in trials for side in trial[1:]}
    return trials, [row for row in recordings if row.id in used]


def _split(
    recordings: Sequence[Recording],
    train_parts: Sequence[str],
    validation: str,
    n_valid_speakers: int,
    seed: int,
) -> tuple[list[Recording], list[Recording]]:
    """Recordings to train on, and those for validation trials."""
    parts = [
        *train_parts,
        *(["vox2_test"] if validation == "vox2_test" else []),
    ]
    present = {row.part for row in recordings}
    for part in parts:
        if part not in present:
            raise FileNotFoundError(
                f"No recordings of {part} were found, only of "
                f"{', '.join(sorted(present))}: unpack it below data_folder "
                "or choose other train_parts and validation."
            )
    warn_if_incomplete(recordings, parts)
    train = [row for row in recordings if row.part in train_parts]
    if validation != "held_out":
        dev = [row for row in recordings if row.part == validation]
        return train, dev
    speakers = sorted({row.spk_id for row in train})
    if not 2 <= n_valid_speakers < len(speakers):
        raise ValueError(
            f"n_valid_speakers is {n_valid_speakers}, but validation needs "
            f"at least 2 and training has {len(speakers)} speakers: choose a "
            "number between."
        )
    held_out = set(random.Random(seed).sample(speakers, n_valid_speakers))
    dev = [row for row in train if row.spk_id in held_out]
    return [row for row in train if row.spk_id not in held_out], dev


def _warn_about_test_speakers(
    tests: Mapping[str, Sequence[Recording]], train: Sequence[Recording]
) -> None:
    """Warn about lists whose speakers are trained on."""
    train_speakers = {row.spk_id for row in train}
    for name, rows in tests.items():
        test_speakers = {row.spk_id for row in rows}
        shared = speakers_in_training(test_speakers, train_speakers)
        if shared:
            logger.warning(
                "%d of the %d speakers of %s are in training (%s, ...): "
                "results on this list are no results on unseen speakers.",
                len(shared),
                len(test_speakers),
                title_of(name),
                ", ".join(shared[:3]),
            )


def _measure(
    groups: Iterable[Sequence[Recording]], convert_m4a: bool, n_threads: int
) -> dict[str, Utterance]:
    """Manifest rows of all groups by ID, AAC converted where wanted."""
    rows = list({row.id: row for group in groups for row in group}.values())
    aac = [row.wav for row in rows if row.is_aac]
    if aac and not convert_m4a:
        raise ValueError(_advice_on_aac(aac))
    convert_aac(aac, n_threads)
    wavs = [
        str(Path(row.wav).with_suffix(".wav")) if row.is_aac else row.wav
        for row in rows
    ]
    headers = read_headers(
        wavs, n_threads=n_threads, description="Reading VoxCeleb's headers"
    )
    return {
        row.id: Utterance(
            id=row.id,
            duration=round(header.duration, 4),
            wav=wav,
            start=0,
            stop=header.n_samples,
            spk_id=row.spk_id,
            session=row.session,
        )
        for row, wav, header in zip(rows, wavs, headers, strict=True)
    }


def _advice_on_aac(wavs: Sequence[str]) -> str:
    """What to do about AAC files."""
    folder = os.path.commonpath(wavs)
    command = shlex.join(ffmpeg_command("IN", "OUT"))
    command = command.replace("IN", '"$1"').replace("OUT", '"${1%.m4a}.wav"')
    return (
        f"{len(wavs)} recordings are .m4a files without a .wav beside them "
        f"(such as {wavs[0]}), and libsndfile reads no AAC. Pass "
        "convert_m4a=True (needs ffmpeg, goes on where it stopped), or run: "
        f"find {shlex.quote(folder)} -name '*.m4a' "
        f"-exec sh -c '{command}' sh {{}} \\;"
    )


def _write_manifests(
    save_folder: Path,
    groups: Mapping[str, Sequence[Recording]],
    utterances: Mapping[str, Utterance],
    data_folder: str | Path,
) -> None:
    """One manifest per group."""
    for name, rows in groups.items():
        write_manifest(
            save_folder / f"{name}.csv",
            [utterances[row.id] for row in rows],
            data_folder,
        )
