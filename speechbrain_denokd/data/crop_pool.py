"""Crops drawn and augmented once (``manifest row -> sig``, kept on disk).

Augmentation on the fly hears every crop once, and a frozen teacher has to
listen to each anew. A pool holds a few versions of every utterance, drawn and
augmented by the same code; training picks one of them at every visit. Reading
costs nothing, and `speechbrain_denokd.distill.recorded` needs the teacher once
per version instead of once per step.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from speechbrain_denokd.data.dataset import TrainingCrops

_FULL_SCALE = 32767
_SIG, _LABEL = "sig", "label"
_N_CHECKED = 3


class CropPool(Dataset):
    """Versions of every utterance, as 16-bit samples.

    Items are asked for by ``(epoch, index)``, as `EpochBatches` does; which
    version is heard depends on (seed, epoch, index).

    Arguments
    ---------
    folder : str or Path
        What `draw_pool` wrote.
    crops : TrainingCrops
        The crops that it was drawn from: gives the utterances' names, and a
        few of its crops are compared with the pool.
    seed : int
        Of the choice among versions.

    Raises
    ------
    FileNotFoundError
        If there is no pool.
    ValueError
        If the pool holds other crops.

    Example
    -------
    >>> import soundfile, tempfile
    >>> from speechbrain_denokd.data.manifest import Utterance
    >>> root = Path(tempfile.mkdtemp())
    >>> wav = np.random.default_rng(0).uniform(-0.5, 0.5, 800)
    >>> soundfile.write(root / "a.wav", wav, 16000)
    >>> row = Utterance("u1", 0.05, str(root / "a.wav"), 0, 800, "ann")
    >>> crops = TrainingCrops([row], {"ann": 0}, crop_s=0.025, seed=1)
    >>> draw_pool(crops, 2, root / "pool", progress=False)
    >>> pool = CropPool(root / "pool", crops, seed=1)
    >>> item = pool[1, 0]
    >>> item["sig"].shape, item["label"].item(), item["place"].item() < 2
    (torch.Size([400]), 0, True)
    """

    def __init__(self, folder: str | Path, crops: TrainingCrops, seed: int):
        self.folder = Path(folder)
        self.ids = [row.id for row in crops.utterances]
        self.seed = seed
        arrays = read_arrays(self.folder)
        self.sig, self.label = arrays[_SIG], arrays[_LABEL]
        self._check_sizes(crops)
        self._check_crops(crops)

    @property
    def n_versions(self) -> int:
        """Of each utterance."""
        return len(self.sig) // len(self.ids)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, epoch_and_index: tuple[int, int]) -> dict:
        epoch, index = epoch_and_index
        rng = np.random.default_rng([self.seed, epoch, index])
        version = int(rng.integers(self.n_versions))
        place = version * len(self.ids) + index
        return {
            "id": self.ids[index],
            "sig": self.crop(place),
            "label": torch.tensor([int(self.label[place])]),
            "place": torch.tensor([place]),
        }

    def crop(self, place: int) -> torch.Tensor:
        """One crop by its place in the pool, (S,)."""
        return torch.from_numpy(
            self.sig[place].astype(np.float32) / _FULL_SCALE
        )

    def _check_sizes(self, crops: TrainingCrops):
        n_rows, n_samples = self.sig.shape
        if n_samples == crops.n_samples and n_rows % len(crops) == 0:
            return
        raise ValueError(
            f"the pool in {self.folder} holds {n_rows} crops of {n_samples} "
            f"samples, but the training set has {len(crops)} utterances and "
            f"crops of {crops.n_samples}; choose another --crop_pool"
        )

    def _check_crops(self, crops: TrainingCrops):
        """A few crops, drawn again: other audio, seeds or noises show."""
        places = np.linspace(0, len(self.sig) - 1, _N_CHECKED).astype(int)
        for place in places.tolist():
            version, index = divmod(place, len(crops))
            drawn = crops[version, index]
            same_label = int(self.label[place]) == drawn["label"].item()
            if same_label and np.array_equal(
                self.sig[place], _pcm(drawn["sig"])
            ):
                continue
            raise ValueError(
                f"the pool in {self.folder} was drawn from other audio, noises "
                f"or speakers (first difference: version {version} of "
                f"{self.ids[index]}); choose another --crop_pool"
            )


def draw_pool(
    crops: TrainingCrops,
    n_versions: int,
    folder: str | Path,
    n_workers: int = 0,
    progress: bool = True,
):
    """Draw every utterance several times and write the crops down.

    Arguments
    ---------
    crops : TrainingCrops
        Version v of an utterance is its crop of epoch v.
    n_versions : int
    folder : str or Path
        Appears when everything is written; nothing is done if it exists.
    n_workers : int
        Processes that draw.
    progress : bool
        Whether a progress bar is shown.

    Raises
    ------
    ValueError
        If ``n_versions`` is below 1.
    """
    if n_versions < 1:
        raise ValueError(
            f"pool_versions={n_versions}, but at least 1 is needed"
        )
    folder = Path(folder)
    if folder.exists():
        return
    places = [(v, i) for v in range(n_versions) for i in range(len(crops))]
    shapes = {
        _SIG: ((len(places), crops.n_samples), np.int16),
        _LABEL: ((len(places),), np.int32),
    }
    loader = DataLoader(
        crops,
        sampler=places,
        batch_size=None,
        num_workers=n_workers,
        # Its own: first weights must not depend on who drew the pool.
        generator=torch.Generator(),
    )
    with NewArrays(folder, shapes) as arrays:
        items = tqdm(loader, desc="crops", disable=not progress)
        for place, item in enumerate(items):
            arrays[_SIG][place] = _pcm(item["sig"])
            arrays[_LABEL][place] = item["label"].item()


def _pcm(wav: torch.Tensor) -> np.ndarray:
    """16-bit samples; augmentation keeps peaks at 1 or below."""
    return (
        (wav.numpy() * _FULL_SCALE).round().clip(-32768, 32767).astype(np.int16)
    )


class NewArrays:
    """A folder of ``.npy`` files that appears when all of them are filled.

    Arguments
    ---------
    folder : str or Path
    shapes : mapping of str to (shape, dtype)

    Example
    -------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp()) / "arrays"
    >>> with NewArrays(folder, {"a": ((2,), np.int16)}) as arrays:
    ...     arrays["a"][:] = 1, 2
    ...     folder.exists()
    False
    >>> read_arrays(folder)["a"].tolist()
    [1, 2]
    """

    def __init__(self, folder: str | Path, shapes: Mapping):
        self.folder = Path(folder)
        # A process of its own: two that start together each write all of it.
        self._partial = self.folder.with_name(
            f"{self.folder.name}.{os.getpid()}.partial"
        )
        self._shapes = shapes

    def __enter__(self) -> dict[str, np.ndarray]:
        shutil.rmtree(self._partial, ignore_errors=True)
        self._partial.mkdir(parents=True)
        return {
            name: np.lib.format.open_memmap(
                self._partial / f"{name}.npy", "w+", dtype, shape
            )
            for name, (shape, dtype) in self._shapes.items()
        }

    def __exit__(self, kind, *_):
        # Another process may have been faster: the same, by construction.
        if kind is None and not self.folder.exists():
            os.replace(self._partial, self.folder)
        shutil.rmtree(self._partial, ignore_errors=True)


def read_arrays(folder: str | Path) -> dict[str, np.ndarray]:
    """The arrays of a folder, read from disk as they are needed.

    Arguments
    ---------
    folder : str or Path

    Returns
    -------
    dict of str to numpy.ndarray
        By file name; they cannot be written to.

    Raises
    ------
    FileNotFoundError
        If there is none.

    Example
    -------
    >>> read_arrays("no/such/pool")
    Traceback (most recent call last):
    ...
    FileNotFoundError: there are no arrays in no/such/pool
    """
    paths = sorted(Path(folder).glob("*.npy"))
    if not paths:
        raise FileNotFoundError(f"there are no arrays in {folder}")
    return {path.stem: np.load(path, mmap_mode="r") for path in paths}
