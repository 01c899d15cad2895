"""Manifests, the contract between corpora and training: CSV -> utterances.

A manifest is a CSV file in SpeechBrain's form with the columns
``ID,duration,wav,start,stop,spk_id`` and, where known, ``session`` and
``gender``; further columns are ignored. Everything that can be wrong with it
is found when it is read, not three epochs later.
"""

import csv
import io
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from speechbrain_denokd.data.audio import AudioHeader
from speechbrain_denokd.data.files import (
    first_offenders,
    threaded_map,
    write_whole,
)
from speechbrain_denokd.data.headers import header_or_error
from speechbrain_denokd.data.table import (
    ManifestError,
    expand,
    parse_duration,
    read_rows,
    shorten,
)

COLUMNS = ("ID", "duration", "wav", "start", "stop", "spk_id")
OPTIONAL_COLUMNS = ("session", "gender")

# Rounded durations pass; a file of another recording does not.
_DURATION_TOLERANCE_S = 0.1
# Opening a million headers takes many minutes on network storage. Above this
# many files all must exist, and a seeded sample of this size is opened.
_MAX_HEADERS = 20_000


@dataclass(frozen=True, slots=True)
class Utterance:
    """One row of a manifest.

    Attributes
    ----------
    id : str
        Unique name.
    duration : float
        Seconds from ``start`` to ``stop``.
    wav : str
        Path of the audio file.
    start : int
        First sample.
    stop : int, optional
        Sample after the last; None is the end of the file.
    spk_id : str
        Speaker.
    session : str
        Recording session, "" when unknown.
    gender : str
        As the corpus writes it, "" when unknown.

    Example
    -------
    >>> Utterance("u1", 1.5, "u1.wav", 0, 24000, "ann").session
    ''
    """

    id: str
    duration: float
    wav: str
    start: int
    stop: int | None
    spk_id: str
    session: str = ""
    gender: str = ""


def read_manifest(
    path: str | Path,
    data_root: str | Path,
    check_audio: bool = True,
    sample_rate: int = 16000,
) -> list[Utterance]:
    r"""Read and validate a manifest.

    Arguments
    ---------
    path : str or Path
        CSV file.
    data_root : str or Path
        Folder that replaces ``{data_root}`` and ``$data_root`` in ``wav``.
    check_audio : bool
        Whether the files are looked at: all of them must exist, and their
        headers must be readable and agree with the row. Of more than 20,000
        files a seeded sample of 20,000 headers is opened.
    sample_rate : int
        Rate that ``start`` and ``stop`` count in and files must have, in Hz.

    Returns
    -------
    list of Utterance
        In the file's order.

    Raises
    ------
    FileNotFoundError
        If there is no such manifest.
    ManifestError
        If columns are missing or rows are wrong: one error that names the
        first five by line number and counts them all.

    Example
    -------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "train.csv"
    >>> header = "ID,duration,wav,start,stop,spk_id"
    >>> _ = path.write_text(header + "\nu1,1.5,{data_root}/a.wav,,,s\n")
    >>> read_manifest(path, "corpus", check_audio=False)[0].wav
    'corpus/a.wav'
    """
    utterances, lines, problems = [], [], []
    rows = read_rows(path, COLUMNS)
    for line, row in rows:
        try:
            utterances.append(_parse(row, str(data_root), sample_rate))
            lines.append(line)
        except ValueError as error:
            problems.append((line, str(error)))
    problems += _duplicates(utterances, lines)
    if check_audio:
        problems += _audio_problems(utterances, lines, sample_rate)
    if problems:
        raise _error(path, problems, len(rows), data_root)
    return utterances


def write_manifest(
    path: str | Path,
    utterances: Sequence[Utterance],
    data_root: str | Path | None = None,
) -> None:
    """Write a manifest whole or not at all.

    Arguments
    ---------
    path : str or Path
        CSV file to write.
    utterances : sequence of Utterance
        Rows.
    data_root : str or Path, optional
        Folder written as ``$data_root``, so that the corpus can move.

    Example
    -------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "dev.csv"
    >>> rows = [Utterance("u1", 1.5, "corpus/a.wav", 0, 24000, "ann")]
    >>> write_manifest(path, rows, data_root="corpus")
    >>> path.read_text().splitlines()[1]
    'u1,1.5,$data_root/a.wav,0,24000,ann,,'
    >>> read_manifest(path, "corpus", check_audio=False) == rows
    True
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS + OPTIONAL_COLUMNS)
    for row in utterances:
        writer.writerow(
            (
                row.id,
                row.duration,
                shorten(row.wav, data_root),
                row.start,
                "" if row.stop is None else row.stop,
                row.spk_id,
                row.session,
                row.gender,
            )
        )
    write_whole(path, text.getvalue())


def _parse(row: dict, data_root: str, sample_rate: int) -> Utterance:
    """Utterance of a CSV row; ValueError with a clause when it is wrong."""
    if None in row:
        raise ValueError(
            "more values than columns (quote a value that has a comma)"
        )
    absent = [name for name in COLUMNS if row[name] is None]
    if absent:
        raise ValueError(f"no value for {', '.join(absent)}")
    text = {name: (value or "").strip() for name, value in row.items()}
    for name in ("ID", "wav", "spk_id"):
        if not text[name]:
            raise ValueError(f"{name} is empty")
    duration = parse_duration(text["duration"])
    start = _whole_number("start", text["start"]) or 0
    stop = _whole_number("stop", text["stop"])
    if stop is not None:
        if stop <= start:
            raise ValueError(f"stop {stop} is not after start {start}")
        _check_duration(duration, stop - start, sample_rate, "start and stop")
    return Utterance(
        text["ID"],
        duration,
        expand(text["wav"], data_root),
        start,
        stop,
        text["spk_id"],
        text.get("session", ""),
        text.get("gender", ""),
    )


def _whole_number(name: str, text: str) -> int | None:
    """Sample count, None when empty."""
    if not text:
        return None
    if not text.isdecimal():
        raise ValueError(f"{name} '{text}' is not a whole number of samples")
    return int(text)


def _check_duration(
    duration: float, n_samples: int, sample_rate: int, source: str
) -> None:
    """Refuse a duration that disagrees with a number of samples."""
    expected = n_samples / sample_rate
    if abs(duration - expected) > _DURATION_TOLERANCE_S:
        raise ValueError(
            f"duration is {duration:g} s, but {source} give {expected:g} s "
            f"at {sample_rate} Hz"
        )


def _duplicates(
    utterances: Sequence[Utterance], lines: Sequence[int]
) -> list[tuple[int, str]]:
    """Every row whose ID was used on an earlier line."""
    seen, problems = {}, []
    for row, line in zip(utterances, lines, strict=True):
        first = seen.setdefault(row.id, line)
        if first != line:
            problems.append((line, f"ID {row.id} is also on line {first}"))
    return problems


def _audio_problems(
    utterances: Sequence[Utterance], lines: Sequence[int], sample_rate: int
) -> list[tuple[int, str]]:
    """Every row whose file is missing or contradicts it."""
    wavs = list(dict.fromkeys(row.wav for row in utterances))
    found = dict(zip(wavs, threaded_map(os.path.isfile, wavs), strict=True))
    present = [wav for wav in wavs if found[wav]]
    if len(present) > _MAX_HEADERS:
        present = random.Random(0).sample(present, _MAX_HEADERS)
    opened = threaded_map(header_or_error, present)
    headers = dict(zip(present, opened, strict=True))
    problems = []
    for row, line in zip(utterances, lines, strict=True):
        if not found[row.wav]:
            problems.append((line, f"there is no file {row.wav}"))
        elif row.wav in headers:
            try:
                _check_header(row, headers[row.wav], sample_rate)
            except ValueError as error:
                problems.append((line, str(error)))
    return problems


def _check_header(
    row: Utterance, header: AudioHeader | Exception, sample_rate: int
) -> None:
    """Refuse a row that contradicts its file."""
    if isinstance(header, Exception):
        raise ValueError(str(header).rstrip("."))
    if header.sample_rate != sample_rate:
        raise ValueError(
            f"{row.wav} has a sample rate of {header.sample_rate} Hz, not "
            f"{sample_rate} Hz"
        )
    stop = header.n_samples if row.stop is None else row.stop
    if not row.start < stop <= header.n_samples:
        raise ValueError(
            f"{row.wav} has {header.n_samples} samples, but the row reads "
            f"{row.start} to {stop}"
        )
    _check_duration(row.duration, stop - row.start, sample_rate, row.wav)


def _error(
    path: str | Path,
    problems: list[tuple[int, str]],
    n_rows: int,
    data_root: str | Path,
) -> ManifestError:
    """One error for all rows that are wrong."""
    problems = sorted(problems)
    clauses = [f"line {line}: {text}" for line, text in problems]
    n_lines = len({line for line, _ in problems})
    return ManifestError(
        f"{path}: {n_lines} of {n_rows} row(s) are wrong (data_root is "
        f"{data_root}): "
        f"{first_offenders(clauses)}. Correct or drop these rows, check "
        "data_root, or prepare the corpus again."
    )
