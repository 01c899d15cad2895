"""Mixtures drawn from a manifest (``corpus -> training and test sets``)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch.utils.data import Dataset

from speechbrain_denokd.data.corpus import Corpus
from speechbrain_denokd.data.manifest import Utterance, read_manifest
from speechbrain_denokd.data.speed import SpeedPerturb
from speechbrain_denokd.overlap.crops import OverlapCrops
from speechbrain_denokd.overlap.draw import draw_mixtures
from speechbrain_denokd.overlap.mixture_set import MixtureSet
from speechbrain_denokd.overlap.plan import MixtureShape
from speechbrain_denokd.separation.enrollment import (
    EnrolledCrops,
    EnrolledMixtures,
)


@dataclass(frozen=True)
class DrawnMixtures:
    """Mixtures of a corpus of single speakers.

    Those of training are new in every epoch; those of the development and the
    test sets are drawn once, by the seed alone. Speakers overlap throughout.

    Arguments
    ---------
    corpus : Corpus
        Its manifests; trial lists are not read.
    n_dev, n_test : int
        Mixtures of the development set and of each test set.
    duration_s : float
        Their length.
    sir_db : (float, float)
        Range of the level of the first speaker over each of the others, in
        training and tests.
    n_speakers : int
        Speakers in a mixture, ``K``.
    seed : int
        Of the development and test mixtures.
    speeds : tuple of float
        What a training speaker may be played at, which makes other voices;
        from few voices, a network learns them by heart.

    Example
    -------
    >>> corpus = Corpus(
    ...     "tests/samples", "tests/samples/train.csv",
    ...     {"manifest": "tests/samples/dev.csv"}, {},
    ... )
    >>> mixtures = DrawnMixtures(corpus, n_dev=2, n_test=2)
    >>> item = mixtures.dev(enroll_s=None)[0]
    >>> item["sources"].shape, len(item["spk_ids"])
    (torch.Size([2, 48000]), 2)
    """

    corpus: Corpus
    n_dev: int
    n_test: int
    duration_s: float = 3.0
    sir_db: tuple[float, float] = (-5.0, 5.0)
    n_speakers: int = 2
    seed: int = 0
    speeds: tuple[float, ...] = (1.0,)

    @property
    def prepare(self) -> Sequence[Callable[[], object]]:
        """What writes the corpus's manifests."""
        return self.corpus.prepare

    def train(
        self, crop_s: float, seed: int, enroll_s: float | None
    ) -> Dataset:
        """Training mixtures, asked for by ``(epoch, index)``.

        Arguments
        ---------
        crop_s : float
            Their length in seconds.
        seed : int
        enroll_s : float, optional
            Length of an enrolled stretch of each speaker, where they are
            enrolled.

        Returns
        -------
        OverlapCrops
        """
        rows = self.corpus.train_rows
        labels = {name: i for i, name in enumerate(self.corpus.speakers)}
        options = {
            "n_sources": self.n_speakers,
            "sir_db": tuple(self.sir_db),
        }
        if tuple(self.speeds) != (1.0,):
            options["speed_perturb"] = SpeedPerturb(len(labels), self.speeds)
        if enroll_s is None:
            return OverlapCrops(rows, labels, crop_s, seed, **options)
        return EnrolledCrops(rows, labels, crop_s, seed, enroll_s, **options)

    def dev(self, enroll_s: float | None) -> Dataset:
        """Development mixtures."""
        return self._draw(self.corpus.dev["manifest"], self.n_dev, enroll_s)

    def tests(self, enroll_s: float | None) -> dict[str, Dataset]:
        """Test mixtures, by the names of the corpus's tests."""
        return {
            name: self._draw(files["manifest"], self.n_test, enroll_s)
            for name, files in self.corpus.tests.items()
        }

    def _draw(
        self, manifest: str | Path, n_mixtures: int, enroll_s: float | None
    ) -> Dataset:
        rows: list[Utterance] = read_manifest(manifest, self.corpus.data_root)
        shape = MixtureShape(self.duration_s, (1.0,), tuple(self.sir_db))
        drawn = draw_mixtures(
            rows, n_mixtures, shape, self.n_speakers, self.seed
        )
        if enroll_s is None:
            return NamedMixtures(drawn, rows)
        return NamedEnrolledMixtures(drawn, rows, enroll_s)


class _Named:
    """Adds ``spk_ids``: intervals are over speakers."""

    def __getitem__(self, index: int) -> dict:
        spk_ids = self.mixtures[index].spk_ids
        return {**super().__getitem__(index), "spk_ids": spk_ids}


class NamedMixtures(_Named, MixtureSet):
    """`MixtureSet` whose items know their speakers, ``spk_ids``."""


class NamedEnrolledMixtures(_Named, EnrolledMixtures):
    """`EnrolledMixtures` whose items know their speakers, ``spk_ids``."""
