"""CSV tables of audio files: rows with line numbers and ``{data_root}``."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path


class ManifestError(ValueError):
    """A manifest that cannot be used, with its first offending lines.

    Example
    -------
    >>> issubclass(ManifestError, ValueError)
    True
    """


def read_rows(
    path: str | Path, columns: Sequence[str]
) -> list[tuple[int, dict[str, str | None]]]:
    r"""Read the rows of a CSV file that must have some columns.

    Arguments
    ---------
    path : str or Path
        CSV file with a header line.
    columns : sequence of str
        Columns that must be there.

    Returns
    -------
    list of (int, dict)
        Line number, and value by column.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ManifestError
        If the file is no UTF-8 CSV, lacks a column or has no rows.

    Example
    -------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.csv"
    >>> _ = path.write_text("ID,wav\nu1,a.wav\n")
    >>> read_rows(path, ["ID"])
    [(2, {'ID': 'u1', 'wav': 'a.wav'})]
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no manifest {path}: prepare the corpus first or "
            "correct the path."
        )
    try:
        # utf-8-sig: spreadsheets put a byte-order mark before "ID".
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            header = reader.fieldnames or []
            rows = [(reader.line_num, row) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ManifestError(
            f"{path} is not a CSV file in UTF-8 ({error}): save it as one."
        ) from error
    missing = [name for name in columns if name not in header]
    if missing:
        raise ManifestError(
            f"{path} lacks the column(s) {', '.join(missing)} (it has: "
            f"{', '.join(header) or 'none'}): the first line must be "
            f"'{','.join(columns)}'."
        )
    if not rows:
        raise ManifestError(f"{path} has no rows: prepare the corpus again.")
    return rows


def expand(wav: str, data_root: str) -> str:
    """Replace ``{data_root}`` and ``$data_root`` in a path.

    Arguments
    ---------
    wav, data_root : str
        Path from a manifest, and the corpus folder.

    Returns
    -------
    str

    Example
    -------
    >>> expand("$data_root/a.wav", "corpus")
    'corpus/a.wav'
    """
    wav = wav.replace("{data_root}", data_root)
    return wav.replace("$data_root", data_root)


def shorten(wav: str, data_root: str | Path | None) -> str:
    """Write a path below the corpus folder with ``$data_root``.

    SpeechBrain's CSV reader replaces this form only, its JSON reader
    ``{data_root}``.

    Arguments
    ---------
    wav : str
        Path of an audio file.
    data_root : str or Path, optional
        Corpus folder; without it the path stays as it is.

    Returns
    -------
    str

    Example
    -------
    >>> shorten("corpus/x/a.wav", "corpus")
    '$data_root/x/a.wav'
    """
    if data_root is None:
        return wav
    # Text, not Path: VoxCeleb2 has a million rows, and Path costs 15 s.
    root = str(data_root).rstrip("/") + "/"
    return "$data_root/" + wav[len(root) :] if wav.startswith(root) else wav


def parse_duration(text: str) -> float:
    """Seconds from a manifest's text.

    Arguments
    ---------
    text : str
        As written in the ``duration`` column.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If it is not a positive, finite number.

    Example
    -------
    >>> parse_duration("1.5")
    1.5
    """
    try:
        duration = float(text)
    except ValueError:
        raise ValueError(f"duration '{text}' is not a number") from None
    if not (math.isfinite(duration) and duration > 0):
        raise ValueError(f"duration {text} is not a positive number")
    return duration
