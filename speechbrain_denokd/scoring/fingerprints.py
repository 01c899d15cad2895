"""Hashes that say which list, file or model a score came from.

They go into the first line of a score file (``scores -> scores.txt``).
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from speechbrain_denokd.data.trials import Trial, trials_text

_MODEL_SUFFIXES = (
    ".bin",
    ".ckpt",
    ".pt",
    ".pth",
    ".safetensors",
    ".yaml",
    ".yml",
)
_BLOCK_BYTES = 1 << 20


def trials_fingerprint(trials: Iterable[Trial]) -> str:
    """SHA-256 of a trial list; another order is another list.

    It is the hash of the file that `write_trials` writes, so blank lines and
    the two ways to write a label do not matter; names do, and a list whose
    names were replaced by manifest IDs is another list.

    Arguments
    ---------
    trials : iterable of Trial

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    ValueError
        If a name has white space.

    Example
    -------
    >>> trials_fingerprint([Trial(True, "u1", "u2")])[:8]
    'e49a067b'
    """
    return hashlib.sha256(trials_text(trials).encode()).hexdigest()


def file_sha256(path: str | Path) -> str:
    """SHA-256 of a file, as ``sha256sum`` prints it.

    Arguments
    ---------
    path : str or Path

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    FileNotFoundError
        If there is no such file.

    Example
    -------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "empty"
    >>> path.touch()
    >>> file_sha256(path)[:8]
    'e3b0c442'
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"There is no file {path}: correct the path.")
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def folder_fingerprint(folder: str | Path) -> str:
    """SHA-256 of a model folder: of its weight and YAML files.

    Those files (``.ckpt``, ``.safetensors``, ``.pt``, ``.pth``, ``.bin``,
    ``.yaml``, ``.yml``) are listed as ``sha256sum`` does, sorted by their
    path inside the folder, and the list is hashed. A README or a plot beside
    them changes nothing; another name or one weight does.

    Arguments
    ---------
    folder : str or Path

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no such file in it.

    Example
    -------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "hyperparams.yaml").write_text("a: 1")
    >>> before = folder_fingerprint(folder)
    >>> (folder / "README.md").touch()
    >>> folder_fingerprint(folder) == before
    True
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"There is no model folder {folder}: correct the path."
        )
    names = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.suffix.lower() in _MODEL_SUFFIXES and path.is_file()
    )
    if not names:
        raise FileNotFoundError(
            f"{folder} holds no weights and no YAML: give the folder that "
            "training wrote (results/.../model)."
        )
    lines = [f"{file_sha256(folder / name)}  {name}\n" for name in names]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
