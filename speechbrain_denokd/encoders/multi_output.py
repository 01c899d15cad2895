"""What an encoder of several speakers returns (``wavs -> K identities``)."""

from typing import NamedTuple

from torch import Tensor


class MultiIdentityOutput(NamedTuple):
    """One embedding for each speaker of a mixture, in no particular order.

    Shapes: ``B`` batch, ``K`` speakers in a mixture, ``T`` frames, ``C``
    channels, ``D`` embedding size. Output ``k`` belongs to nobody: which
    speaker it is may change from mixture to mixture, and only a loss or a
    score that tries all assignments can compare it with labels.

    Attributes
    ----------
    embeddings : (B, K, D) torch.Tensor
        Utterance-level embeddings, not length-normalised.
    attention : (B, K, T) torch.Tensor
        How much each output listens to each frame: not negative, and zero in
        the padding. The scale is the encoder's: a gate between 0 and 1, or
        weights that sum to one.
    frames : (B, T, C) torch.Tensor
        Frame-level features that all outputs share.
    n_frames : (B,) torch.Tensor of int64
        Valid frames of each mixture; frames from ``n_frames[b]`` on are
        padding and mean nothing.

    Example
    -------
    >>> import torch
    >>> output = MultiIdentityOutput(
    ...     embeddings=torch.zeros(1, 2, 4),
    ...     attention=torch.tensor([[[0.9, 0.1, 0.0], [0.2, 0.7, 0.0]]]),
    ...     frames=torch.zeros(1, 3, 5),
    ...     n_frames=torch.tensor([2]),
    ... )
    >>> output.attention.argmax(dim=2).tolist()
    [[0, 1]]
    """

    embeddings: Tensor
    attention: Tensor
    frames: Tensor
    n_frames: Tensor
