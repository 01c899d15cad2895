"""Corpora of mixtures on disk (``table of mixtures -> training, test sets``).

LibriMix's own tables are read as they are: a CSV with ``mixture_ID``,
``mixture_path`` and ``source_1_path``, ``source_2_path``, ...; speakers are
the first part of each utterance in ``mixture_ID``
(``4077-13754-0001_5142-33396-0065``). A table may say them instead in
``speaker_1``, ... and genders in ``gender_1``, ...; `wsj0_table` writes such
tables for folders laid out as wsj0-2mix is.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from speechbrain_denokd.data.audio import load_audio, read_header
from speechbrain_denokd.data.crop import random_crop
from speechbrain_denokd.data.files import first_offenders
from speechbrain_denokd.data.table import ManifestError, read_rows
from speechbrain_denokd.overlap.conditions import gender_pair

COLUMNS = ("mixture_ID", "mixture_path", "source_1_path", "source_2_path")
_ENROLL_STREAM = 1
_SAMPLE_RATE_HZ = 16_000


@dataclass(frozen=True, slots=True)
class PremixedRow:
    """One mixture on disk.

    Attributes
    ----------
    id : str
        Unique name.
    mixture : str
        Path of its audio.
    sources : tuple of str
        Path of each speaker alone, as long as the mixture.
    spk_ids : tuple of str
        Speakers.
    genders : tuple of str
        "" where not known.

    Example
    -------
    >>> PremixedRow("m", "m.wav", ("1.wav", "2.wav"), ("a", "b")).genders
    ('', '')
    """

    id: str
    mixture: str
    sources: tuple[str, ...]
    spk_ids: tuple[str, ...]
    genders: tuple[str, ...] = ("", "")


def read_premixed(path: str | Path, data_root: str | Path) -> list[PremixedRow]:
    r"""Read a table of mixtures.

    Arguments
    ---------
    path : str or Path
        CSV file.
    data_root : str or Path
        Folder that relative paths in it start from.

    Returns
    -------
    list of PremixedRow

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ManifestError
        If columns are missing or rows are wrong: one error that names the
        first five by line number and counts them all.

    Example
    -------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "test.csv"
    >>> _ = path.write_text(
    ...     "mixture_ID,mixture_path,source_1_path,source_2_path,length\n"
    ...     "40-1-1_51-3-6,mix/a.wav,s1/a.wav,s2/a.wav,48000\n"
    ... )
    >>> row = read_premixed(path, "libri")[0]
    >>> row.spk_ids, row.sources[1]
    (('40', '51'), 'libri/s2/a.wav')
    """
    rows, problems = [], []
    table = read_rows(path, COLUMNS)
    for line, row in table:
        try:
            rows.append(_parse(row, Path(data_root)))
        except ValueError as error:
            problems.append(f"line {line}: {error}")
    seen: set[str] = set()
    for row in rows:
        if row.id in seen:
            problems.append(f"mixture_ID {row.id} is there twice")
        seen.add(row.id)
    if problems:
        raise ManifestError(
            f"{path}: {len(problems)} of {len(table)} row(s) are wrong: "
            f"{first_offenders(problems)}"
        )
    return rows


def _parse(row: Mapping[str, str], root: Path) -> PremixedRow:
    keys = sorted(key for key in row if re.fullmatch(r"source_\d+_path", key))
    values = {key: (row[key] or "").strip() for key in (*COLUMNS[:2], *keys)}
    absent = [key for key, value in values.items() if not value]
    if absent:
        raise ValueError(f"no value for {', '.join(absent)}")
    numbers = [key.split("_")[1] for key in keys]
    spk_ids = [(row.get(f"speaker_{n}") or "").strip() for n in numbers]
    if not any(spk_ids):
        spk_ids = [
            name.split("-")[0] for name in values["mixture_ID"].split("_")
        ]
    if len(spk_ids) != len(keys) or not all(spk_ids):
        raise ValueError(
            f"mixture_ID '{values['mixture_ID']}' does not name the speakers "
            f"of {len(keys)} sources, and there are no columns speaker_1, ..."
        )
    if len(set(spk_ids)) < len(spk_ids):
        raise ValueError(f"speakers {'|'.join(spk_ids)} are not all different")
    return PremixedRow(
        values["mixture_ID"],
        str(root / values["mixture_path"]),
        tuple(str(root / values[key]) for key in keys),
        tuple(spk_ids),
        tuple((row.get(f"gender_{n}") or "").strip() for n in numbers),
    )


class PremixedSet(Dataset):
    """Whole mixtures, or random stretches of them for training.

    An item has ``id``, ``sig`` (S,), ``sources`` (K, S), ``genders``,
    ``spk_ids`` and, where speakers are enrolled, ``enroll`` (K, S'): of each
    the source of another mixture, never of the same file.

    Arguments
    ---------
    rows : sequence of PremixedRow
    enroll_s : float, optional
        Length of enrolled stretches in seconds; shorter ones are repeated.
    crop_s : float, optional
        For training: items are asked for by ``(epoch, index)`` and are
        stretches of this length. Shorter mixtures are repeated.
    seed : int
        Of stretches and enrolled utterances.
    n_mixtures : int, optional
        The first mixtures alone; speakers are enrolled from all of them.

    Raises
    ------
    ValueError
        If there are no rows, or a speaker to be enrolled is in one mixture
        alone.

    Example
    -------
    >>> import soundfile, tempfile
    >>> path = tempfile.mkdtemp() + "/a.wav"
    >>> soundfile.write(path, np.zeros(800), 16000)
    >>> row = PremixedRow("m", path, (path, path), ("a", "b"))
    >>> PremixedSet([row])[0]["sources"].shape
    torch.Size([2, 800])
    """

    def __init__(
        self,
        rows: Sequence[PremixedRow],
        enroll_s: float | None = None,
        crop_s: float | None = None,
        seed: int = 0,
        n_mixtures: int | None = None,
    ):
        if not rows:
            raise ValueError("the table of mixtures is empty: write it again")
        self.rows = list(rows)
        self.enroll_s, self.crop_s, self.seed = enroll_s, crop_s, seed
        self.n_mixtures = min(n_mixtures or len(self.rows), len(self.rows))
        self._files_of: dict[str, list[str]] = {}
        for row in self.rows:
            for speaker, file in zip(row.spk_ids, row.sources, strict=True):
                self._files_of.setdefault(speaker, []).append(file)
        if enroll_s is not None:
            alone = sorted(n for n, f in self._files_of.items() if len(f) < 2)
            if alone:
                raise ValueError(
                    f"{len(alone)} speakers are in one mixture alone (first: "
                    f"{alone[0]}), and no other is left to enroll them with; "
                    "take these mixtures out of the table"
                )

    def __len__(self) -> int:
        return self.n_mixtures

    def __getitem__(self, index) -> dict:
        epoch, index = index if self.crop_s is not None else (0, index)
        if not 0 <= index < len(self):  # ends a loop over the set
            raise IndexError(index)
        row, key = self.rows[index], [self.seed, epoch, index]
        wavs = self._read(row, np.random.default_rng(key))
        item = {
            "id": row.id,
            "sig": torch.from_numpy(wavs[0].copy()),
            "sources": torch.from_numpy(wavs[1:].copy()),
            "genders": gender_pair(row.genders),
            "spk_ids": row.spk_ids,
        }
        if self.enroll_s is not None:
            rng = np.random.default_rng([*key, _ENROLL_STREAM])
            item["enroll"] = self._enroll(row, rng)
        return item

    def _read(self, row: PremixedRow, rng: np.random.Generator) -> np.ndarray:
        """Mixture and sources, (1 + K, S), all of one stretch."""
        start, stop = 0, None
        length = read_header(row.mixture).n_samples
        n_samples = round((self.crop_s or 0) * _SAMPLE_RATE_HZ)
        if 0 < n_samples < length:
            start = int(rng.integers(length - n_samples + 1))
            stop = start + n_samples
        wavs = [
            load_audio(path, start, stop, _SAMPLE_RATE_HZ)
            for path in (row.mixture, *row.sources)
        ]
        sizes = {len(wav) for wav in wavs}
        if len(sizes) > 1:
            raise ValueError(
                f"mixture {row.id} and its sources have {min(sizes)} to "
                f"{max(sizes)} samples: they must be equally long"
            )
        n_repeats = max(-(-n_samples // length), 1)
        return np.tile(np.stack(wavs), n_repeats)[:, : n_samples or None]

    def _enroll(
        self, row: PremixedRow, rng: np.random.Generator
    ) -> torch.Tensor:
        n_samples = round(self.enroll_s * _SAMPLE_RATE_HZ)
        wavs = []
        for speaker, own in zip(row.spk_ids, row.sources, strict=True):
            others = [file for file in self._files_of[speaker] if file != own]
            wav = load_audio(others[int(rng.integers(len(others)))])
            wavs.append(random_crop(wav, n_samples, rng))
        return torch.from_numpy(np.stack(wavs))


@dataclass(frozen=True)
class PremixedCorpus:
    """Training, development and test mixtures on disk.

    Arguments
    ---------
    data_root : str
        Folder that relative paths in the tables start from.
    train_table, dev_table : str
        CSV files.
    test_tables : mapping of str to str
        CSV file of each test, by name.
    n_dev : int, optional
        Only the first mixtures of the development table, to save time.

    Example
    -------
    >>> PremixedCorpus("libri", "train.csv", "dev.csv", {}).n_speakers
    2
    """

    data_root: str
    train_table: str
    dev_table: str
    test_tables: Mapping[str, str]
    n_dev: int | None = None
    n_speakers: int = 2
    prepare: Sequence[Callable[[], object]] = ()

    def train(
        self, crop_s: float, seed: int, enroll_s: float | None
    ) -> PremixedSet:
        """Training mixtures, asked for by ``(epoch, index)``."""
        return PremixedSet(self._train_rows, enroll_s, crop_s, seed)

    def dev(self, enroll_s: float | None) -> PremixedSet:
        """Development mixtures, whole."""
        rows = read_premixed(self.dev_table, self.data_root)
        return PremixedSet(rows, enroll_s, n_mixtures=self.n_dev)

    def tests(self, enroll_s: float | None) -> dict[str, PremixedSet]:
        """Test mixtures, whole, by test."""
        return {
            name: PremixedSet(read_premixed(table, self.data_root), enroll_s)
            for name, table in self.test_tables.items()
        }

    @cached_property
    def _train_rows(self) -> list[PremixedRow]:
        return read_premixed(self.train_table, self.data_root)
