"""Mixtures with another utterance of each speaker (``mixture -> enroll``).

An enrolled utterance is never the one that is in the mixture, and of another
session where the speaker has one.
"""

from collections.abc import Sequence

import numpy as np
import torch

from speechbrain_denokd.data.crop import random_crop
from speechbrain_denokd.data.dataset import read_stretch
from speechbrain_denokd.data.manifest import Utterance
from speechbrain_denokd.data.speed import change_speed
from speechbrain_denokd.overlap.crops import OverlapCrops
from speechbrain_denokd.overlap.mixture_set import MixtureSet
from speechbrain_denokd.overlap.mixtures import Mixture
from speechbrain_denokd.overlap.speakers import SpeakerPool

# Drawn beside what the mixture itself draws from (seed, epoch, index).
_STREAM = 1


class Enrollment:
    """Utterances that speakers are enrolled with, cropped to one length.

    Arguments
    ---------
    utterances : sequence of Utterance
        Rows of a manifest; of each speaker at least two.
    enroll_s : float
        Length of an enrolled stretch in seconds; shorter ones are repeated.
    sample_rate : int
        In Hz.

    Raises
    ------
    ValueError
        If a speaker has one utterance alone.

    Example
    -------
    >>> row = Utterance("u1", 1.0, "1.wav", 0, 16000, "ann")
    >>> Enrollment([row], 1.0)
    Traceback (most recent call last):
    ...
    ValueError: 1 of 1 speakers have one utterance alone (first: ann), and \
none is left to enroll them with; drop them from the manifest
    """

    def __init__(
        self,
        utterances: Sequence[Utterance],
        enroll_s: float,
        sample_rate: int = 16000,
    ):
        self._pool = SpeakerPool(utterances)
        alone = [
            name for name, rows in self._pool.rows_of.items() if len(rows) < 2
        ]
        if alone:
            raise ValueError(
                f"{len(alone)} of {len(self._pool.rows_of)} speakers have one "
                f"utterance alone (first: {min(alone)}), and none is left to "
                "enroll them with; drop them from the manifest"
            )
        self.n_samples = round(enroll_s * sample_rate)
        self.sample_rate = sample_rate

    def read(
        self,
        rows: Sequence[Utterance],
        rng: np.random.Generator,
        speeds: Sequence[float] | None = None,
    ) -> torch.Tensor:
        """Stretches of other utterances of the speakers of some rows.

        Arguments
        ---------
        rows : sequence of Utterance
            Those in the mixture.
        rng : numpy.random.Generator
        speeds : sequence of float, optional
            What each is played at, as it is in the mixture; 1 by default.

        Returns
        -------
        (K, S) torch.Tensor
        """
        wavs = []
        for row, speed in zip(rows, speeds or [1.0] * len(rows), strict=True):
            other = self._pool.utterance(row.spk_id, rng, besides=row)
            # Played faster, it takes more of the utterance.
            needed = (
                self.n_samples
                if speed == 1
                else int(self.n_samples * speed) + 1
            )
            wav = read_stretch(other, needed, rng, self.sample_rate)
            wav = change_speed(wav, speed)
            wavs.append(random_crop(wav, self.n_samples, rng))
        return torch.from_numpy(np.stack(wavs))


class EnrolledCrops(OverlapCrops):
    """Random mixtures of training utterances, with ``enroll`` (K, S).

    The mixtures are those of `OverlapCrops` with the same arguments.

    Arguments
    ---------
    utterances : sequence of Utterance
        Training rows; of each speaker at least two.
    labels, crop_s, seed, **options
        As `OverlapCrops`. With ``speed_perturb`` a speaker is enrolled at
        the speed that is in the mixture: another speed is another voice.
    enroll_s : float
        Length of the enrolled stretches, in seconds.

    Raises
    ------
    ValueError
        As `OverlapCrops` and `Enrollment`.

    Example
    -------
    >>> import soundfile, tempfile
    >>> rows, folder = [], tempfile.mkdtemp()
    >>> for name in ("ann-1", "ann-2", "bob-1", "bob-2"):
    ...     wav = np.random.default_rng(0).uniform(-0.5, 0.5, 400)
    ...     path = f"{folder}/{name}.wav"
    ...     soundfile.write(path, wav, 16000)
    ...     rows.append(Utterance(name, 0.025, path, 0, 400, name[:3]))
    >>> crops = EnrolledCrops(rows, {"ann": 0, "bob": 1}, 0.02, 1, enroll_s=0.1)
    >>> crops[1, 0]["enroll"].shape
    torch.Size([2, 1600])
    """

    def __init__(
        self,
        utterances: Sequence[Utterance],
        labels,
        crop_s: float,
        seed: int,
        enroll_s: float,
        **options,
    ):
        super().__init__(utterances, labels, crop_s, seed, **options)
        self.enrollment = Enrollment(utterances, enroll_s, self.sample_rate)

    def __getitem__(self, epoch_and_index: tuple[int, int]) -> dict:
        epoch, index = epoch_and_index
        key = [self.seed, epoch, index]
        # What the mixture draws first: its row, then the other speakers.
        drawn = np.random.default_rng(key)
        if self.n_mixtures:
            index = int(drawn.integers(len(self.utterances)))
        rows = self._speakers_of(self.utterances[index], drawn)
        rng = np.random.default_rng([*key, _STREAM])
        item = super().__getitem__(epoch_and_index)
        speeds = None
        if self.speed_perturb is not None:
            speeds = self.speed_perturb.speeds(item["label"].tolist())
        return {**item, "enroll": self.enrollment.read(rows, rng, speeds)}


class EnrolledMixtures(MixtureSet):
    """Fixed mixtures with ``enroll`` (K, S), the same at every call.

    Arguments
    ---------
    mixtures, utterances, **options
        As `MixtureSet`.
    enroll_s : float
        Length of the enrolled stretches, in seconds.

    Raises
    ------
    ValueError
        As `MixtureSet` and `Enrollment`.

    Example
    -------
    >>> from speechbrain_denokd.data.manifest import read_manifest
    >>> from speechbrain_denokd.overlap.draw import draw_mixtures
    >>> rows = read_manifest("tests/samples/dev.csv", "tests/samples")
    >>> mixtures = EnrolledMixtures(draw_mixtures(rows, 1), rows, enroll_s=1.0)
    >>> mixtures[0]["enroll"].shape
    torch.Size([2, 16000])
    """

    def __init__(
        self,
        mixtures: Sequence[Mixture],
        utterances: Sequence[Utterance],
        enroll_s: float,
        **options,
    ):
        super().__init__(mixtures, utterances, **options)
        self.enrollment = Enrollment(utterances, enroll_s, self.sample_rate)

    def __getitem__(self, index: int) -> dict:
        sources = self.mixtures[index].sources
        rows = [self._rows[source.utterance] for source in sources]
        # By place in the list alone: the same in every epoch.
        rng = np.random.default_rng([index, _STREAM])
        return {
            **super().__getitem__(index),
            "enroll": self.enrollment.read(rows, rng),
        }
