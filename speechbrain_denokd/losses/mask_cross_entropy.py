"""Learn whose each part of a spectrogram is (``masks, sources -> scalar``).

Source: permutation-invariant training, M. Kolbaek et al., "Multitalker speech
separation with utterance-level permutation invariant training of deep
recurrent neural networks", IEEE/ACM TASLP 2017, Section IV.
Differs: the target is the ideal ratio mask, by cross entropy, where the paper
compares masked magnitudes; and what is louder counts more.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from speechbrain_denokd.encoders.masks import frame_mask
from speechbrain_denokd.encoders.speaker_masks import DB

# Loudest down to silence: weights fall from one to zero over so many dB.
RANGE_DB = 50.0


def mask_costs(
    log_masks: Tensor, levels: Tensor, n_frames: Tensor, sources: Tensor
) -> Tensor:
    """Cross entropy of every mask and every source's ideal ratio mask.

    Arguments
    ---------
    log_masks : (B, K, T, F) torch.Tensor
        Logarithms of shares that sum to one over ``K``.
    levels : (B, T, F) torch.Tensor
        Of the mixtures, in dB.
    n_frames : (B,) torch.Tensor of int64
        Valid frames, at least 1.
    sources : (B, K, T, F) torch.Tensor
        Levels of each speaker alone, in dB.

    Returns
    -------
    (B, K, K) torch.Tensor of float32
        ``[b, k, j]``: mask ``k``, source ``j``. Summed over an assignment, nats
        per filter and frame: log K for masks that say nothing.

    Example
    -------
    >>> sources = torch.tensor([[[[0.0]], [[-90.0]]]])
    >>> masks = torch.tensor([[[[0.25]], [[0.75]]]])
    >>> mask_costs(masks.log(), sources[:, 0], torch.tensor([1]), sources)
    tensor([[[1.3863e+00, 1.3863e-09],
             [2.8768e-01, 2.8768e-10]]])
    """
    with torch.no_grad():
        ideal = (sources.float() / DB).softmax(dim=1)
        weights = loudness_weights(levels, n_frames)
        total = weights.sum(dim=(1, 2), keepdim=True)
        counted = ideal * (weights / total).unsqueeze(1)
    return -torch.einsum("bktf,bjtf->bkj", log_masks.float(), counted)


def loudness_weights(levels: Tensor, n_frames: Tensor) -> Tensor:
    """How much each filter and frame of a mixture counts.

    Arguments
    ---------
    levels : (B, T, F) torch.Tensor
        In dB.
    n_frames : (B,) torch.Tensor of int64
        Valid frames, at least 1.

    Returns
    -------
    (B, T, F) torch.Tensor
        One at the mixture's peak, zero from `RANGE_DB` below it on and in the
        padding.

    Example
    -------
    >>> levels = torch.tensor([[[-10.0], [-35.0], [-90.0], [50.0]]])
    >>> loudness_weights(levels, torch.tensor([3])).flatten().tolist()
    [1.0, 0.5, 0.0, 0.0]
    """
    valid = frame_mask(n_frames, levels.shape[1]).unsqueeze(2)
    heard = levels.masked_fill(~valid, -torch.inf)
    peak = heard.amax(dim=(1, 2), keepdim=True)
    return F.relu(1 + (heard - peak) / RANGE_DB)
