"""Noises and rooms for augmentation: folders as distributed -> CSV -> files.

MUSAN (D. Snyder et al., arXiv 1510.08484) and RIRS_NOISES (T. Ko et al.,
ICASSP 2017) are read as their archives unpack. File names may have any number
of dots, and nothing is ever deleted or moved.
"""

import csv
import io
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from speechbrain_denokd.data.audio import AUDIO_SUFFIXES
from speechbrain_denokd.data.files import (
    first_offenders,
    threaded_map,
    write_whole,
)
from speechbrain_denokd.data.headers import header_or_error
from speechbrain_denokd.data.prepared import (
    begin_preparation,
    finish_preparation,
)
from speechbrain_denokd.data.table import (
    ManifestError,
    expand,
    parse_duration,
    read_rows,
    shorten,
)

# speech is one talker, of which babble is mixed; rir is a room response.
KINDS = ("noise", "music", "speech", "babble", "rir")

_COLUMNS = ("ID", "duration", "wav")


@dataclass(frozen=True, slots=True)
class NoiseFile:
    """One recording to augment with.

    Attributes
    ----------
    id : str
        Unique name.
    duration : float
        Seconds.
    wav : str
        Path of the audio file.
    kind : str
        One of ``KINDS``.

    Example
    -------
    >>> NoiseFile("rain", 5.0, "rain.wav", "noise").kind
    'noise'
    """

    id: str
    duration: float
    wav: str
    kind: str


def read_noise(
    path: str | Path, data_root: str | Path, default_kind: str = "noise"
) -> list[NoiseFile]:
    """Read and validate a CSV file of noises or rooms.

    Arguments
    ---------
    path : str or Path
        CSV file with the columns ``ID,duration,wav`` and, where it is known,
        ``kind``; further columns are ignored.
    data_root : str or Path
        Folder that replaces ``{data_root}`` in ``wav``.
    default_kind : str
        Kind of rows without one.

    Returns
    -------
    list of NoiseFile
        In the file's order.

    Raises
    ------
    FileNotFoundError
        If there is no such CSV file.
    ManifestError
        If it has no rows, or rows are wrong or name absent files: the first
        five by line number, and the count.

    Example
    -------
    >>> import tempfile
    >>> root = Path(tempfile.mkdtemp())
    >>> (root / "rain.v2.wav").touch()
    >>> rows = [NoiseFile("rain", 5.0, str(root / "rain.v2.wav"), "noise")]
    >>> write_noise(root / "noise.csv", rows, data_root=root)
    >>> read_noise(root / "noise.csv", root) == rows
    True
    """
    rows = read_rows(path, _COLUMNS)
    files, problems = {}, []
    ids = set()
    for line, row in rows:
        try:
            file = _parse(row, str(data_root), default_kind)
            if file.id in ids:
                raise ValueError(f"ID {file.id} occurs twice")
            ids.add(file.id)
            files[line] = file
        except ValueError as error:
            problems.append((line, str(error)))
    wavs = [file.wav for file in files.values()]
    found = threaded_map(os.path.isfile, wavs)
    problems += [
        (line, f"there is no file {wav}")
        for line, wav, is_there in zip(files, wavs, found, strict=True)
        if not is_there
    ]
    if problems:
        clauses = [f"line {line}: {text}" for line, text in sorted(problems)]
        raise ManifestError(
            f"{path}: {len(problems)} of {len(rows)} row(s) are wrong "
            f"(data_root is {data_root}): {first_offenders(clauses)}. "
            "Correct or drop these rows, or check data_root."
        )
    return list(files.values())


def write_noise(
    path: str | Path,
    files: Iterable[NoiseFile],
    data_root: str | Path | None = None,
) -> None:
    """Write a CSV file of noises or rooms, whole or not at all.

    Arguments
    ---------
    path : str or Path
        CSV file to write.
    files : iterable of NoiseFile
        Rows.
    data_root : str or Path, optional
        Folder written as ``$data_root``.

    Example
    -------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "noise.csv"
    >>> write_noise(path, [NoiseFile("a", 2.0, "n/a.wav", "music")], "n")
    >>> path.read_text().splitlines()[1]
    'a,2.0,$data_root/a.wav,music'
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*_COLUMNS, "kind"))
    for file in files:
        wav = shorten(file.wav, data_root)
        writer.writerow((file.id, file.duration, wav, file.kind))
    write_whole(path, text.getvalue())


def prepare_noise(
    musan_folder: str | Path,
    rirs_folder: str | Path,
    save_folder: str | Path,
    n_threads: int = 8,
) -> dict[str, Path]:
    """Write the CSV files of MUSAN's noises and RIRS_NOISES' rooms.

    The outputs are ``noise.csv`` and ``rir.csv``, with absolute paths, since
    noises seldom lie with the speech. A second call with the same folders
    returns at once; delete ``prepared_noise.json`` after a change of them.

    Arguments
    ---------
    musan_folder, rirs_folder : str or Path
        The folders ``musan`` and ``RIRS_NOISES``.
    save_folder : str or Path
        Where the outputs go.
    n_threads : int
        Files opened at a time.

    Returns
    -------
    dict of str to Path
        Path of either output by its file name.

    Raises
    ------
    FileNotFoundError
        If a folder has no audio.
    ValueError
        If files cannot be read: the first five, and the count.

    Example
    -------
    >>> import tempfile
    >>> try:
    ...     prepare_noise("absent", "absent", tempfile.mkdtemp())
    ... except FileNotFoundError as error:
    ...     print(str(error).split(" lies")[0])
    No audio of MUSAN (noise/, music/, speech/)
    """
    musan_folder = Path(musan_folder).absolute()
    rirs_folder = Path(rirs_folder).absolute()
    save_folder = Path(save_folder)
    options = {"musan_folder": musan_folder, "rirs_folder": rirs_folder}
    outputs = ("noise.csv", "rir.csv")
    if begin_preparation(save_folder, "noise", options, outputs):
        # Kaldi's noises are MUSAN's alone: RIRS_NOISES gives the rooms.
        noises = scan_musan(musan_folder, n_threads)
        rooms = [
            file
            for file in scan_rirs_noises(rirs_folder, n_threads)
            if file.kind == "rir"
        ]
        write_noise(save_folder / "noise.csv", noises)
        write_noise(save_folder / "rir.csv", rooms)
        finish_preparation(save_folder, "noise", options)
    return {name: save_folder / name for name in outputs}


def scan_musan(folder: str | Path, n_threads: int = 8) -> list[NoiseFile]:
    """List MUSAN's files with their kinds.

    Arguments
    ---------
    folder : str or Path
        The folder ``musan``, with ``noise``, ``music`` and ``speech``.
    n_threads : int
        Files opened at a time.

    Returns
    -------
    list of NoiseFile
        Sorted by path.

    Raises
    ------
    FileNotFoundError
        If the folder has no audio in its three sub-folders.
    ValueError
        If files cannot be read: the first five, and the count.

    Example
    -------
    >>> import tempfile, numpy, soundfile
    >>> root = Path(tempfile.mkdtemp())
    >>> (root / "music" / "jamendo").mkdir(parents=True)
    >>> path = root / "music" / "jamendo" / "music-jamendo-0000.wav"
    >>> soundfile.write(path, numpy.zeros(1600), 16000)
    >>> [(file.id, file.kind) for file in scan_musan(root)]
    [('music--jamendo--music-jamendo-0000', 'music')]
    """

    def kind(below: Path) -> str | None:
        top = below.parts[0]
        return top if top in ("noise", "music", "speech") else None

    return _scan(folder, kind, n_threads, "MUSAN (noise/, music/, speech/)")


def scan_rirs_noises(folder: str | Path, n_threads: int = 8) -> list[NoiseFile]:
    """List the room responses and noises of RIRS_NOISES.

    Arguments
    ---------
    folder : str or Path
        The folder ``RIRS_NOISES``, with ``simulated_rirs``,
        ``real_rirs_isotropic_noises`` and ``pointsource_noises``.
    n_threads : int
        Files opened at a time.

    Returns
    -------
    list of NoiseFile
        Sorted by path; of kind "rir", or "noise" for the point-source and
        isotropic noises.

    Raises
    ------
    FileNotFoundError
        If the folder has no audio.
    ValueError
        If files cannot be read: the first five, and the count.

    Example
    -------
    >>> import tempfile, numpy, soundfile
    >>> root = Path(tempfile.mkdtemp())
    >>> folder = root / "real_rirs_isotropic_noises"
    >>> folder.mkdir()
    >>> for name in ("RVB2014_type1_rir_a.wav", "RVB2014_type1_noise_a.wav"):
    ...     soundfile.write(folder / name, numpy.ones(1600), 16000)
    >>> [file.kind for file in scan_rirs_noises(root)]
    ['noise', 'rir']
    """

    def kind(below: Path) -> str:
        is_noise = "pointsource" in below.parts[0] or (
            "isotropic" in below.parts[0] and "_noise_" in below.name
        )
        return "noise" if is_noise else "rir"

    return _scan(folder, kind, n_threads, "RIRS_NOISES")


def _parse(row: dict, data_root: str, default_kind: str) -> NoiseFile:
    """NoiseFile of a CSV row; ValueError with a clause when it is wrong."""
    text = {name: (row.get(name) or "").strip() for name in (*_COLUMNS, "kind")}
    for name in ("ID", "wav"):
        if not text[name]:
            raise ValueError(f"{name} is empty")
    kind = text["kind"] or default_kind
    if kind not in KINDS:
        raise ValueError(f"kind '{kind}' is none of {', '.join(KINDS)}")
    return NoiseFile(
        text["ID"],
        parse_duration(text["duration"]),
        expand(text["wav"], data_root),
        kind,
    )


def _scan(
    folder: str | Path,
    kind: Callable[[Path], str | None],
    n_threads: int,
    name: str,
) -> list[NoiseFile]:
    """Audio files below a folder to which ``kind`` gives a kind."""
    folder = Path(folder)
    kinds: dict[Path, str] = {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        is_audio = path.suffix.lower() in AUDIO_SUFFIXES
        if is_audio and not path.name.startswith("."):
            found = kind(path.relative_to(folder))
            if found:
                kinds[path] = found
    if not kinds:
        raise FileNotFoundError(
            f"No audio of {name} lies below {folder}: give the folder that "
            "its archive unpacks to."
        )
    return _to_files(folder, kinds, n_threads)


def _to_files(
    folder: Path, kinds: dict[Path, str], n_threads: int
) -> list[NoiseFile]:
    """NoiseFiles of paths, their durations read from the headers."""
    paths: Sequence[Path] = list(kinds)
    headers = threaded_map(header_or_error, paths, n_threads)
    problems = [
        str(header).rstrip(".")
        for header in headers
        if isinstance(header, Exception)
    ]
    if problems:
        raise ValueError(
            f"{len(problems)} of {len(paths)} files below {folder} cannot be "
            f"read: {first_offenders(problems)}. Unpack the archive again."
        )
    return [
        NoiseFile(
            # Only the last suffix goes: names may have several dots.
            id="--".join(path.relative_to(folder).with_suffix("").parts),
            duration=round(header.duration, 4),
            wav=str(path),
            kind=kinds[path],
        )
        for path, header in zip(paths, headers, strict=True)
    ]
