"""VoxCeleb as it lies on disk: folder -> recordings, by part of the corpus.

The archives unpack to ``wav/id10270/VIDEO/00001.wav`` (VoxCeleb1) and
``dev/aac/id00012/VIDEO/00001.m4a`` (VoxCeleb2). People keep them in many
places, so speaker folders are looked for anywhere in the first levels.
"""

import logging
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from speechbrain_denokd.data.audio import AUDIO_SUFFIXES
from speechbrain_denokd.data.files import first_offenders, threaded_map

# Speakers of each part, from the VoxCeleb web page.
N_SPEAKERS = MappingProxyType(
    {"vox1_dev": 1211, "vox1_test": 40, "vox2_dev": 5994, "vox2_test": 118}
)

# VoxCeleb1 numbers its speakers from 10001; the 40 of its test part are
# those whose names begin with E.
_FIRST_VOX1_SPEAKER = 10001
_VOX1_TEST_SPEAKERS = range(10270, 10310)
# data_folder/voxceleb2/dev/aac/id00012 is the deepest layout seen.
_MAX_DEPTH = 4
# VoxCeleb2's videos (.mp4) may lie beside its audio and are not read.
_AAC = ".m4a"

logger = logging.getLogger(__name__)


class Recording(NamedTuple):
    """One utterance's file.

    Attributes
    ----------
    id : str
        Speaker, video and number: ``id10270--5r0dWxy17C8--00001``.
    wav : str
        Path; still AAC when there is no WAV beside it.
    spk_id : str
        Speaker.
    session : str
        Video.
    part : str
        "vox1_dev", "vox1_test", "vox2_dev" or "vox2_test".

    Example
    -------
    >>> Recording("id10270--v--00001", "a.m4a", "id10270", "v", "x").is_aac
    True
    """

    id: str
    wav: str
    spk_id: str
    session: str
    part: str

    @property
    def is_aac(self) -> bool:
        """Whether the file must be converted before it can be read."""
        return self.wav.lower().endswith(_AAC)


def find_recordings(
    data_folder: str | Path, n_threads: int = 8
) -> list[Recording]:
    """Find VoxCeleb's recordings below a folder.

    Where the same utterance lies there as WAV and as AAC, the WAV counts.

    Arguments
    ---------
    data_folder : str or Path
        Any folder above the speaker folders, up to four levels.
    n_threads : int
        Speaker folders listed at a time.

    Returns
    -------
    list of Recording
        Sorted by ID.

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no speaker folder in it.
    ValueError
        If an utterance lies there twice.

    Example
    -------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> video = folder / "dev" / "aac" / "id00012" / "21Uxsk56VDQ"
    >>> video.mkdir(parents=True)
    >>> (video / "00001.m4a").touch()
    >>> [(row.id, row.part) for row in find_recordings(folder)]
    [('id00012--21Uxsk56VDQ--00001', 'vox2_dev')]
    """
    data_folder = Path(data_folder)
    if not data_folder.is_dir():
        raise FileNotFoundError(
            f"There is no folder {data_folder}: set data_folder to where "
            "VoxCeleb is unpacked."
        )
    speakers = sorted(_speaker_folders(data_folder, _MAX_DEPTH))
    if not speakers:
        raise FileNotFoundError(
            f"No VoxCeleb speaker folder (such as wav/id10270 or "
            f"dev/aac/id00012) lies in the first {_MAX_DEPTH} levels of "
            f"{data_folder}: set data_folder to where VoxCeleb is unpacked."
        )
    found = threaded_map(
        lambda folder: _recordings_of(folder, data_folder), speakers, n_threads
    )
    return _keep_one_each([row for rows in found for row in rows])


def warn_if_incomplete(
    recordings: Sequence[Recording], parts: Sequence[str]
) -> None:
    """Warn when parts of the corpus have too few or too many speakers.

    Arguments
    ---------
    recordings : sequence of Recording
        What was found.
    parts : sequence of str
        Parts that are used.

    Example
    -------
    >>> warn_if_incomplete([], [])
    """
    for part in parts:
        n_found = len({row.spk_id for row in recordings if row.part == part})
        if n_found != N_SPEAKERS[part]:
            logger.warning(
                "%s has %d speakers here, VoxCeleb's has %d: no result on "
                "this copy is a VoxCeleb result.",
                part,
                n_found,
                N_SPEAKERS[part],
            )


def _speaker_folders(folder: Path, depth: int) -> Iterator[Path]:
    """Folders named like VoxCeleb's speakers, in the first levels."""
    for entry in os.scandir(folder):
        if not entry.is_dir():
            continue
        if re.fullmatch(r"id\d{5}", entry.name):
            yield folder / entry.name
        elif depth:
            yield from _speaker_folders(folder / entry.name, depth - 1)


def _recordings_of(folder: Path, data_folder: Path) -> list[Recording]:
    """All recordings of one speaker folder."""
    part = _part(folder.relative_to(data_folder))
    rows = []
    for video in os.scandir(folder):
        if not video.is_dir():
            continue
        for file in os.scandir(video.path):
            stem, suffix = os.path.splitext(file.name)
            if suffix.lower() not in (*AUDIO_SUFFIXES, _AAC):
                continue
            name = f"{folder.name}--{video.name}--{stem}"
            rows.append(
                Recording(name, file.path, folder.name, video.name, part)
            )
    return rows


def _part(speaker_folder: Path) -> str:
    """Part of the corpus a speaker folder belongs to."""
    number = int(speaker_folder.name[2:])
    if number in _VOX1_TEST_SPEAKERS:
        return "vox1_test"
    if number >= _FIRST_VOX1_SPEAKER:
        return "vox1_dev"
    # VoxCeleb2's test speakers have no range of their own, only a folder.
    is_test = any("test" in part.split("_") for part in speaker_folder.parts)
    return "vox2_test" if is_test else "vox2_dev"


def _keep_one_each(rows: Sequence[Recording]) -> list[Recording]:
    """One recording per ID, readable audio before AAC."""
    kept, twice = {}, []
    for row in sorted(rows, key=lambda row: (row.id, row.is_aac, row.wav)):
        first = kept.setdefault(row.id, row)
        if first is not row and first.is_aac == row.is_aac:
            twice.append(f"{first.wav} and {row.wav}")
    if twice:
        raise ValueError(
            f"{len(twice)} utterances lie in two places: "
            f"{first_offenders(twice)}. Point data_folder at one copy."
        )
    return list(kept.values())
