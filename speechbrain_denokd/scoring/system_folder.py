"""Two files that hold a scoring system (``ScoringSystem <-> folder``).

``scoring.json`` has the settings, ``scoring.safetensors`` the arrays. Neither
can hold code. The settings name the hash of the arrays, so files of two
different systems, or a damaged one, are noticed.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from speechbrain_denokd.data.files import write_whole

SETTINGS_FILE = "scoring.json"
ARRAYS_FILE = "scoring.safetensors"

_FORMAT = 1  # raise it when what the files mean changes


def is_in(folder: str | Path) -> bool:
    """Whether a folder has either file of a scoring system.

    Arguments
    ---------
    folder : str or Path

    Returns
    -------
    bool
        True also for one file alone, which `read_system_folder` refuses: a
        broken system must not pass for none.

    Example
    -------
    >>> import tempfile
    >>> is_in(tempfile.mkdtemp())
    False
    """
    return any(
        (Path(folder) / name).is_file() for name in (SETTINGS_FILE, ARRAYS_FILE)
    )


def write_system_folder(
    folder: str | Path,
    settings: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
) -> None:
    """Write settings and arrays, each file whole or not at all.

    Arguments
    ---------
    folder : str or Path
        Made when missing.
    settings : mapping of str
        JSON values.
    arrays : mapping of str to numpy.ndarray

    Example
    -------
    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> write_system_folder(folder, {"norm": "z"}, {"mean": np.ones(2)})
    >>> read_system_folder(folder)
    ({'norm': 'z'}, {'mean': array([1., 1.])})
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    content = save(
        {name: np.asarray(array, order="C") for name, array in arrays.items()}
    )
    record = {
        "format": _FORMAT,
        **settings,
        "arrays_sha256": hashlib.sha256(content).hexdigest(),
    }
    text = json.dumps(record, indent=2, allow_nan=False, ensure_ascii=False)
    partial = folder / f"{ARRAYS_FILE}.{os.getpid()}.partial"
    partial.write_bytes(content)
    os.replace(partial, folder / ARRAYS_FILE)
    write_whole(folder / SETTINGS_FILE, text + "\n")


def read_system_folder(
    folder: str | Path,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read what `write_system_folder` wrote.

    Arguments
    ---------
    folder : str or Path

    Returns
    -------
    settings : dict of str
    arrays : dict of str to numpy.ndarray

    Raises
    ------
    FileNotFoundError
        If one of the files is missing.
    ValueError
        If a file is damaged, of another format, or not the other's.

    Example
    -------
    >>> read_system_folder("tests/samples")
    Traceback (most recent call last):
    ...
    FileNotFoundError: tests/samples has no scoring.json; ...
    """
    folder = Path(folder)
    for name in (SETTINGS_FILE, ARRAYS_FILE):
        if not (folder / name).is_file():
            raise FileNotFoundError(
                f"{folder} has no {name}; a scoring system needs "
                f"{SETTINGS_FILE} and {ARRAYS_FILE}: save or copy both"
            )
    settings = _read_settings(folder / SETTINGS_FILE)
    content = (folder / ARRAYS_FILE).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != settings.pop("arrays_sha256"):
        raise ValueError(
            f"{folder / ARRAYS_FILE} is damaged, or not of the same system as "
            f"{SETTINGS_FILE} (SHA-256 {digest[:12]}...): copy both again"
        )
    try:
        arrays = load(content)
    except SafetensorError as error:
        raise ValueError(
            f"{folder / ARRAYS_FILE} is no safetensors file ({error}); save "
            "the scoring system again"
        ) from error
    return settings, arrays


def arrays_below(
    prefix: str, arrays: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Arrays of one part of a system, by the names it knows.

    Arguments
    ---------
    prefix : str
        What all names must begin with.
    arrays : mapping of str to numpy.ndarray

    Returns
    -------
    dict of str to numpy.ndarray

    Raises
    ------
    ValueError
        If a name begins otherwise.

    Example
    -------
    >>> arrays_below("backend.", {"backend.scorer.mean": np.ones(1)})
    {'scorer.mean': array([1.])}
    """
    strange = sorted(name for name in arrays if not name.startswith(prefix))
    if strange:
        raise ValueError(
            f"{len(strange)} arrays belong to no part of the scoring system "
            f"(first: {strange[0]!r}); save it again"
        )
    return {name.removeprefix(prefix): array for name, array in arrays.items()}


def _read_settings(path: Path) -> dict[str, Any]:
    """Read the settings, less the format, which is checked."""
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # of JSON and of UTF-8 alike
        raise ValueError(
            f"{path} is no JSON file ({error}); copy it again"
        ) from error
    if not isinstance(settings, dict):
        raise ValueError(f"{path} holds no settings; copy it again")
    if settings.get("format") != _FORMAT:
        raise ValueError(
            f"{path} is of format {settings.get('format')!r}, but this version "
            f"reads format {_FORMAT}; save it with this version"
        )
    if not isinstance(settings.get("arrays_sha256"), str):
        raise ValueError(f"{path} lacks arrays_sha256; copy it again")
    del settings["format"]
    return settings
