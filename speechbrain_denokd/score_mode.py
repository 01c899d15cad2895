"""What a score is made of: one embedding a recording, or many crops of it.

``single``
    One embedding of what is heard of a recording; the back-end scores two.
``NxS``, such as ``10x3``
    N evenly spaced crops of S seconds of each side, a_1 ... a_N and b_1 ...
    b_N; the score is the mean of the N x N cosines of their embeddings. So
    SSRFNet's code scores (K. Koo et al., "SSRFNet", 2026), with 10 x 3 s.

The second needs no more memory than the first, because a cosine is an inner
product of unit vectors, which is linear in both sides:

    1/N^2 sum_i sum_j cos(a_i, b_j)
        = (1/N sum_i a_i / |a_i|) . (1/N sum_j b_j / |b_j|)

A recording is thus the mean of its unit vectors, whose length, 1 or less,
belongs to the score; two are scored by their inner product.
"""

import re
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speechbrain_denokd.encoders.masks import valid_samples
from speechbrain_denokd.encoders.output import EncoderOutput
from speechbrain_denokd.scoring.backend import BackEnd
from speechbrain_denokd.scoring.inner_product import InnerProduct
from speechbrain_denokd.scoring.system import ScoringSystem

SINGLE = "single"
_AT_ONCE_S = 120.0  # seconds of crops in memory
_CROPS = re.compile(r"(\d+)x(\d+(?:\.\d+)?)")


class CropsAveraged(NamedTuple):
    """The mean of the cosines of evenly spaced crops.

    Attributes
    ----------
    n_crops : int
        Of each recording, ``N``.
    crop_s : float
        Seconds of each.
    """

    n_crops: int
    crop_s: float


def parse_score_mode(text: str) -> CropsAveraged | None:
    """Read a score mode as YAML and command lines write it.

    Arguments
    ---------
    text : str
        "single", or "NxS" such as "10x3".

    Returns
    -------
    CropsAveraged or None
        None is a single embedding.

    Raises
    ------
    ValueError
        If it is neither, or has no crops or empty ones.

    Example
    -------
    >>> parse_score_mode("10x3")
    CropsAveraged(n_crops=10, crop_s=3.0)
    >>> parse_score_mode("single") is None
    True
    """
    if text == SINGLE:
        return None
    found = _CROPS.fullmatch(str(text))
    mode = found and CropsAveraged(int(found[1]), float(found[2]))
    if not mode or 0 in mode:
        raise ValueError(
            f"score_mode is {text!r}; use {SINGLE!r}, or the number of crops "
            "and the seconds of each, such as '10x3'"
        )
    return mode


def describe_score_mode(mode: CropsAveraged | None) -> dict:
    """A score mode as records and score files have it.

    Example
    -------
    >>> describe_score_mode(CropsAveraged(10, 3.0))
    {'kind': 'crops averaged', 'n_crops': 10, 'crop_s': 3.0}
    >>> describe_score_mode(None)
    {'kind': 'single embedding'}
    """
    if mode is None:
        return {"kind": "single embedding"}
    return {"kind": "crops averaged", **mode._asdict()}


def crops_averaged_system() -> ScoringSystem:
    """What scores the vectors of `CropAverager`: inner products.

    Example
    -------
    >>> crops_averaged_system().describe()["backend"]["scorer"]
    {'kind': 'InnerProduct'}
    """
    return ScoringSystem(BackEnd([], InnerProduct()))


def even_crops(wav: Tensor, n_crops: int, n_samples: int) -> Tensor:
    """Crops from the beginning to the end, evenly spaced.

    As in SSRFNet's code: a recording that is not longer than a crop is
    repeated up to its length.

    Arguments
    ---------
    wav : (S,) torch.Tensor
    n_crops : int
        ``N``.
    n_samples : int
        Of each crop.

    Returns
    -------
    (N, n_samples) torch.Tensor
        Of a recording that is not longer, (1, n_samples): all N are alike.

    Example
    -------
    >>> even_crops(torch.arange(7), n_crops=3, n_samples=3).tolist()
    [[0, 1, 2], [2, 3, 4], [4, 5, 6]]
    >>> even_crops(torch.arange(2), n_crops=3, n_samples=3).tolist()
    [[0, 1, 0]]
    """
    if len(wav) <= n_samples:
        n_repeats = -(-n_samples // len(wav))
        return wav.repeat(n_repeats)[None, :n_samples]
    starts = np.linspace(0, len(wav) - n_samples, n_crops).astype(int)
    return torch.stack([wav[start : start + n_samples] for start in starts])


class CropAverager(nn.Module):
    """An encoder whose embedding is the mean of unit embeddings of crops.

    Arguments
    ---------
    encoder : torch.nn.Module
        ``(wavs, lens) -> EncoderOutput``.
    mode : CropsAveraged
    sample_rate : int
        In Hz.

    Example
    -------
    >>> class Identity(nn.Module):
    ...     def forward(self, wavs, lens):
    ...         return EncoderOutput((), None, wavs, None)
    >>> averager = CropAverager(Identity(), CropsAveraged(2, 2), sample_rate=1)
    >>> wavs = torch.tensor([[3.0, 4.0, 0.0, 5.0]])
    >>> averager(wavs, torch.ones(1)).embedding
    tensor([[0.3000, 0.9000]])
    """

    def __init__(
        self, encoder: nn.Module, mode: CropsAveraged, sample_rate: int = 16000
    ):
        super().__init__()
        self.encoder = encoder
        self.n_crops = mode.n_crops
        self.n_samples = round(mode.crop_s * sample_rate)
        self.at_once = max(1, int(_AT_ONCE_S / mode.crop_s))

    def forward(self, wavs: Tensor, lens: Tensor) -> EncoderOutput:
        """(B, D) mean unit embeddings; crops have no frames in common."""
        n_samples = valid_samples(lens, wavs.shape[1]).tolist()
        crops = [
            even_crops(wav[:n], self.n_crops, self.n_samples)
            for wav, n in zip(wavs, n_samples, strict=True)
        ]
        found = [
            self.encoder(part, part.new_ones(len(part))).embedding
            for part in torch.cat(crops).split(self.at_once)
        ]
        units = F.normalize(torch.cat(found).float(), dim=1)
        of_each = units.split([len(part) for part in crops])
        embedding = torch.stack([part.mean(dim=0) for part in of_each])
        none = embedding.new_zeros(len(embedding), 0, 0)
        return EncoderOutput(
            (), none, embedding, torch.zeros(len(embedding), dtype=torch.int64)
        )
