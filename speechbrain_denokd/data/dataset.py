"""Manifest rows -> crops with labels (``manifest row -> sig, lens``).

Everything random about an item is drawn from (seed, epoch, row): the same in
any worker, in any order, and after a resumed run.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch.utils.data import Dataset

from speechbrain_denokd.data.audio import load_audio, read_header
from speechbrain_denokd.data.crop import crop_from_id, random_crop
from speechbrain_denokd.data.manifest import Utterance
from speechbrain_denokd.data.speed import SpeedPerturb

_SHORTEST_S = 0.1  # less says nothing of a speaker, and feeds no network


class TrainingCrops(Dataset):
    """Random crops of training utterances, augmented one by one.

    Items are asked for by ``(epoch, index)``, as `EpochBatches` does.

    Arguments
    ---------
    utterances : sequence of Utterance
        Training rows.
    labels : mapping of str to int
        Class of each speaker.
    crop_s : float
        Length of the crops in seconds; shorter utterances are repeated.
    seed : int
    augment : callable, optional
        ``(wav (S,), rng) -> wav (S,)``.
    speed_perturb : SpeedPerturb, optional
        Changes the speed, and with it the class.
    sample_rate : int
        In Hz.

    Raises
    ------
    ValueError
        If a row's speaker has no label, or a file cannot be used.

    Example
    -------
    >>> import soundfile, tempfile
    >>> path = tempfile.mkdtemp() + "/a.wav"
    >>> soundfile.write(path, np.random.default_rng(0).normal(size=400), 16000)
    >>> row = Utterance("u1", 0.025, path, 0, 400, "ann")
    >>> crops = TrainingCrops([row], {"ann": 0}, crop_s=0.05, seed=1)
    >>> item = crops[1, 0]
    >>> item["sig"].shape, item["label"].item()
    (torch.Size([800]), 0)
    """

    def __init__(
        self,
        utterances: Sequence[Utterance],
        labels: Mapping[str, int],
        crop_s: float,
        seed: int,
        augment: Callable | None = None,
        speed_perturb: SpeedPerturb | None = None,
        sample_rate: int = 16000,
    ):
        unknown = {row.spk_id for row in utterances} - set(labels)
        if unknown:
            raise ValueError(
                f"{len(unknown)} speakers of the manifest have no label (first:"
                f" {min(unknown)!r}); build the labels from the same manifest"
            )
        self.utterances = list(utterances)
        self.labels = dict(labels)
        self.n_samples = round(crop_s * sample_rate)
        self.seed = seed
        self.augment = augment
        self.speed_perturb = speed_perturb
        self.sample_rate = sample_rate

    def __len__(self) -> int:
        return len(self.utterances)

    def __getitem__(self, epoch_and_index: tuple[int, int]) -> dict:
        epoch, index = epoch_and_index
        row = self.utterances[index]
        rng = np.random.default_rng([self.seed, epoch, index])
        wav, label = self._read(row, rng), self.labels[row.spk_id]
        if self.speed_perturb is not None:
            wav, label = self.speed_perturb(wav, label, rng)
        wav = random_crop(wav, self.n_samples, rng)
        if self.augment is not None:
            wav = self.augment(wav, rng)
        return {
            "id": row.id,
            "sig": torch.from_numpy(np.ascontiguousarray(wav, np.float32)),
            "label": torch.tensor([label]),
        }

    def _read(self, row: Utterance, rng: np.random.Generator) -> np.ndarray:
        """Of a long file, no more than a crop at the highest speed takes."""
        needed = self.n_samples
        if self.speed_perturb is not None:
            needed = int(needed * max(self.speed_perturb.factors)) + 1
        return read_stretch(row, needed, rng, self.sample_rate)


class WholeUtterances(Dataset):
    """Utterances as they are, or the same crop of each at every call.

    Arguments
    ---------
    utterances : sequence of Utterance
    crop_s : float, optional
        Crop of this many seconds, placed by the utterance's ID; whole when
        the utterance is shorter.
    sample_rate : int
        In Hz.

    Raises
    ------
    ValueError
        If an utterance is shorter than 0.1 s, or a file cannot be used.

    Example
    -------
    >>> import soundfile, tempfile
    >>> path = tempfile.mkdtemp() + "/a.wav"
    >>> soundfile.write(path, np.zeros(4000), 16000)
    >>> rows = [Utterance("u1", 0.25, path, 0, 4000, "ann")]
    >>> WholeUtterances(rows, crop_s=0.2)[0]["sig"].shape
    torch.Size([3200])
    """

    def __init__(
        self,
        utterances: Sequence[Utterance],
        crop_s: float | None = None,
        sample_rate: int = 16000,
    ):
        self.utterances = list(utterances)
        self.crop_s = crop_s
        self.sample_rate = sample_rate

    def __len__(self) -> int:
        return len(self.utterances)

    def __getitem__(self, index: int) -> dict:
        row = self.utterances[index]
        wav = load_audio(row.wav, row.start, row.stop, self.sample_rate)
        if len(wav) < _SHORTEST_S * self.sample_rate:
            raise ValueError(
                f"{row.id} lasts {len(wav) / self.sample_rate:.3f} s, but at "
                f"least {_SHORTEST_S} s are needed to compare speakers; take "
                "it out of the trials"
            )
        if self.crop_s is not None:
            n_samples = round(self.crop_s * self.sample_rate)
            wav = crop_from_id(wav, n_samples, row.id)
        return {"id": row.id, "sig": torch.from_numpy(wav)}


def read_stretch(
    row: Utterance,
    n_samples: int,
    rng: np.random.Generator,
    sample_rate: int = 16000,
) -> np.ndarray:
    """Read a random stretch of an utterance, or all of a shorter one.

    Arguments
    ---------
    row : Utterance
    n_samples : int
        Length of the stretch.
    rng : numpy.random.Generator
        Source of the place; untouched when the utterance is not longer.
    sample_rate : int
        In Hz.

    Returns
    -------
    (min(S, n_samples),) numpy.ndarray of float32

    Raises
    ------
    FileNotFoundError, ValueError
        If the file cannot be used.

    Example
    -------
    >>> import soundfile, tempfile
    >>> path = tempfile.mkdtemp() + "/a.wav"
    >>> soundfile.write(path, np.zeros(400), 16000)
    >>> row = Utterance("u1", 0.025, path, 0, 400, "ann")
    >>> read_stretch(row, 300, np.random.default_rng(0)).size
    300
    """
    stop = row.stop
    if stop is None:
        # A manifest's duration may be off by 0.1 s: ask the file.
        stop = read_header(row.wav).n_samples
    if stop - row.start <= n_samples:
        return load_audio(row.wav, row.start, row.stop, sample_rate)
    start = int(rng.integers(row.start, stop - n_samples + 1))
    return load_audio(row.wav, start, start + n_samples, sample_rate)
