"""A teacher that has listened beforehand (``crop -> teacher``, from disk).

A frozen teacher says the same of the same crop at every visit. Where the crops
are a `CropPool`, what it says is written down once: a step then costs the
student alone, however large the teacher, and every method, seed and weight of a
comparison hears the same teacher for one price.
"""

import hashlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from speechbrain_denokd.data.crop_pool import CropPool, NewArrays, read_arrays
from speechbrain_denokd.distill.prediction import Prediction
from speechbrain_denokd.distill.teacher import FrozenTeacher
from speechbrain_denokd.encoders.output import EncoderOutput

_FRAMES, _EMBEDDING = "frames", "embedding"
_BATCH = 64


class RecordedTeacher(nn.Module):
    """Stands for a `FrozenTeacher` whose answers are on disk.

    Frames come back in half precision, embeddings as they were. There are no
    stages and no hidden states.

    Arguments
    ---------
    teacher : FrozenTeacher
        Its class head says what the embeddings mean.
    folder : str or Path
        What `record_teacher` wrote.

    Example
    -------
    >>> RecordedTeacher(FrozenTeacher(nn.Linear(1, 1)), "no/such/recording")
    Traceback (most recent call last):
    ...
    FileNotFoundError: there are no arrays in no/such/recording
    """

    def __init__(self, teacher: FrozenTeacher, folder: str | Path):
        super().__init__()
        self.teacher = teacher
        arrays = read_arrays(folder)
        self.frames, self.embedding = arrays[_FRAMES], arrays[_EMBEDDING]

    def hear(self, batch, labels: Tensor | None = None) -> Prediction:
        """What the teacher said of these crops; see `FrozenTeacher.hear`.

        Arguments
        ---------
        batch : PaddedBatch
            With ``place``, as `CropPool` gives it.
        labels : (B,) torch.Tensor of int64, optional
        """
        places = batch.place.data.squeeze(1).cpu().numpy()
        device = batch.sig.data.device
        frames = torch.from_numpy(self.frames[places]).to(device).float()
        embedding = torch.from_numpy(self.embedding[places]).to(device)
        n_frames = torch.full((len(places),), frames.shape[1], device=device)
        return self.teacher.predict(
            EncoderOutput((), frames, embedding, n_frames), labels
        )


@torch.no_grad()
def record_teacher(
    teacher: FrozenTeacher, pool: CropPool, progress: bool = True
) -> Path:
    """Let a teacher hear every crop of a pool.

    Arguments
    ---------
    teacher : FrozenTeacher
    pool : CropPool
    progress : bool
        Whether a progress bar is shown.

    Returns
    -------
    Path
        Folder of the answers, below the pool's and named by the teacher's
        weights; nothing is computed if it exists.

    Raises
    ------
    ValueError
        If the teacher's frames are not finite in half precision.
    """
    folder = recording_of(teacher, pool.folder)
    if folder.exists():
        return folder
    n_crops = len(pool.sig)
    probe = _listen(teacher, pool, [0])
    shapes = {
        _FRAMES: ((n_crops, *probe.frames.shape[1:]), np.float16),
        _EMBEDDING: ((n_crops, *probe.embedding.shape[1:]), np.float32),
    }
    with NewArrays(folder, shapes) as arrays:
        starts = range(0, n_crops, _BATCH)
        for start in tqdm(starts, desc="teacher", disable=not progress):
            places = range(start, min(start + _BATCH, n_crops))
            output = _listen(teacher, pool, places)
            frames = output.frames.half().cpu()
            if not torch.isfinite(frames).all():
                raise ValueError(
                    "the teacher's frames are not finite in half precision "
                    f"(largest: {float(output.frames.abs().max()):g}); train "
                    "with --crop_pool=null"
                )
            arrays[_FRAMES][places] = frames.numpy()
            arrays[_EMBEDDING][places] = output.embedding.float().cpu().numpy()
    return folder


def recording_of(teacher: FrozenTeacher, pool: str | Path) -> Path:
    """Folder of what a teacher says of a pool, recorded or not.

    Arguments
    ---------
    teacher : FrozenTeacher
        Named by the weights of its encoder.
    pool : str or Path

    Returns
    -------
    Path
    """
    return Path(pool) / f"teacher-{weights_fingerprint(teacher.encoder)}"


def weights_fingerprint(module: nn.Module) -> str:
    """Twelve hexadecimal digits of a module's weights and their names.

    Arguments
    ---------
    module : torch.nn.Module

    Returns
    -------
    str

    Example
    -------
    >>> linear = nn.Linear(1, 1)
    >>> before = weights_fingerprint(linear)
    >>> with torch.no_grad():
    ...     _ = linear.weight.add_(1)
    >>> before == weights_fingerprint(linear)
    False
    """
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]


def _listen(teacher: FrozenTeacher, pool: CropPool, places) -> EncoderOutput:
    device = next(teacher.encoder.parameters()).device
    wavs = torch.stack([pool.crop(place) for place in places]).to(device)
    return teacher.encoder(wavs, torch.ones(len(wavs), device=device))
