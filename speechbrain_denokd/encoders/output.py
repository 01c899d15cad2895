"""What encoders return (the arrow ``encoder -> EncoderOutput``)."""

from typing import NamedTuple

from torch import Tensor


class EncoderOutput(NamedTuple):
    """Taps of an encoder: intermediate features are part of the answer.

    Shapes: ``B`` batch, ``T`` frames, ``C`` channels, ``D`` embedding size.

    Attributes
    ----------
    stages : tuple of (B, T, C_i) torch.Tensor
        Outputs of the intermediate stages, first to last.
    frames : (B, T, C) torch.Tensor
        Last frame-level features, before pooling.
    embedding : (B, D) torch.Tensor
        Utterance-level embedding, not length-normalised.
    n_frames : (B,) torch.Tensor of int64
        Valid frames of each utterance; frames from ``n_frames[b]`` on are
        padding and mean nothing.
    states : tuple of (B, T', C') torch.Tensor
        Hidden states of a pre-trained model inside the encoder, E_1 first;
        empty where there is none.

    Example
    -------
    >>> import torch
    >>> frames = torch.zeros(2, 5, 3)
    >>> output = EncoderOutput(
    ...     (frames,), frames, torch.zeros(2, 4), torch.tensor([5, 3])
    ... )
    >>> output.n_frames.tolist()
    [5, 3]
    """

    stages: tuple[Tensor, ...]
    frames: Tensor
    embedding: Tensor
    n_frames: Tensor
    states: tuple[Tensor, ...] = ()


class HiddenStates(NamedTuple):
    """Every layer of a pre-trained model, or of a network of its shape.

    Attributes
    ----------
    stages : tuple of L + 1 (B, T, C) torch.Tensor
        The input of the first block, then the output of each block, the last
        one after the model's final norm, if it has one.
    n_frames : (B,) torch.Tensor of int64
        Valid frames of each utterance; later frames mean nothing.

    Example
    -------
    >>> import torch
    >>> HiddenStates((torch.zeros(1, 49, 8),), torch.tensor([49])).n_frames
    tensor([49])
    """

    stages: tuple[Tensor, ...]
    n_frames: Tensor
