"""Direct matches of student and teacher features, without denoising.

Source: DenoKD, Table I, rows 4 and 5 (squared error between embeddings and
between frames); the cosine match is that of S. Wang et al., "Knowledge
Distillation for Small Foot-print Deep Speaker Embedding", ICASSP 2019.
Differs: the squared error is a mean over elements, not a sum, so that its size
does not depend on the number of frames and channels.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speechbrain_denokd.diffusion.standardize import RunningStandardizer
from speechbrain_denokd.distill.align import FrameAlignment
from speechbrain_denokd.distill.prediction import (
    Prediction,
    TermOutput,
    check_tap,
    read_tap,
)


class MappedTap(nn.Module):
    """Student features mapped to the teacher's size, and their targets.

    What every feature-level term begins with: align the frames in time, map
    the student linearly, detach and standardise the teacher.

    Arguments
    ---------
    student_dim, teacher_dim : int
        Channels of the tap on either side.
    tap : str
        "frames" or "embedding".
    alignment : FrameAlignment, optional
        Needed for frames when the frame rates differ.
    standardize : bool
        Whether the teacher's channels are brought to zero mean and unit
        variance by running statistics.

    Raises
    ------
    ValueError
        If ``tap`` is not a tap.

    Example
    -------
    >>> import torch
    >>> from speechbrain_denokd.encoders.output import EncoderOutput
    >>> frames = torch.randn(2, 7, 4)
    >>> output = EncoderOutput(
    ...     (), frames, torch.randn(2, 3), torch.tensor([7, 5])
    ... )
    >>> mapped, target, mask = MappedTap(4, 4, "frames")(
    ...     Prediction(output), Prediction(output)
    ... )
    >>> mapped.shape, mask.sum().item()
    (torch.Size([2, 7, 4]), 12)
    """

    def __init__(
        self,
        student_dim: int,
        teacher_dim: int,
        tap: str,
        alignment: FrameAlignment | None = None,
        standardize: bool = True,
    ):
        super().__init__()
        check_tap(tap)
        self.tap = tap
        self.teacher_dim = teacher_dim
        self.alignment = alignment
        self.linear = nn.Linear(student_dim, teacher_dim)
        self.standardizer = (
            RunningStandardizer(teacher_dim) if standardize else None
        )

    def forward(
        self, student: Prediction, teacher: Prediction
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Mapped student features, teacher target, mask of valid frames.

        Returns
        -------
        mapped, target : (B, T, C) or (B, D) torch.Tensor
            ``target`` is detached and float32.
        mask : (B, T) torch.Tensor of bool, or None where nothing is padded
        """
        student_output, teacher_output = student.output, teacher.output
        if self.tap == "frames" and self.alignment is not None:
            student_output, teacher_output = self.alignment(
                student_output, teacher_output
            )
        features, mask = read_tap(student_output, self.tap)
        target = read_tap(teacher_output, self.tap)[0].detach().float()
        if self.standardizer is not None:
            target = self.standardizer(target, mask)
        return self.linear(features).float(), target, mask


def map_tap(
    student: nn.Module, teacher: nn.Module, tap: str, standardize: bool = True
) -> MappedTap:
    """The `MappedTap` between two encoders, with the sizes they state.

    Arguments
    ---------
    student, teacher : torch.nn.Module
        Encoders; ``frame_dim``, ``embedding_dim``, ``frame_hop_ms`` and
        ``first_frame_ms`` are read.
    tap : str
        "frames" or "embedding".
    standardize : bool
        See `MappedTap`.

    Returns
    -------
    MappedTap

    Raises
    ------
    ValueError
        If ``tap`` is not a tap.

    Example
    -------
    >>> from types import SimpleNamespace
    >>> encoder = SimpleNamespace(
    ...     frame_dim=5, embedding_dim=3, frame_hop_ms=10, first_frame_ms=0
    ... )
    >>> map_tap(encoder, encoder, "embedding").linear
    Linear(in_features=3, out_features=3, bias=True)
    """
    check_tap(tap)
    if tap == "embedding":
        return MappedTap(
            student.embedding_dim,
            teacher.embedding_dim,
            tap,
            standardize=standardize,
        )
    alignment = FrameAlignment(
        student.frame_hop_ms,
        teacher.frame_hop_ms,
        student.first_frame_ms,
        teacher.first_frame_ms,
    )
    return MappedTap(
        student.frame_dim, teacher.frame_dim, tap, alignment, standardize
    )


class SquaredErrorMatch(nn.Module):
    """Mean squared error between a student and a teacher tap.

    Arguments
    ---------
    mapped_tap : MappedTap
        The tap, with the linear map and the teacher's standardisation.

    Example
    -------
    >>> import torch
    >>> from speechbrain_denokd.encoders.output import EncoderOutput
    >>> output = EncoderOutput(
    ...     (), torch.randn(2, 7, 4), torch.randn(2, 3), torch.tensor([7, 5])
    ... )
    >>> term = SquaredErrorMatch(MappedTap(3, 3, "embedding"))
    >>> loss = term(Prediction(output), Prediction(output), None).loss
    >>> bool(loss >= 0)
    True
    """

    def __init__(self, mapped_tap: MappedTap):
        super().__init__()
        self.mapped_tap = mapped_tap

    def forward(
        self,
        student: Prediction,
        teacher: Prediction,
        labels: Tensor | None = None,
    ) -> TermOutput:
        """The error, a scalar; ``labels`` are not used."""
        mapped, target, mask = self.mapped_tap(student, teacher)
        return TermOutput(mean_squared_error(mapped, target, mask), {})


class CosineMatch(nn.Module):
    """One minus the cosine between student and teacher embeddings.

    Arguments
    ---------
    student_dim, teacher_dim : int
        Sizes of the embeddings; a linear map is used where they differ.

    Example
    -------
    >>> import torch
    >>> from speechbrain_denokd.encoders.output import EncoderOutput
    >>> def network(embedding):
    ...     empty = torch.zeros(1, 1, 1)
    ...     return Prediction(
    ...         EncoderOutput((), empty, embedding, torch.tensor([1]))
    ...     )
    >>> term = CosineMatch(2, 2)
    >>> student = network(torch.tensor([[3.0, 4.0]]))
    >>> teacher = network(torch.tensor([[4.0, 3.0]]))
    >>> round(term(student, teacher).loss.item(), 4)
    0.04
    """

    def __init__(self, student_dim: int, teacher_dim: int):
        super().__init__()
        self.linear = (
            nn.Identity()
            if student_dim == teacher_dim
            else nn.Linear(student_dim, teacher_dim)
        )

    def forward(
        self,
        student: Prediction,
        teacher: Prediction,
        labels: Tensor | None = None,
    ) -> TermOutput:
        """The distance, a scalar; ``labels`` are not used."""
        mapped = self.linear(student.output.embedding).float()
        target = teacher.output.embedding.detach().float()
        return TermOutput(
            (1 - F.cosine_similarity(mapped, target, dim=-1)).mean(), {}
        )


def cosine_between(student: nn.Module, teacher: nn.Module) -> CosineMatch:
    """The `CosineMatch` between two encoders, with the sizes they state.

    Arguments
    ---------
    student, teacher : torch.nn.Module
        Encoders; ``embedding_dim`` is read.

    Example
    -------
    >>> from types import SimpleNamespace
    >>> student = SimpleNamespace(embedding_dim=3)
    >>> teacher = SimpleNamespace(embedding_dim=4)
    >>> cosine_between(student, teacher).linear
    Linear(in_features=3, out_features=4, bias=True)
    """
    return CosineMatch(student.embedding_dim, teacher.embedding_dim)


def mean_squared_error(
    x: Tensor, target: Tensor, mask: Tensor | None
) -> Tensor:
    """Mean over the elements of valid frames (of everything without a mask).

    Arguments
    ---------
    x, target : (B, T, C) or (B, D) torch.Tensor
    mask : (B, T) torch.Tensor of bool, or None

    Returns
    -------
    scalar torch.Tensor

    Example
    -------
    >>> import torch
    >>> x, target = torch.tensor([[3.0, 4.0]]), torch.tensor([[4.0, 3.0]])
    >>> mean_squared_error(x, target, None).item()
    1.0
    """
    error = x - target
    if mask is None:
        return error.square().mean()
    # Padding may hold infinities: cut it off before the square, whose slope
    # there would be one too.
    error = torch.where(mask.unsqueeze(-1), error, error.new_zeros(()))
    return error.square().sum() / (mask.sum() * x.shape[-1])
