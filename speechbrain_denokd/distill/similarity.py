"""Match how alike recordings are, instead of what they look like.

A verification system is asked for scores between recordings. This term makes
the student's cosines between the recordings of a batch those of the teacher:
neither sizes nor directions of the two embedding spaces need to agree, so that
no linear map stands between what is learnt and what is used.

Source: F. Tung and G. Mori, "Similarity-Preserving Knowledge Distillation",
ICCV 2019; W. Park et al., "Relational Knowledge Distillation", CVPR 2019.
Differs: cosines of embeddings, as they are scored, without the diagonal, which
is one on both sides; the mean over pairs, not their sum.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speechbrain_denokd.distill.prediction import Prediction, TermOutput


class SimilarityMatch(nn.Module):
    """Mean squared difference of the cosines between recordings of a batch.

    Example
    -------
    >>> from speechbrain_denokd.encoders.output import EncoderOutput
    >>> def network(embedding):
    ...     empty, count = torch.zeros(2, 1, 1), torch.ones(2).long()
    ...     return Prediction(EncoderOutput((), empty, embedding, count))
    >>> student = network(torch.tensor([[1.0, 0.0], [0.0, 2.0]]))
    >>> teacher = network(torch.tensor([[3.0, 4.0, 0.0], [3.0, 4.0, 0.0]]))
    >>> SimilarityMatch()(student, teacher).loss
    tensor(1.)
    """

    def forward(
        self,
        student: Prediction,
        teacher: Prediction,
        labels: Tensor | None = None,
    ) -> TermOutput:
        """The difference, a scalar; ``labels`` are not used.

        Raises
        ------
        ValueError
            If the batch has one recording: there is nothing to compare.
        """
        ours = cosine_matrix(student.output.embedding)
        theirs = cosine_matrix(teacher.output.embedding.detach())
        n = len(ours)
        if n < 2:
            raise ValueError(
                f"a batch of {n} has no pairs of recordings; set --batch_size "
                "to 2 or more for each process"
            )
        # The diagonals are equal: they add nothing to the sum.
        return TermOutput((ours - theirs).square().sum() / (n * (n - 1)), {})


def cosine_matrix(embeddings: Tensor) -> Tensor:
    """Cosines between all pairs.

    Arguments
    ---------
    embeddings : (B, D) torch.Tensor

    Returns
    -------
    (B, B) torch.Tensor of float32

    Example
    -------
    >>> cosine_matrix(torch.tensor([[2.0, 0.0], [3.0, 4.0]]))[0].tolist()
    [1.0, 0.6000000238418579]
    """
    # Half precision would round cosines to steps of what is to be matched.
    with torch.autocast(embeddings.device.type, enabled=False):
        unit = F.normalize(embeddings.float(), dim=1)
        return unit @ unit.T
