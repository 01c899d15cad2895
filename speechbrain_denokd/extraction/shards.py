"""Finished parts of an extraction, and their merging (``shards -> file``).

The items are cut into shards in their own order, so that the same shard means
the same items in every process and after a kill. A shard is written whole or
not at all; the merge reads one after the other, which restores the order.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from speechbrain_denokd.data.files import write_whole
from speechbrain_denokd.extraction.inputs import Item
from speechbrain_denokd.extraction.storage import Embeddings, write_embeddings

# A kill costs less than a shard; a million items make 2,000 files.
_LEAST_ITEMS, _MOST_ITEMS, _SHARDS = 16, 512, 64


class Skipped(NamedTuple):
    """A recording without an embedding.

    Attributes
    ----------
    id, path : str
        Of its item.
    reason : str
        One sentence.

    Example
    -------
    >>> Skipped("u1", "u1.wav", "u1.wav is silent").reason
    'u1.wav is silent'
    """

    id: str
    path: str
    reason: str


class Shards:
    """The folder of a job's finished parts.

    Arguments
    ---------
    folder : str or Path
        Belongs to this job alone.
    items : sequence of Item
    items_per_shard : int, optional
        By default from the number of items alone: about 64 shards, each of 16
        to 512 items.

    Example
    -------
    >>> import tempfile
    >>> items = [Item("u1", "u1.wav"), Item("u2", "u2.wav")]
    >>> shards = Shards(tempfile.mkdtemp() + "/parts", items)
    >>> shards.claim({"precision": "fp32"})
    >>> shards.write(0, {1: np.ones(3, np.float32)}, {0: "u1.wav is silent"})
    >>> shards.is_done(0), shards.skipped()[0].id
    (True, 'u1')
    """

    def __init__(
        self,
        folder: str | Path,
        items: Sequence[Item],
        items_per_shard: int | None = None,
    ):
        self.folder = Path(folder)
        self.items = items
        self.size = items_per_shard or min(
            max(len(items) // _SHARDS, _LEAST_ITEMS), _MOST_ITEMS
        )
        self.n_shards = -(-len(items) // self.size)

    def claim(self, settings: Mapping):
        """Make the folder, or make sure that it is of the same job.

        Arguments
        ---------
        settings : mapping
            JSON values that the embeddings depend on.

        Raises
        ------
        ValueError
            If the folder holds parts of a job with other settings.
        """
        path = self.folder / "job.json"
        settings = {**settings, "items_per_shard": self.size}
        if not path.is_file():
            write_whole(path, json.dumps(settings, indent=2) + "\n")
            return
        settings = json.loads(json.dumps(settings))
        before = json.loads(path.read_text(encoding="utf-8"))
        other = [
            f"{key} was {before.get(key)!r}, now {settings.get(key)!r}"
            for key in sorted(before.keys() | settings.keys())
            if before.get(key) != settings.get(key)
        ]
        if other:
            raise ValueError(
                f"{self.folder} holds parts of another extraction "
                f"({'; '.join(other)}); go on with the same settings, delete "
                "that folder, or choose another output"
            )

    def rows(self, shard: int) -> range:
        """Rows of the items in a shard."""
        first = shard * self.size
        return range(first, min(first + self.size, len(self.items)))

    def is_done(self, shard: int) -> bool:
        """Whether a shard is written."""
        return self._path(shard).is_file()

    def write(
        self,
        shard: int,
        embeddings: Mapping[int, np.ndarray],
        reasons: Mapping[int, str],
    ):
        """Write a shard whole or not at all.

        Arguments
        ---------
        shard : int
        embeddings : mapping of int to (D,) numpy.ndarray
            By row.
        reasons : mapping of int to str
            Why the other rows have none.
        """
        rows = sorted(embeddings)
        vectors = [embeddings[row] for row in rows]
        path = self._path(shard)
        partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
        with open(partial, "wb") as file:
            np.savez(
                file,
                rows=np.array(rows, np.int64),
                embeddings=np.array(vectors, np.float32).reshape(
                    len(rows), -1 if rows else 0
                ),
                reasons=np.array(json.dumps(sorted(reasons.items()))),
            )
        os.replace(partial, path)

    def merge(self, output: str | Path) -> int:
        """Write one file of all shards, in the order of the items.

        Arguments
        ---------
        output : str or Path
            As `write_embeddings`; nothing is written without embeddings.

        Returns
        -------
        int
            Embeddings in it.
        """
        n_rows = sum(len(block.ids) for block in self._blocks())
        if n_rows:
            write_embeddings(output, self._blocks)
        return n_rows

    def skipped(self) -> list[Skipped]:
        """Recordings without an embedding, in the order of the items."""
        found = []
        for shard in range(self.n_shards):
            with np.load(self._path(shard)) as arrays:
                reasons = json.loads(str(arrays["reasons"]))
            for row, reason in reasons:
                item = self.items[row]
                found.append(Skipped(item.id, item.path, reason))
        return found

    def delete(self):
        """Remove the folder."""
        shutil.rmtree(self.folder)

    def _path(self, shard: int) -> Path:
        return self.folder / f"{shard:07d}.npz"

    def _blocks(self) -> Iterator[Embeddings]:
        for shard in range(self.n_shards):
            with np.load(self._path(shard)) as arrays:
                ids = [self.items[row].id for row in arrays["rows"]]
                yield Embeddings(ids, arrays["embeddings"])
