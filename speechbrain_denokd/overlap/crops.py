"""Manifest rows -> mixtures of random speakers (``row -> sig, sources``).

Everything random about an item is drawn from (seed, epoch, row): the same in
any worker, in any order, and after a resumed run.

Source: S. Kim et al., "MIRNet: Learning multiple identities representations
in overlapped speech", Section 4.1.1: two utterances of random speakers,
crops of 3 s at random places.
Differs: the paper gives no level of the speakers to one another; here it is
drawn from a range, equal levels by default.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch.utils.data import Dataset

from speechbrain_denokd.data.crop import random_crop
from speechbrain_denokd.data.dataset import read_stretch
from speechbrain_denokd.data.manifest import Utterance
from speechbrain_denokd.data.speed import SpeedPerturb
from speechbrain_denokd.overlap.conditions import gender_pair
from speechbrain_denokd.overlap.levels import gains_for_sir
from speechbrain_denokd.overlap.mix import gains_without_clipping, mix, stagger
from speechbrain_denokd.overlap.speakers import speaker_genders


class OverlapCrops(Dataset):
    """Random mixtures of training utterances, drawn anew in each epoch.

    Items are asked for by ``(epoch, index)``, as `EpochBatches` does, and an
    epoch has one for each row: the row's utterance and utterances of other
    speakers, all speakers equally likely. Which comes first is random. With
    ``n_mixtures`` an epoch has that many, each of a random row.

    An item has ``id`` (IDs of the utterances with ``+`` between them), ``sig``
    (S,), ``sources`` (K, S) (each speaker alone, as loud and where it is in
    the mixture), ``label`` (K,) and ``genders`` ("f-m"). ``sig`` is the sum of
    the sources unless an augmentation changes it: the sources stay clean, and
    at the level they had before.

    Arguments
    ---------
    utterances : sequence of Utterance
        Training rows.
    labels : mapping of str to int
        Class of each speaker.
    crop_s : float
        Length of the mixtures in seconds; shorter utterances are repeated.
    seed : int
    n_sources : int
        K, speakers in a mixture.
    overlap : (float, float)
        Range of the share of the mixture in which two sources are present.
    sir_db : (float, float)
        Range of the level of the first source over each of the others, in dB.
    augment : callable, optional
        ``(wav (S,), rng) -> wav (S,)``, applied to the mixture: noise, and a
        room that all speakers are in.
    source_augment : callable, optional
        The same for each source, before it is mixed.
    speed_perturb : SpeedPerturb, optional
        Changes the speed of each source, and with it the class.
    sample_rate : int
        In Hz.
    n_mixtures : int, optional
        Mixtures in an epoch.

    Raises
    ------
    ValueError
        If a row's speaker has no label, there are fewer speakers than
        ``n_sources``, a range is not one, or a file cannot be used.

    Example
    -------
    >>> import soundfile, tempfile
    >>> rows, folder = [], tempfile.mkdtemp()
    >>> for name in ("ann", "bob"):
    ...     wav = np.random.default_rng(0).uniform(-0.5, 0.5, 400)
    ...     soundfile.write(f"{folder}/{name}.wav", wav, 16000)
    ...     path = f"{folder}/{name}.wav"
    ...     rows.append(Utterance(f"{name}-1", 0.025, path, 0, 400, name))
    >>> crops = OverlapCrops(rows, {"ann": 0, "bob": 1}, crop_s=0.05, seed=1)
    >>> item = crops[1, 0]
    >>> item["sources"].shape, sorted(item["label"].tolist())
    (torch.Size([2, 800]), [0, 1])
    """

    def __init__(
        self,
        utterances: Sequence[Utterance],
        labels: Mapping[str, int],
        crop_s: float,
        seed: int,
        n_sources: int = 2,
        overlap: tuple[float, float] = (1.0, 1.0),
        sir_db: tuple[float, float] = (0.0, 0.0),
        augment: Callable | None = None,
        source_augment: Callable | None = None,
        speed_perturb: SpeedPerturb | None = None,
        sample_rate: int = 16000,
        n_mixtures: int | None = None,
    ):
        self.utterances = list(utterances)
        self._rows_of: dict[str, list[Utterance]] = {}
        for row in self.utterances:
            self._rows_of.setdefault(row.spk_id, []).append(row)
        self._gender_of = speaker_genders(self.utterances)
        self._speakers = sorted(self._rows_of)
        self._place_of = {name: i for i, name in enumerate(self._speakers)}
        self.labels = dict(labels)
        self.n_samples = round(crop_s * sample_rate)
        self.seed = seed
        self.n_sources = n_sources
        self.overlap = tuple(overlap)
        self.sir_db = tuple(sir_db)
        self.augment = augment
        self.source_augment = source_augment
        self.speed_perturb = speed_perturb
        self.sample_rate = sample_rate
        self.n_mixtures = n_mixtures
        self._check()

    def __len__(self) -> int:
        return self.n_mixtures or len(self.utterances)

    def __getitem__(self, epoch_and_index: tuple[int, int]) -> dict:
        epoch, index = epoch_and_index
        rng = np.random.default_rng([self.seed, epoch, index])
        if self.n_mixtures:
            index = int(rng.integers(len(self.utterances)))
        rows = self._speakers_of(self.utterances[index], rng)
        length, offsets = stagger(
            self.n_samples, self.n_sources, rng.uniform(*self.overlap)
        )
        sir_db = rng.uniform(*self.sir_db, size=self.n_sources - 1)
        wavs, labels = zip(
            *(self._source(row, length, rng) for row in rows), strict=True
        )
        gains_db = gains_without_clipping(
            wavs, offsets, gains_for_sir(wavs, offsets, sir_db)
        )
        mixture, sources = mix(wavs, offsets, gains_db)
        if self.augment is not None:
            mixture = self.augment(mixture, rng)
        return {
            "id": "+".join(row.id for row in rows),
            "sig": torch.from_numpy(np.ascontiguousarray(mixture, np.float32)),
            "sources": torch.from_numpy(sources),
            "label": torch.tensor(labels),
            "genders": gender_pair([self._gender_of[r.spk_id] for r in rows]),
        }

    def _speakers_of(
        self, row: Utterance, rng: np.random.Generator
    ) -> list[Utterance]:
        """The row and one of each of some other speakers, in random order."""
        others = rng.choice(
            len(self._speakers) - 1, self.n_sources - 1, replace=False
        )
        # Numbers without the row's own speaker, whose place is left out.
        others = others + (others >= self._place_of[row.spk_id])
        rows = [row]
        for other in others:
            candidates = self._rows_of[self._speakers[other]]
            rows.append(candidates[int(rng.integers(len(candidates)))])
        return [rows[i] for i in rng.permutation(len(rows))]

    def _source(
        self, row: Utterance, n_samples: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, int]:
        """A speaker's crop and class, before it is mixed."""
        needed, label = n_samples, self.labels[row.spk_id]
        if self.speed_perturb is not None:
            needed = int(needed * max(self.speed_perturb.factors)) + 1
        wav = read_stretch(row, needed, rng, self.sample_rate)
        if self.speed_perturb is not None:
            wav, label = self.speed_perturb(wav, label, rng)
        wav = random_crop(wav, n_samples, rng)
        if self.source_augment is not None:
            wav = self.source_augment(wav, rng)
        return wav, label

    def _check(self) -> None:
        """Refuse what would fail in the first batch, or in a late one."""
        unknown = set(self._speakers) - set(self.labels)
        if unknown:
            raise ValueError(
                f"{len(unknown)} speakers of the manifest have no label (first:"
                f" {min(unknown)!r}); build the labels from the same manifest"
            )
        if len(self._speakers) < self.n_sources:
            raise ValueError(
                f"Mixtures of {self.n_sources} speakers need as many, but the "
                f"manifest has {len(self._speakers)}: lower n_sources or add "
                "speakers."
            )
        for name, (low, high) in (
            ("overlap", self.overlap),
            ("sir_db", self.sir_db),
        ):
            if not -np.inf < low <= high < np.inf:
                raise ValueError(
                    f"{name} is {low} to {high}: give a low and a high value "
                    "in order."
                )
        for share in self.overlap:
            stagger(self.n_samples, self.n_sources, share)
