"""What the student and the teacher hand to a distillation term."""

from typing import NamedTuple

from torch import Tensor

from speechbrain_denokd.encoders.masks import frame_mask
from speechbrain_denokd.encoders.output import EncoderOutput

TAPS = ("frames", "embedding")


class Prediction(NamedTuple):
    """Taps and class scores of one network for one batch.

    Attributes
    ----------
    output : EncoderOutput
        Frames and embedding.
    logits : (B, n) torch.Tensor or None
        Scaled cosines without margin, classes in the student's order; None
        where the network has no class head.
    margin_logits : (B, n) torch.Tensor or None
        The same with the margin on the true class.
    """

    output: EncoderOutput
    logits: Tensor | None = None
    margin_logits: Tensor | None = None


class Predictions(NamedTuple):
    """What one training step predicts.

    Attributes
    ----------
    student : Prediction
    teacher : Prediction or None
        None where nobody teaches.
    """

    student: Prediction
    teacher: Prediction | None = None


class TermOutput(NamedTuple):
    """What a distillation term returns.

    Attributes
    ----------
    loss : torch.Tensor
        The scalar to weight and sum.
    monitors : dict of str to torch.Tensor
        Detached scalars worth logging.
    """

    loss: Tensor
    monitors: dict[str, Tensor]


def read_tap(output: EncoderOutput, tap: str) -> tuple[Tensor, Tensor | None]:
    """The features a term matches, and the mask of the valid ones.

    Arguments
    ---------
    output : EncoderOutput
    tap : str
        "frames" or "embedding".

    Returns
    -------
    features : (B, T, C) or (B, D) torch.Tensor
    mask : (B, T) torch.Tensor of bool, or None
        None for embeddings, and where no frame is padding: training crops
        then skip the gathering of valid frames in every normalisation.

    Example
    -------
    >>> import torch
    >>> frames = torch.zeros(1, 3, 2)
    >>> output = EncoderOutput((), frames, torch.zeros(1, 4), torch.tensor([2]))
    >>> read_tap(output, "frames")[1].tolist()
    [[True, True, False]]
    """
    if tap == "embedding":
        return output.embedding, None
    mask = frame_mask(output.n_frames, output.frames.shape[1])
    return output.frames, None if mask.all() else mask


def check_tap(tap: str):
    """Raise ValueError unless ``tap`` names a matchable tap."""
    if tap not in TAPS:
        raise ValueError(f"tap={tap!r} is not a tap; use one of {TAPS}")
