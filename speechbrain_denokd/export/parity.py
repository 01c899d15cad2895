"""The gate: an exported graph that answers otherwise is not delivered.

The arrow ``encoder, graph -> agreement``, on recordings, at lengths and batch
sizes that the export has not seen.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from speechbrain_denokd.export.graph import SAMPLE_RATE_HZ, min_samples

MAX_DIFFERENCE = 1e-4
MIN_COSINE = 0.99999
# Not whole frames, on purpose: 10 ms are 160 samples.
LENGTHS_S = (0.5, 1.0001, 2.0, 3.4567, 5.0, 10.0)
_PAIR_S = 1.5
# Must not be heard; zeros would not show it.
_PADDING = 0.5


class Parity(NamedTuple):
    """How far a graph is from its encoder.

    Attributes
    ----------
    n_recordings : int
        Rows that were compared, over all batches.
    max_difference : float
        Largest difference of a coordinate of length-normalised embeddings.
    min_cosine : float
        Of the two embeddings of a recording.

    Example
    -------
    >>> Parity(17, 2e-7, 0.9999999).n_recordings
    17
    """

    n_recordings: int
    max_difference: float
    min_cosine: float


def compare_embeddings(expected: np.ndarray, found: np.ndarray) -> Parity:
    """Differences of two sets of embeddings.

    Arguments
    ---------
    expected, found : (N, D) numpy.ndarray
        Of the same recordings.

    Returns
    -------
    Parity
        NaN where an embedding is not finite.

    Example
    -------
    >>> compare_embeddings(np.eye(2), 3 * np.eye(2))
    Parity(n_recordings=2, max_difference=0.0, min_cosine=1.0)
    """
    sides = [np.asarray(side, np.float64) for side in (expected, found)]
    one, two = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in sides)
    cosines = np.einsum("nd,nd->n", one, two)
    difference = float(np.abs(one - two).max())
    return Parity(len(one), difference, float(cosines.min()))


def parity_batches(
    recordings: Sequence[np.ndarray], shortest: int
) -> list[list[np.ndarray]]:
    """Batches of real audio: each length alone, a pair, all of them padded.

    Arguments
    ---------
    recordings : sequence of (S,) numpy.ndarray of float32
        One after the other, and again, they give the stretches.
    shortest : int
        Fewest samples of a stretch.

    Returns
    -------
    list of list of (S,) numpy.ndarray

    Raises
    ------
    ValueError
        If there are no recordings.

    Example
    -------
    >>> batches = parity_batches([np.arange(9000, dtype=np.float32)], 1600)
    >>> [len(batch) for batch in batches]
    [1, 1, 1, 1, 1, 1, 2, 6, 3]
    >>> len(batches[0][0]) / 16000, len(batches[5][0]) / 16000
    (0.5, 10.0)
    """
    if not len(recordings):
        raise ValueError(
            "no recordings to compare graph and encoder on; give a manifest "
            "with at least one"
        )
    joined = np.concatenate(recordings)
    seconds = [*LENGTHS_S, _PAIR_S, _PAIR_S]
    lengths = [max(shortest, round(s * SAMPLE_RATE_HZ)) for s in seconds]
    ends = np.cumsum(lengths)
    stretches = [
        np.take(joined, np.arange(end - length, end), mode="wrap")
        for end, length in zip(ends, lengths, strict=True)
    ]
    several, pair = stretches[: len(LENGTHS_S)], stretches[len(LENGTHS_S) :]
    alone = [[stretch] for stretch in several]
    return [*alone, pair, several, [several[4], several[0], several[2]]]


def check_parity(
    encoder: nn.Module, embed: Callable, recordings: Sequence[np.ndarray]
) -> Parity:
    """Compare a graph, batch by batch, with the encoder on single recordings.

    Arguments
    ---------
    encoder : torch.nn.Module
        ``(wavs, lens) -> EncoderOutput``, in eval mode.
    embed : callable
        ``(wavs (B, S), n_samples (B,)) -> (B, D)``, all numpy.ndarray.
    recordings : sequence of (S,) numpy.ndarray of float32
        Speech at 16 kHz.

    Returns
    -------
    Parity

    Raises
    ------
    ValueError
        If a coordinate differs by more than ``MAX_DIFFERENCE`` or a cosine is
        below ``MIN_COSINE``.

    Example
    -------
    >>> from speechbrain_denokd.encoders.output import EncoderOutput
    >>> class Moments(nn.Module):
    ...     def forward(self, wavs, lens):
    ...         found = torch.stack([wavs.mean(1), wavs.square().mean(1)], 1)
    ...         return EncoderOutput((), wavs, found, lens)
    >>> def embed(wavs, n_samples):
    ...     rows = [w[:n] for w, n in zip(wavs, n_samples)]
    ...     return np.stack([[r.mean(), (r * r).mean()] for r in rows])
    >>> wav = np.random.default_rng(0).normal(1, 1, 9000).astype(np.float32)
    >>> check_parity(Moments(), embed, [wav]).max_difference < 1e-6
    True
    """
    expected, found = [], []
    for batch in parity_batches(recordings, min_samples(encoder)):
        expected += [_embed_alone(encoder, wav) for wav in batch]
        found += list(embed(*padded(batch, _PADDING)))
    parity = compare_embeddings(np.stack(expected), np.stack(found))
    # Written so that NaN fails, too.
    agrees = (
        parity.max_difference <= MAX_DIFFERENCE
        and parity.min_cosine >= MIN_COSINE
    )
    if not agrees:
        raise ValueError(
            "the exported graph does not agree with the model: embeddings "
            f"differ by {parity.max_difference:.2e} (at most "
            f"{MAX_DIFFERENCE:.0e} is allowed), cosine {parity.min_cosine:.6f} "
            f"(at least {MIN_COSINE}); nothing was kept: try another format"
        )
    return parity


def padded(
    wavs: Sequence[np.ndarray], value: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """A batch as graphs take it.

    Arguments
    ---------
    wavs : sequence of (S,) numpy.ndarray
    value : float
        Put behind the shorter ones.

    Returns
    -------
    wavs : (B, S) numpy.ndarray of float32
    n_samples : (B,) numpy.ndarray of int64

    Example
    -------
    >>> batch, n_samples = padded([np.ones(2), np.ones(1)], value=9)
    >>> batch.tolist(), n_samples.tolist()
    ([[1.0, 1.0], [1.0, 9.0]], [2, 1])
    """
    n_samples = np.array([len(wav) for wav in wavs], np.int64)
    batch = np.full((len(wavs), n_samples.max()), value, np.float32)
    for row, wav in zip(batch, wavs, strict=True):
        row[: len(wav)] = wav
    return batch, n_samples


@torch.no_grad()
def _embed_alone(encoder: nn.Module, wav: np.ndarray) -> np.ndarray:
    wavs = torch.from_numpy(np.ascontiguousarray(wav, np.float32))[None]
    return encoder(wavs, torch.ones(1)).embedding[0].numpy()
