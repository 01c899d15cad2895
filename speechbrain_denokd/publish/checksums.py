"""``sha256.txt``: every file of a published folder, as ``sha256sum`` lists it.

It finds damage and files that somebody added. It does not say who made the
folder: whoever can change a file can change the list.
"""

import os
import re
from pathlib import Path, PurePosixPath

from speechbrain_denokd.data.files import first_offenders, write_whole
from speechbrain_denokd.scoring.fingerprints import file_sha256

LIST_FILE = "sha256.txt"
_LINE = re.compile(r"([0-9a-f]{64})  (\S.*)")
# Files that can hold code, other than SpeechBrain's own weights, which
# reading a published folder never opens.
_CODE = (".bin", ".joblib", ".npy", ".npz", ".pickle", ".pkl", ".pt", ".pth")
_CODE += (".ckpt", ".py", ".pyc", ".so", ".dll", ".pyd")
_SPEECHBRAIN = ("classifier.ckpt", "embedding_model.ckpt", "label_encoder.ckpt")


def is_published(folder: str | Path) -> bool:
    """Whether a folder says that it is published: it has a ``sha256.txt``.

    Example
    -------
    >>> is_published("tests/samples")
    False
    """
    return (Path(folder) / LIST_FILE).is_file()


def write_checksums(folder: str | Path) -> None:
    """List every file of a folder; an older list is replaced.

    Arguments
    ---------
    folder : str or Path

    Example
    -------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "README.md").touch()
    >>> write_checksums(folder)
    >>> check_files(folder)
    ['README.md']
    """
    folder = Path(folder)
    names = [name for name in _files_in(folder) if name != LIST_FILE]
    lines = [f"{file_sha256(folder / name)}  {name}\n" for name in names]
    write_whole(folder / LIST_FILE, "".join(lines))


def check_files(folder: str | Path) -> list[str]:
    """Compare a folder with its list; no file is loaded.

    Names that begin with a dot are the hub's and git's, and left alone.

    Arguments
    ---------
    folder : str or Path

    Returns
    -------
    list of str
        The files of the list.

    Raises
    ------
    FileNotFoundError
        If there is no list, or a file of it is missing.
    ValueError
        If the list is damaged or leads out of the folder, a file has another
        hash, is not listed, or can hold code.
    """
    folder = Path(folder)
    listed = _read_list(folder)
    found = _files_in(folder)
    missing = sorted(set(listed) - set(found))
    if missing:
        raise FileNotFoundError(
            f"{folder} lacks {first_offenders(missing)}, which {LIST_FILE} "
            "lists; copy or download the folder again"
        )
    added = [name for name in found if name not in (*listed, LIST_FILE)]
    if added:
        raise ValueError(
            f"{LIST_FILE} of {folder} does not list "
            f"{first_offenders(added)}; whoever published the folder did not "
            "put it there: take it out"
        )
    for name in listed:
        if name.lower().endswith(_CODE) and name not in _SPEECHBRAIN:
            raise ValueError(
                f"{folder / name} can hold code that runs when it is loaded; a "
                "published folder keeps weights in model.safetensors"
            )
        if file_sha256(folder / name) != listed[name]:
            raise ValueError(
                f"{folder / name} has another SHA-256 than {LIST_FILE} says: "
                "it is damaged, or was changed after it was published; "
                "download the folder again, or publish yours again"
            )
    return list(listed)


def _read_list(folder: Path) -> dict[str, str]:
    """Hash by name."""
    path = folder / LIST_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} is no published folder: it holds no {LIST_FILE}; make "
            "one with `denokd publish`"
        )
    listed: dict[str, str] = {}
    for number, line in enumerate(_lines(path), start=1):
        match = _LINE.fullmatch(line)
        if match is None or match[2] in listed:
            raise ValueError(
                f"line {number} of {path} is not a new `SHA-256  name`; "
                "download the folder again"
            )
        if not _is_inside(match[2]):
            raise ValueError(
                f"line {number} of {path} names {match[2]!r}, which leads out "
                "of the folder; do not use this folder"
            )
        listed[match[2]] = match[1]
    return listed


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is no text; download the folder again"
        ) from error


def _is_inside(name: str) -> bool:
    """Whether a name is a plain relative one, on Windows as well."""
    parts = name.split("/")
    plain = not any(character in name for character in "\\:\0")
    return (
        plain
        and not PurePosixPath(name).is_absolute()
        and not any(part in ("", ".", "..") for part in parts)
    )


def _files_in(folder: Path) -> list[str]:
    """Names of all files below, sorted; links that lead out are refused."""
    names = []
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in (*folders, *files):
            path = Path(place) / name
            if name.startswith("."):
                continue
            if path.is_symlink():
                _check_link(path, folder)
            if name in files:
                if not path.is_file():  # a pipe would block whoever reads it
                    raise ValueError(f"{path} is no ordinary file; take it out")
                names.append(path.relative_to(folder).as_posix())
    return sorted(names)


def _check_link(path: Path, folder: Path) -> None:
    """Refuse a link out of the folder, but for those of the hub's cache.

    The cache keeps files in ``blobs/`` and links to them from
    ``snapshots/<revision>/``.
    """
    target, home = path.resolve(), folder.resolve()
    inside = [home]
    if home.parent.name == "snapshots":
        inside.append(home.parent.parent / "blobs")
    if path.is_dir() or not any(
        target.is_relative_to(place) for place in inside
    ):
        raise ValueError(
            f"{path} is a link that leads out of the folder, to {target}; do "
            "not use this folder"
        )
