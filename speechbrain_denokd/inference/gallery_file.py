"""The file of a gallery (``enrolled embeddings <-> one safetensors file``).

The file has one array, the embeddings of all recordings, and names, counts
and the model's fingerprint as JSON in its header. It cannot hold code.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from speechbrain_denokd.scoring.fingerprints import file_sha256
from speechbrain_denokd.scoring.stored import check_keys

_FORMAT = 1  # raise it when what the file means changes
_KEYS = ("format", "names", "counts", "model_sha256")


class GalleryFile(NamedTuple):
    """What a gallery is rebuilt from.

    Attributes
    ----------
    names : list of str
        Enrolled speakers.
    counts : list of int
        Recordings of each.
    embeddings : (R, D) numpy.ndarray of float32
        Of all recordings, speaker by speaker; (0, 0) of an empty gallery.
    model_sha256 : str
        `encoder_fingerprint` of the model that made them.

    Example
    -------
    >>> GalleryFile(["ann"], [2], np.zeros((2, 3), np.float32), "ab").counts
    [2]
    """

    names: list[str]
    counts: list[int]
    embeddings: np.ndarray
    model_sha256: str


def encoder_fingerprint(folder: str | Path) -> str:
    """SHA-256 of the part of a model folder that embeddings depend on.

    That is the network's weights and ``hyperparams.yaml``. A new back-end or
    calibration in the folder changes nothing: a gallery stays valid.

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
        If it is no model folder.

    Example
    -------
    >>> len(encoder_fingerprint("pretrained/sample_teacher"))
    64
    """
    # Both hashes have the same length, so they cannot run together.
    hashes = [
        file_sha256(Path(folder) / name)
        for name in ("hyperparams.yaml", "embedding_model.ckpt")
    ]
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


def write_gallery_file(path: str | Path, content: GalleryFile) -> None:
    """Write a gallery so that the file is either whole or as it was.

    Arguments
    ---------
    path : str or Path
        Its folder is made when missing.
    content : GalleryFile

    Example
    -------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "people.safetensors"
    >>> rows = np.ones((1, 2), np.float32)
    >>> write_gallery_file(path, GalleryFile(["ann"], [1], rows, "ab"))
    >>> read_gallery_file(path).names
    ['ann']
    """
    record = {
        "format": _FORMAT,
        "names": content.names,
        "counts": content.counts,
        "model_sha256": content.model_sha256,
    }
    header = {"gallery": json.dumps(record, ensure_ascii=False)}
    arrays = {"embeddings": np.asarray(content.embeddings, order="C")}
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.write_bytes(save(arrays, header))
    os.replace(partial, path)


def read_gallery_file(path: str | Path) -> GalleryFile:
    """Read what `write_gallery_file` wrote; nothing in it is run.

    Arguments
    ---------
    path : str or Path

    Returns
    -------
    GalleryFile

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is damaged, no gallery, or of another format.

    Example
    -------
    >>> read_gallery_file("nobody.safetensors")
    Traceback (most recent call last):
        ...
    FileNotFoundError: there is no gallery nobody.safetensors; ...
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"there is no gallery {path}; correct the path, or make one with "
            "`denokd enroll`"
        )
    try:
        with safe_open(str(path), framework="numpy") as file:
            header = (file.metadata() or {}).get("gallery")
            arrays = {name: file.get_tensor(name) for name in file.keys()}
    except SafetensorError as error:
        raise ValueError(
            f"{path} is no safetensors file ({error}); it may be truncated: "
            "copy it again"
        ) from error
    if header is None:
        raise ValueError(f"{path} holds no gallery; correct the path")
    check_keys(arrays, ("embeddings",), f"arrays of {path}")
    return _checked(path, _parsed(path, header), arrays["embeddings"])


def _parsed(path: str | Path, header: str) -> dict:
    try:
        record = json.loads(header)
    except ValueError as error:
        raise ValueError(
            f"the header of {path} is no JSON ({error}); copy it again"
        ) from error
    if not isinstance(record, dict):
        raise ValueError(f"the header of {path} is no record; copy it again")
    check_keys(record, _KEYS, f"header of {path}")
    if record["format"] != _FORMAT:
        raise ValueError(
            f"{path} is of format {record['format']!r}, but this version reads "
            f"format {_FORMAT}; enrol with this version"
        )
    return record


def _checked(
    path: str | Path, record: dict, embeddings: np.ndarray
) -> GalleryFile:
    """Refuse names, counts and rows that do not belong together."""
    names, counts = record["names"], record["counts"]
    fits = (
        isinstance(names, list)
        and isinstance(counts, list)
        and all(isinstance(name, str) for name in names)
        and all(type(count) is int and count > 0 for count in counts)
        and len(set(names)) == len(names) == len(counts)
        and embeddings.ndim == 2
        and embeddings.dtype == np.float32
        and sum(counts) == len(embeddings)
        and bool(np.isfinite(embeddings).all())
        and isinstance(record["model_sha256"], str)
    )
    if not fits:
        raise ValueError(
            f"{path} is damaged: its names, counts and embeddings (of shape "
            f"{embeddings.shape}) do not belong together; copy it again"
        )
    return GalleryFile(names, counts, embeddings, record["model_sha256"])
