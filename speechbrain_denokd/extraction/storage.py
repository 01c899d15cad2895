"""Embeddings on disk: ``.npz``, Kaldi's ``.ark`` with ``.scp``, Parquet.

==========  ================================================================
suffix      content
==========  ================================================================
.npz        ``ids`` (N,) str and ``embeddings`` (N, D) float32, for NumPy
.ark        one float32 vector an ID; an ``.scp`` beside it lists where each
            begins (needs ``kaldiio``)
.parquet    columns ``id`` and ``embedding``, a list of D float32 (needs
            ``pyarrow``)
==========  ================================================================

Written block by block: a million embeddings are never in memory together.
"""

import importlib
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from speechbrain_denokd.data.files import first_offenders

SUFFIXES = (".npz", ".ark", ".parquet")
_NEEDS = {".ark": "kaldiio", ".parquet": "pyarrow"}


class Embeddings(NamedTuple):
    """Embeddings by ID.

    Attributes
    ----------
    ids : list of str
    vectors : (N, D) numpy.ndarray of float32

    Example
    -------
    >>> Embeddings(["u1"], np.zeros((1, 2), np.float32)).ids
    ['u1']
    """

    ids: list[str]
    vectors: np.ndarray


Blocks = Callable[[], Iterator[Embeddings]]


def check_output(path: str | Path, ids: Iterable[str]):
    """Refuse what could not be written, before hours of work.

    Arguments
    ---------
    path : str or Path
        File to be written.
    ids : iterable of str
        Of all recordings.

    Raises
    ------
    ValueError
        If the suffix is none of ours, its library is missing, or IDs have
        white space, which Kaldi's files cannot hold.

    Example
    -------
    >>> check_output("a.csv", [])
    Traceback (most recent call last):
        ...
    ValueError: a.csv: embeddings are written to .npz, .ark, .parquet; ...
    """
    suffix = Path(path).suffix
    if suffix not in SUFFIXES:
        raise ValueError(
            f"{path}: embeddings are written to {', '.join(SUFFIXES)}; choose "
            "one of these suffixes"
        )
    if suffix == ".ark":
        spaced = [repr(name) for name in ids if len(name.split()) != 1]
        if spaced:
            raise ValueError(
                f"{len(spaced)} IDs have white space, which Kaldi's files "
                f"cannot hold: {first_offenders(spaced)}; write .npz or "
                ".parquet, or rename them"
            )
    if suffix in _NEEDS:
        _imported(_NEEDS[suffix])


def write_embeddings(path: str | Path, blocks: Blocks):
    """Write embeddings block by block.

    Arguments
    ---------
    path : str or Path
        Its suffix says the format; an ``.ark`` gets an ``.scp`` beside it.
    blocks : callable
        Each call gives an iterator over the same `Embeddings`; blocks may be
        empty, but not all of them.

    Raises
    ------
    ValueError
        As `check_output`.

    Example
    -------
    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/a.npz"
    >>> block = Embeddings(["u1", "u2"], np.eye(2, 3, dtype=np.float32))
    >>> write_embeddings(path, lambda: iter([block]))
    >>> np.load(path)["ids"].tolist(), read_embeddings(path).vectors.shape
    (['u1', 'u2'], (2, 3))
    """
    path = Path(path)
    check_output(path, [])
    path.parent.mkdir(parents=True, exist_ok=True)
    # A reader never sees a half-written file: the rename is atomic.
    partial = path.with_name(f"{path.name}.partial")
    {".npz": _write_npz, ".ark": _write_ark, ".parquet": _write_parquet}[
        path.suffix
    ](partial, blocks)
    if path.suffix == ".ark":
        _write_scp(path, Path(f"{partial}.scp"))
    partial.replace(path)


def read_embeddings(path: str | Path) -> Embeddings:
    """Read what `write_embeddings` wrote.

    Arguments
    ---------
    path : str or Path

    Returns
    -------
    Embeddings

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        As `check_output`.

    Example
    -------
    >>> read_embeddings("nowhere.npz")
    Traceback (most recent call last):
        ...
    FileNotFoundError: There are no embeddings at nowhere.npz: ...
    """
    path = Path(path)
    check_output(path, [])
    if not path.is_file():
        raise FileNotFoundError(
            f"There are no embeddings at {path}: correct the path, or extract "
            "them with denokd embed."
        )
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            return Embeddings(arrays["ids"].tolist(), arrays["embeddings"])
    if path.suffix == ".ark":
        pairs = list(_imported("kaldiio").load_ark(str(path)))
        return Embeddings(
            [name for name, _ in pairs], np.stack([v for _, v in pairs])
        )
    table = _imported("pyarrow.parquet").read_table(path)
    flat = table["embedding"].combine_chunks().flatten().to_numpy()
    return Embeddings(table["id"].to_pylist(), flat.reshape(table.num_rows, -1))


def _write_npz(path: Path, blocks: Blocks):
    n_rows, width, dim = 0, 1, 0
    for ids, vectors in blocks():
        n_rows += len(ids)
        width = max([width, *map(len, ids)])
        dim = vectors.shape[1] or dim
    with zipfile.ZipFile(path, "w") as archive:
        names = (np.array(ids, f"<U{width}") for ids, _ in blocks())
        _write_npy(archive, "ids", f"<U{width}", (n_rows,), names)
        rows = (vectors for _, vectors in blocks())
        _write_npy(archive, "embeddings", "<f4", (n_rows, dim), rows)


def _write_npy(
    archive: zipfile.ZipFile,
    name: str,
    dtype: str,
    shape: Sequence[int],
    arrays: Iterable[np.ndarray],
):
    """One array of an ``.npz``, from its parts."""
    header = {"descr": dtype, "fortran_order": False, "shape": tuple(shape)}
    with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
        np.lib.format.write_array_header_1_0(file, header)
        for array in arrays:
            file.write(np.ascontiguousarray(array, dtype).tobytes())


def _write_ark(path: Path, blocks: Blocks):
    kaldiio = _imported("kaldiio")
    with kaldiio.WriteHelper(f"ark,scp:{path},{path}.scp") as write:
        for ids, vectors in blocks():
            for name, vector in zip(ids, vectors, strict=True):
                write(name, vector)


def _write_scp(path: Path, partial: Path):
    """Kaldi's index names the archive it was made for: the partial one."""
    scp = path.with_suffix(".scp")
    with (
        open(partial, encoding="utf-8") as lines,
        open(f"{scp}.partial", "w", encoding="utf-8") as out,
    ):
        for line in lines:
            name, place = line.split(maxsplit=1)
            out.write(f"{name} {path}:{place.rsplit(':', 1)[1]}")
    partial.unlink()
    Path(f"{scp}.partial").replace(scp)


def _write_parquet(path: Path, blocks: Blocks):
    pyarrow, parquet = _imported("pyarrow"), _imported("pyarrow.parquet")
    writer = None
    for ids, vectors in blocks():
        if not len(ids):
            continue
        flat = pyarrow.array(vectors.reshape(-1))
        column = pyarrow.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
        table = pyarrow.table({"id": list(ids), "embedding": column})
        writer = writer or parquet.ParquetWriter(path, table.schema)
        writer.write_table(table)
    writer.close()


def _imported(name: str):
    """An optional library, or how to get it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        library = name.partition(".")[0]
        raise ValueError(
            f"this format needs {library}: run `pip install {library}`, or "
            "write .npz"
        ) from error
