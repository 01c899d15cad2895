"""Learn from a teacher that hears each speaker alone (``sources -> loss``).

The teacher is an ordinary encoder of single speakers; it hears the clean
sources of a mixture, the student the mixture. Which output is compared with
which source is what the speaker loss has decided. Not in MIRNet's paper, which
needs labels alone.
"""

import torch.nn.functional as F
from torch import Tensor, nn


class CleanSourceTerm(nn.Module):
    """One minus the cosine of each output and its speaker's clean embedding.

    Arguments
    ---------
    student_dim, teacher_dim : int
        Sizes of the embeddings; where they differ, a linear map is trained
        from the one to the other.

    Example
    -------
    >>> import torch
    >>> term = CleanSourceTerm(student_dim=2, teacher_dim=2)
    >>> outputs = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    >>> term(outputs, outputs.flip(1), torch.tensor([[1, 0]])).item()
    0.0
    """

    def __init__(self, student_dim: int, teacher_dim: int):
        super().__init__()
        same = student_dim == teacher_dim
        self.map = (
            nn.Identity() if same else nn.Linear(student_dim, teacher_dim)
        )

    def forward(
        self, outputs: Tensor, clean: Tensor, assignment: Tensor
    ) -> Tensor:
        """Mean over mixtures and outputs, from 0 to 2.

        Arguments
        ---------
        outputs : (B, K, D) torch.Tensor
            The student's identities of the mixtures.
        clean : (B, K, D') torch.Tensor
            The teacher's embeddings of the sources, in the labels' order.
        assignment : (B, K) torch.Tensor of int64
            Source of each output, as `PitOutput` has it.

        Returns
        -------
        torch.Tensor
            Scalar.
        """
        index = assignment.unsqueeze(2).expand(-1, -1, clean.shape[2])
        wanted = clean.gather(1, index)
        found = self.map(outputs.float())
        return (1 - F.cosine_similarity(found, wanted, dim=2)).mean()


def clean_source_term(
    student: nn.Module, teacher: nn.Module
) -> CleanSourceTerm:
    """The term between two modules that know their ``embedding_dim``.

    Arguments
    ---------
    student, teacher : torch.nn.Module

    Returns
    -------
    CleanSourceTerm

    Example
    -------
    >>> from types import SimpleNamespace
    >>> student = SimpleNamespace(embedding_dim=4)
    >>> clean_source_term(student, SimpleNamespace(embedding_dim=6)).map
    Linear(in_features=4, out_features=6, bias=True)
    """
    return CleanSourceTerm(student.embedding_dim, teacher.embedding_dim)
