"""Masks and counts of valid frames in padded batches."""

import torch
from torch import Tensor


def frame_mask(n_frames: Tensor, length: int) -> Tensor:
    """True where a frame is speech, False where it is padding.

    Arguments
    ---------
    n_frames : (B,) torch.Tensor
        Valid frames per utterance.
    length : int
        Frames of the padded batch, ``T``.

    Returns
    -------
    (B, T) torch.Tensor of bool

    Example
    -------
    >>> frame_mask(torch.tensor([1, 3]), 3).tolist()
    [[True, False, False], [True, True, True]]
    """
    steps = torch.arange(length, device=n_frames.device)
    return steps[None, :] < n_frames[:, None]


def valid_samples(lens: Tensor, n_samples: int) -> Tensor:
    """Samples of each utterance from SpeechBrain's relative lengths.

    Arguments
    ---------
    lens : (B,) torch.Tensor
        Relative lengths in (0, 1].
    n_samples : int
        Samples of the padded batch, ``S``.

    Returns
    -------
    (B,) torch.Tensor of int64

    Example
    -------
    >>> valid_samples(torch.tensor([1.0, 0.5]), 48000).tolist()
    [48000, 24000]
    """
    # A relative length is a float32 ratio: round, or 24000 becomes 23999.
    return (lens.double() * n_samples).round().long()
