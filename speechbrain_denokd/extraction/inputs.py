"""What is to be embedded (``folder, manifest or list -> items``)."""

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from speechbrain_denokd.data.audio import AAC_SUFFIXES, AUDIO_SUFFIXES
from speechbrain_denokd.data.files import first_offenders
from speechbrain_denokd.data.manifest import read_manifest


class Item(NamedTuple):
    """One recording, or a stretch of one.

    Attributes
    ----------
    id : str
        Unique name.
    path : str
        Audio file.
    start : int
        First sample.
    stop : int, optional
        Sample after the last; None is the end of the file.

    Example
    -------
    >>> Item("u1", "u1.wav").stop is None
    True
    """

    id: str
    path: str
    start: int = 0
    stop: int | None = None


def read_items(source: str | Path, data_root: str | Path = ".") -> list[Item]:
    r"""List the recordings of a source.

    ==========================  ============================================
    source                      IDs
    ==========================  ============================================
    folder, with all below it   path inside the folder, with its suffix, as
                                VoxCeleb's trial lists name recordings
    manifest (``.csv``)         its column ``ID``
    Kaldi's ``wav.scp``         first word of the line
    list of paths, one a line   the line
    one audio file              its name
    ==========================  ============================================

    Arguments
    ---------
    source : str or Path
        Folder or file. Hidden files are left out; AAC files, which cannot be
        read, are listed, so that they are reported.
    data_root : str or Path
        What ``{data_root}`` in a manifest stands for, and where the relative
        paths of a list begin.

    Returns
    -------
    list of Item
        In the source's order; a folder's sorted by path.

    Raises
    ------
    FileNotFoundError
        If there is no such source.
    ValueError
        If there is nothing in it, an ID comes twice, or lines are wrong.

    Example
    -------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "ann").mkdir()
    >>> (folder / "ann" / "a.wav").touch()
    >>> [item.id for item in read_items(folder)]
    ['ann/a.wav']
    """
    source = Path(source)
    if source.is_dir():
        items = _folder_items(source)
    elif not source.is_file():
        raise FileNotFoundError(
            f"no folder, manifest or list at {source}: correct the path"
        )
    elif source.suffix.lower() == ".csv":
        rows = read_manifest(source, data_root, check_audio=False)
        items = [Item(row.id, row.wav, row.start, row.stop) for row in rows]
    elif source.suffix.lower() in AUDIO_SUFFIXES + AAC_SUFFIXES:
        items = [Item(source.name, str(source))]
    else:
        items = _listed_items(source, Path(data_root))
    if not items:
        raise ValueError(
            f"{source} lists no recordings; a folder needs files in "
            f"{', '.join(AUDIO_SUFFIXES)}, a list one path a line"
        )
    _check_ids(source, [item.id for item in items])
    return items


def items_fingerprint(items: Iterable[Item]) -> str:
    """SHA-256 over the items: another order or path is another job.

    Arguments
    ---------
    items : iterable of Item

    Returns
    -------
    str
        64 hexadecimal digits.

    Example
    -------
    >>> items_fingerprint([Item("u1", "u1.wav")])[:8]
    '90b42061'
    """
    digest = hashlib.sha256()
    for item in items:
        digest.update(f"{tuple(item)}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _folder_items(folder: Path) -> list[Item]:
    items = []
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            suffix = os.path.splitext(name)[1].lower()
            if suffix in AUDIO_SUFFIXES + AAC_SUFFIXES and name[0] != ".":
                path = Path(parent, name)
                inside = path.relative_to(folder).as_posix()
                items.append(Item(inside, str(path)))
    return items


def _listed_items(source: Path, data_root: Path) -> list[Item]:
    """Lines of a list of paths or a ``wav.scp``; blank ones do not count."""
    try:
        lines = source.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{source} is not a text file in UTF-8; give a folder, a "
            "manifest (.csv), a wav.scp or a list of paths"
        ) from error
    is_scp = source.suffix.lower() == ".scp"
    items, problems = [], []
    for number, line in enumerate(map(str.strip, lines), start=1):
        if not line:
            continue
        words = line.split(maxsplit=1) if is_scp else [line, line]
        path = words[-1]
        if len(words) == 1:
            problems.append(f"line {number} has no path behind its ID")
        elif path.endswith("|"):
            problems.append(f"line {number} is a command, not a file")
        else:
            items.append(Item(words[0], str(data_root / path)))
    if problems:
        raise ValueError(
            f"{source}: {len(problems)} of {len(lines)} lines are wrong: "
            f"{first_offenders(problems)}; write ID and path on each line, "
            "and the audio of commands to files"
        )
    return items


def _check_ids(source: Path, ids: Sequence[str]):
    if len(set(ids)) == len(ids):
        return
    seen, repeated = set(), []
    for name in ids:
        if name in seen:
            repeated.append(repr(name))
        seen.add(name)
    raise ValueError(
        f"{source}: {len(repeated)} IDs come again: "
        f"{first_offenders(repeated)}; embeddings are found by their ID, so "
        "name each recording once"
    )
