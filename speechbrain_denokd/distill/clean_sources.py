"""Learn from a teacher that hears each speaker alone (``sources -> loss``).

The teacher is an ordinary encoder of single speakers; it hears the clean
sources of a mixture, the student the mixture. Which output is compared with
which source is what the speaker loss has decided. Not in MIRNet's paper, which
needs labels alone.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speechbrain_denokd.encoders.masks import frame_mask


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


@torch.no_grad()
def hear_sources(encoder: nn.Module, sources: Tensor) -> Tensor:
    """What an encoder of single speakers makes of each source alone.

    It hears a source from where it begins to where it ends: the digital
    silence around it, before the speaker begins or after, is no speech, and
    an embedding of it would be one of the overlap.

    Arguments
    ---------
    encoder : torch.nn.Module
        ``(wavs, lens) -> EncoderOutput``.
    sources : (B, K, S) torch.Tensor
        Zero where a speaker is not there.

    Returns
    -------
    (B, K, D) torch.Tensor of float32

    Example
    -------
    >>> from speechbrain_denokd.model_folder import read_model_folder
    >>> encoder = read_model_folder("pretrained/sample_teacher").encoder
    >>> alone = 0.1 * torch.randn(1, 1, 8000)
    >>> late = torch.nn.functional.pad(alone, (4000, 0))
    >>> found = hear_sources(encoder, late)
    >>> torch.allclose(found, hear_sources(encoder, alone), atol=1e-3)
    True
    """
    wavs, lens = from_the_start(sources.flatten(0, 1))
    heard = encoder(wavs, lens).embedding.float()
    return heard.unflatten(0, sources.shape[:2])


def from_the_start(wavs: Tensor) -> tuple[Tensor, Tensor]:
    """Move recordings to the front, without the zeros on either side.

    Arguments
    ---------
    wavs : (B, S) torch.Tensor

    Returns
    -------
    moved : (B, S') torch.Tensor
        As long as the longest; zero after each.
    lens : (B,) torch.Tensor
        Relative lengths in (0, 1]; a silent recording is as long as it was.

    Example
    -------
    >>> from_the_start(torch.tensor([[0, 0, 3.0, 0, 4, 0], [0, 0, 0, 5, 0, 0]]))
    (tensor([[3., 0., 4.],
            [5., 0., 0.]]), tensor([1.0000, 0.3333]))
    """
    n_samples = wavs.shape[1]
    heard = wavs != 0
    heard |= ~heard.any(dim=1, keepdim=True)  # silence: all of it
    first = heard.int().argmax(dim=1)
    lengths = n_samples - heard.flip(1).int().argmax(dim=1) - first
    places = torch.arange(int(lengths.max()), device=wavs.device)
    places = (first[:, None] + places).clamp(max=n_samples - 1)
    moved = wavs.gather(1, places)
    valid = frame_mask(lengths, moved.shape[1])
    return moved * valid, lengths / moved.shape[1]


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
