"""Identities of recordings, and how two sets of them are compared.

The arrow ``mixtures -> embeddings -> scores`` of overlapped trials.

Source: H. Han et al., "MIRNet: Learning multiple identities representations
in overlapped speech", Interspeech 2020, Eq. (6) and (7): two recordings are as
far apart as their closest pair of outputs.
Differs: besides the Euclidean distance, cosines; any number of outputs on
either side, so that a clean enrolment and an encoder of single speakers, with
one embedding for each mixture, are compared in the same way.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from speechbrain.dataio.batch import PaddedBatch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from speechbrain_denokd.data.batches import batches_by_duration
from speechbrain_denokd.data.dataset import WholeUtterances
from speechbrain_denokd.data.manifest import Utterance
from speechbrain_denokd.data.trials import Trial
from speechbrain_denokd.encoders.multi_output import MultiIdentityOutput
from speechbrain_denokd.overlap.mixture_set import MixtureSet, mixture_batch
from speechbrain_denokd.overlap.mixtures import Mixture

DISTANCES = ("euclidean", "cosine")


def identities(output) -> Tensor:
    """Embeddings of an encoder's output, one row for each identity.

    Arguments
    ---------
    output : EncoderOutput or MultiIdentityOutput

    Returns
    -------
    (B, K, D) torch.Tensor of float32
        ``K`` is 1 for an encoder of single speakers.

    Example
    -------
    >>> output = MultiIdentityOutput(torch.ones(3, 2, 4), *[torch.ones(1)] * 3)
    >>> identities(output).shape
    torch.Size([3, 2, 4])
    """
    if isinstance(output, MultiIdentityOutput):
        return output.embeddings.float()
    return output.embedding.float().unsqueeze(1)


@torch.no_grad()
def embed_mixtures(
    encoder: nn.Module,
    mixtures: Sequence[Mixture],
    utterances: Sequence[Utterance],
    batch_s: float = 120.0,
    n_workers: int = 0,
) -> dict[str, np.ndarray]:
    """Identities of every mixture.

    Arguments
    ---------
    encoder : torch.nn.Module
        Of several speakers or of one; put in eval mode.
    mixtures : sequence of Mixture
    utterances : sequence of Utterance
        Rows that they are made of.
    batch_s : float
        Seconds of audio per batch.
    n_workers : int
        Processes that read audio.

    Returns
    -------
    dict of str to (K, D) numpy.ndarray of float32
        By mixture ID, in the order of ``mixtures``.
    """
    loader = mixture_loader(
        MixtureSet(mixtures, utterances), batch_s, n_workers
    )
    return _embed(encoder, loader)


@torch.no_grad()
def embed_enrollments(
    encoder: nn.Module,
    utterances: Sequence[Utterance],
    batch_s: float = 120.0,
    n_workers: int = 0,
) -> dict[str, np.ndarray]:
    """Identities of clean utterances, as `embed_mixtures` of mixtures.

    Arguments
    ---------
    encoder : torch.nn.Module
    utterances : sequence of Utterance
    batch_s : float
    n_workers : int

    Returns
    -------
    dict of str to (K, D) numpy.ndarray of float32
    """
    loader = DataLoader(
        WholeUtterances(utterances),
        batch_sampler=batches_by_duration(utterances, batch_s),
        collate_fn=PaddedBatch,
        num_workers=n_workers,
    )
    return _embed(encoder, loader)


def mixture_loader(
    mixtures: MixtureSet, batch_s: float, n_workers: int = 0
) -> DataLoader:
    """Fixed mixtures in batches of at most so many seconds.

    Arguments
    ---------
    mixtures : MixtureSet
    batch_s : float
        Seconds of audio per batch, at least one mixture.
    n_workers : int
        Processes that read audio.

    Returns
    -------
    torch.utils.data.DataLoader
    """
    return DataLoader(
        mixtures,
        batch_sampler=batches_by_duration(mixtures.mixtures, batch_s),
        collate_fn=mixture_batch,
        num_workers=n_workers,
    )


def _embed(encoder: nn.Module, loader: DataLoader) -> dict[str, np.ndarray]:
    encoder.eval()
    device = next(encoder.parameters()).device
    found = {}
    for batch in loader:
        wavs, lens = batch.sig
        output = encoder(wavs.to(device), lens.to(device))
        found.update(
            zip(batch.id, identities(output).cpu().numpy(), strict=True)
        )
    return dict(sorted(found.items()))


def closest_pair_scores(
    embeddings: Mapping[str, np.ndarray],
    trials: Sequence[Trial],
    distance: str = "euclidean",
) -> tuple[np.ndarray, np.ndarray]:
    """Score trials by the closest pair of identities, Eq. (6) and (7).

    The minimum over the pairs brings targets and nontargets closer alike.

    Arguments
    ---------
    embeddings : mapping of str to (K, D) numpy.ndarray
        Of both sides of every trial.
    trials : (N,) sequence of Trial
    distance : str
        "euclidean", the paper's, of embeddings as they are; or "cosine".

    Returns
    -------
    scores : (N,) numpy.ndarray of float64
        The distance with a minus, or the cosine: higher is closer.
    is_target : (N,) numpy.ndarray of bool

    Raises
    ------
    ValueError
        If the distance is unknown, or a side has no embeddings.

    Example
    -------
    >>> found = {
    ...     "m1": np.array([[0.0, 0.0], [9.0, 9.0]]),
    ...     "m2": np.array([[5.0, 5.0], [3.0, 4.0]]),
    ... }
    >>> closest_pair_scores(found, [Trial(True, "m1", "m2")])[0]
    array([-5.])
    """
    if distance not in DISTANCES:
        raise ValueError(
            f"no distance {distance!r}; use one of {', '.join(DISTANCES)}"
        )
    absent = {side for trial in trials for side in trial[1:]} - set(embeddings)
    if absent:
        raise ValueError(
            f"{len(absent)} sides of the trials have no embeddings (first: "
            f"{min(absent)}); embed all mixtures and enrolments of the list"
        )
    compare = _euclidean if distance == "euclidean" else _cosine
    sides = {
        name: np.asarray(rows, np.float64) for name, rows in embeddings.items()
    }
    scores = [
        compare(sides[trial.enroll], sides[trial.test]) for trial in trials
    ]
    return np.array(scores), np.array([trial.is_target for trial in trials])


def _euclidean(first: np.ndarray, second: np.ndarray) -> float:
    """Minus the smallest of all distances between two sets of rows."""
    differences = first[:, None] - second[None]
    return -float(np.linalg.norm(differences, axis=2).min())


def _cosine(first: np.ndarray, second: np.ndarray) -> float:
    """The largest of all cosines between two sets of rows."""
    tiny = np.finfo(np.float64).tiny
    units = [
        rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), tiny)
        for rows in (first, second)
    ]
    return float((units[0] @ units[1].T).max())
