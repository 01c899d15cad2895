"""Tests beside VoxCeleb1: VoxSRC-23 and VCMix, from lists and folders.

**VoxSRC-23** (J. Huh et al., "The VoxCeleb Speaker Recognition Challenge: A
Retrospective", IEEE/ACM TASLP 2024): lines ``label 034374.wav 053313.wav`` and
a folder of such files, of tracks 1 and 2. Its audio has no speaker names; see
`linked_speakers`.

**VCMix** (H. Heo et al., "Rethinking Session Variability", ICASSP 2024): the
target trials of Vox1-O (cleaned), which are of two sessions, and the nontarget
trials of VoxConverse, which are of one. Its list is made here, as its first
author's code makes it. VoxConverse's recordings have no speaker names, so each
counts as a speaker.

The SSRFNet paper reports both, without saying which of VoxSRC-23's two lists.
"""

from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from speechbrain_denokd.data.linked_speakers import linked_speakers
from speechbrain_denokd.data.trials import Trial, parse_trials, read_trials
from speechbrain_denokd.data.voxceleb_files import Recording
from speechbrain_denokd.data.voxceleb_lists import (
    check_n_trials,
    read_official_list,
)


class VoxSrcList(NamedTuple):
    """A list of VoxSRC-23, and where its audio lies.

    Attributes
    ----------
    filename : str
    folder : str
        Of the audio, below ``data_folder``.
    n_trials : int or None
        Lines; None where we do not know.
    """

    filename: str
    folder: str
    n_trials: int | None


VOXSRC_LISTS = MappingProxyType(
    {
        "VoxSRC23-val": VoxSrcList(
            "VoxSRC2023_val.txt", "VoxSRC2023_val", 49_987
        ),
        "VoxSRC23-test": VoxSrcList(
            "voxsrc2023_final_fixed.txt", "VoxSRC2023_test", None
        ),
    }
)
VCMIX = "VCMix"
OTHER_TESTS = (*VOXSRC_LISTS, VCMIX)
_VOXCONVERSE = "voxconverse_test_SV"
_VOXCONVERSE_LIST = "trials_wo_overlap.txt"
_N_VCMIX = MappingProxyType({True: 18_802, False: 140_734})


def read_other_list(
    name: str, data_folder: str | Path, trials_folder: str | Path
) -> list[Trial]:
    """Read the list of a test and check that it is whole.

    Arguments
    ---------
    name : str
        One of ``OTHER_TESTS``.
    data_folder : str or Path
        Holds VoxConverse's folder, with its list.
    trials_folder : str or Path
        Holds the lists of VoxSRC-23 and Vox1-O.

    Returns
    -------
    list of Trial
        With paths, as the lists have them.

    Raises
    ------
    FileNotFoundError
        If a list is missing.
    ValueError
        If it has another number of trials, or lines that are none.

    Example
    -------
    >>> try:
    ...     read_other_list("VoxSRC23-val", "nowhere", "nowhere")
    ... except FileNotFoundError as error:
    ...     print(str(error).split(":")[0])
    The trial list VoxSRC23-val is missing at nowhere/VoxSRC2023_val.txt
    """
    if name == VCMIX:
        return _read_vcmix(Path(data_folder), trials_folder)
    official = VOXSRC_LISTS[name]
    path = Path(trials_folder) / official.filename
    _check_there(
        path, f"The trial list {name}", "take it from the VoxSRC web page"
    )
    trials = read_trials(path)
    if official.n_trials is not None:
        check_n_trials(name, path, len(trials), official.n_trials)
    return trials


def find_other_recordings(
    name: str,
    data_folder: str | Path,
    trials: Sequence[Trial],
    voxceleb: Sequence[Recording],
) -> list[Recording]:
    """Find the audio of a test.

    Arguments
    ---------
    name : str
        One of ``OTHER_TESTS``.
    data_folder : str or Path
        Holds the folder of the test's audio.
    trials : sequence of Trial
        Of `read_other_list`.
    voxceleb : sequence of Recording
        Of ``find_recordings``.

    Returns
    -------
    list of Recording
        Sorted by ID; for VCMix those of VoxCeleb1's test part too.

    Raises
    ------
    FileNotFoundError
        If the folder is missing, or holds no WAV file.
    """
    if name == VCMIX:
        mixed = [row for row in voxceleb if row.part == "vox1_test"]
        return mixed + _wavs_below(Path(data_folder) / _VOXCONVERSE, name)
    folder = Path(data_folder) / VOXSRC_LISTS[name].folder
    speakers = {
        Path(side).stem: f"{folder.name}--{Path(speaker).stem}"
        for side, speaker in linked_speakers(trials).items()
    }
    return [
        row._replace(spk_id=speakers.get(Path(row.wav).stem, row.spk_id))
        for row in _wavs_below(folder, name)
    ]


def _read_vcmix(data_folder: Path, trials_folder: str | Path) -> list[Trial]:
    """Nontargets of VoxConverse, then targets of Vox1-O."""
    path = data_folder / _VOXCONVERSE / _VOXCONVERSE_LIST
    _check_there(
        path,
        "VoxConverse's trial list, of VCMix,",
        f"unpack {_VOXCONVERSE}.zip (of SEED's project page) in data_folder",
    )
    trials, problems = parse_trials(path)
    if problems:
        raise ValueError(
            f"{path}: {len(problems)} line(s) are no trials (first: "
            f"{problems[0]}); unpack {_VOXCONVERSE}.zip again"
        )
    found = {
        False: [trial for trial in trials if not trial.is_target],
        True: [
            t for t in read_official_list("O", trials_folder) if t.is_target
        ],
    }
    for label, part in found.items():
        kind = "target" if label else "nontarget"
        check_n_trials(f"{VCMIX} ({kind})", path, len(part), _N_VCMIX[label])
    return found[False] + found[True]


def _wavs_below(folder: Path, part: str) -> list[Recording]:
    """WAV files of a folder, each its own speaker; subfolders are sessions."""
    _check_there(folder, f"The audio of {part}", "unpack it there")
    found = []
    for path in sorted(folder.rglob("*.wav")):
        inner = path.relative_to(folder).with_suffix("")
        name = "--".join((folder.name, *inner.parts))
        session = "--".join(inner.parts[:-1])
        found.append(Recording(name, str(path), name, session, part))
    if not found:
        raise FileNotFoundError(
            f"The audio of {part} is missing: {folder} holds no .wav file; "
            "unpack it there."
        )
    return found


def _check_there(path: Path, what: str, advice: str) -> None:
    if not path.exists():
        raise FileNotFoundError(f"{what} is missing at {path}: {advice}.")
