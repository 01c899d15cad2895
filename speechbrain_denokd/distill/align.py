"""Time alignment of two encoders with different frame rates.

A frame is where its centre is. WavLM's frame j covers 400 samples from 320 j:
its centre lies at 12.5 + 20 j ms. SpeechBrain's filterbank frame k is centred
on 10 k ms, so frame j is nearest to k = 2 j + 1.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from speechbrain_denokd.encoders.output import EncoderOutput

_SLACK = 1  # frames that two networks may differ by at the end of a recording


@dataclass(frozen=True)
class FrameAlignment:
    """Picks, on the finer grid, the frame nearest to each coarser one.

    Arguments
    ---------
    student_hop_ms, teacher_hop_ms : float
        Time between two frames.
    student_first_ms, teacher_first_ms : float
        Centre of the first frame.

    Raises
    ------
    ValueError
        On aligning, if more than one frame of an utterance finds no partner.

    Example
    -------
    >>> alignment = FrameAlignment(10, 20, 0, 12.5)
    >>> alignment.finer_indices(4).tolist()
    [1, 3, 5, 7]
    """

    student_hop_ms: float
    teacher_hop_ms: float
    student_first_ms: float = 0.0
    teacher_first_ms: float = 0.0

    @property
    def same_grid(self) -> bool:
        """Whether frame j is at the same time on both sides."""
        return (self.student_hop_ms, self.student_first_ms) == (
            self.teacher_hop_ms,
            self.teacher_first_ms,
        )

    @property
    def student_is_finer(self) -> bool:
        """Whether frames are picked from the student."""
        return self.student_hop_ms <= self.teacher_hop_ms

    def finer_indices(self, n_coarse: int) -> Tensor:
        """Index on the finer grid of each of ``n_coarse`` coarser frames."""
        grids = [
            (self.student_first_ms, self.student_hop_ms),
            (self.teacher_first_ms, self.teacher_hop_ms),
        ]
        fine, coarse = grids if self.student_is_finer else reversed(grids)
        times = coarse[0] + coarse[1] * torch.arange(n_coarse)
        return ((times - fine[0]) / fine[1]).round().long().clamp(min=0)

    def __call__(
        self, student: EncoderOutput, teacher: EncoderOutput
    ) -> tuple[EncoderOutput, EncoderOutput]:
        """Both outputs with frames at the same times, and as many of them."""
        if self.same_grid:
            n_frames = self._common(student.n_frames, teacher.n_frames)
            length = min(student.frames.shape[1], teacher.frames.shape[1])
            return (
                _replace(student, student.frames[:, :length], n_frames),
                _replace(teacher, teacher.frames[:, :length], n_frames),
            )
        fine, coarse = (
            (student, teacher) if self.student_is_finer else (teacher, student)
        )
        # As many coarser frames as could be asked for: a surplus of finer
        # frames must not go unnoticed.
        indices = self.finer_indices(fine.frames.shape[1])
        indices = indices.to(fine.frames.device)
        reachable = (indices[None, :] < fine.n_frames[:, None]).sum(dim=1)
        n_frames = self._common(reachable, coarse.n_frames)
        kept = indices[: coarse.frames.shape[1]]
        kept = kept[kept < fine.frames.shape[1]]
        fine = _replace(fine, fine.frames[:, kept], n_frames)
        coarse = _replace(coarse, coarse.frames[:, : len(kept)], n_frames)
        return (fine, coarse) if self.student_is_finer else (coarse, fine)

    def _common(self, first: Tensor, second: Tensor) -> Tensor:
        difference = int((first - second).abs().max())
        if difference > _SLACK:
            raise ValueError(
                f"student and teacher differ by {difference} frames after "
                f"alignment (at most {_SLACK} expected): "
                f"student_hop_ms={self.student_hop_ms} and "
                f"teacher_hop_ms={self.teacher_hop_ms} are not their frame "
                "rates, or they heard different audio"
            )
        return torch.minimum(first, second)


def _replace(output: EncoderOutput, frames, n_frames) -> EncoderOutput:
    return output._replace(frames=frames, n_frames=n_frames)
