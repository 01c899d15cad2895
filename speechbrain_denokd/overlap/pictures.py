"""Pictures of a several-speaker encoder (``mixtures, embeddings -> PNGs``)."""

import logging
from collections.abc import Mapping
from itertools import permutations
from pathlib import Path

import numpy as np
import torch
from torch import nn

from speechbrain_denokd.losses.assignment import best_assignment
from speechbrain_denokd.overlap.identities import identities
from speechbrain_denokd.overlap.mixture_set import MixtureSet
from speechbrain_denokd.overlap.trial_set import MixtureTrialSet
from speechbrain_denokd.plots.attention import plot_attention, power_contour
from speechbrain_denokd.plots.identities import plot_identities

logger = logging.getLogger(__name__)

_MOST_MIXTURES = 200


@torch.no_grad()
def draw_pictures(
    encoder: nn.Module,
    trial_set: MixtureTrialSet,
    embeddings: Mapping[str, np.ndarray],
    folder: str | Path,
) -> None:
    """MIRNet's Figures 2 and 3, of mixtures against mixtures.

    Arguments
    ---------
    encoder : torch.nn.Module
        Of several speakers, in eval mode.
    trial_set : MixtureTrialSet
    embeddings : mapping of str to (K, D) numpy.ndarray
        Of its mixtures.
    folder : str or Path
        Receives ``attention.png`` and ``identities.png``.
    """
    folder = Path(folder)
    mixtures = trial_set.mixtures[:_MOST_MIXTURES]
    audio = MixtureSet(mixtures, trial_set.sources)
    device = next(encoder.parameters()).device
    owned, owners, outputs = [], [], []
    for mixture, item in zip(mixtures, audio, strict=True):
        sources = item["sources"].to(device)
        alone = identities(
            encoder(sources, torch.ones(len(sources), device=device))
        )
        found = embeddings[mixture.id]
        given = owners_of_outputs(found, alone.cpu().numpy())
        owned.extend(found)
        owners.extend(mixture.spk_ids[owner] for owner in given)
        outputs.extend(range(len(given)))
    plot_identities(np.stack(owned), owners, outputs, folder / "identities.png")
    item = audio[0]
    wav = item["sig"].to(device)[None]
    output = encoder(wav, torch.ones(1, device=device))
    attention = output.attention[0].cpu().numpy()
    sources = item["sources"].numpy()
    hop_s = encoder.frame_hop_ms / 1000
    plot_attention(
        item["sig"].numpy(),
        sources,
        attention[attention_order(attention, sources, hop_s)],
        folder / "attention.png",
        hop_s,
    )


def owners_of_outputs(found: np.ndarray, alone: np.ndarray) -> list[int]:
    """Which source each output of a mixture is.

    An output and a source are as close as the output and the closest of the
    outputs that the encoder has for the source alone.

    Arguments
    ---------
    found : (K, D) numpy.ndarray
        Identities of the mixture.
    alone : (K, K, D) numpy.ndarray
        Identities of each source alone.

    Returns
    -------
    list of int
        Source of each output.

    Example
    -------
    >>> found = np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> alone = np.array([[[2.0, 0.0], [1.0, 1.0]], [[0.0, 3.0], [0.0, 3.0]]])
    >>> owners_of_outputs(found, alone)
    [1, 0]
    """
    tiny = np.finfo(np.float64).tiny

    def unit(rows):
        lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
        return rows / np.maximum(lengths, tiny)

    cosines = np.einsum("kd,jod->kjo", unit(found), unit(alone)).max(axis=2)
    return best_assignment(torch.from_numpy(-cosines)[None])[0].tolist()


def attention_order(
    attention: np.ndarray, sources: np.ndarray, hop_s: float
) -> list[int]:
    """Order of the outputs in which attention follows the sources' power best.

    Arguments
    ---------
    attention : (K, T) numpy.ndarray
    sources : (K, S) numpy.ndarray
    hop_s : float
        Time between two values of the attention.

    Returns
    -------
    list of int
        Output of each source.

    Example
    -------
    >>> sources = np.zeros((2, 3200))
    >>> sources[0, :1600] = sources[1, 1600:] = 1
    >>> attention = np.repeat([[0.1, 0.9], [0.9, 0.1]], 10, axis=1)
    >>> attention_order(attention, sources, hop_s=0.010)
    [1, 0]
    """
    power = np.stack([power_contour(source, hop_s) for source in sources])
    n_frames = min(attention.shape[1], power.shape[1])
    power, heard = power[:, :n_frames], attention[:, :n_frames]
    power = power - power.mean(axis=1, keepdims=True)
    heard = heard - heard.mean(axis=1, keepdims=True)
    agreement = power @ heard.T
    orders = permutations(range(len(attention)))
    return list(
        max(orders, key=lambda order: agreement[range(len(power)), order].sum())
    )
