"""Permutation-invariant speaker loss (``K scores, K labels -> scalar``).

Source: H. Han et al., "MIRNet: Learning multiple identities representations
in overlapped speech", Interspeech 2020, Eq. (3) to (5).
Differs: any number of speakers, and margins. A margin depends on the label, so
each cell of the pairwise matrix has the margin of its own label.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speechbrain_denokd.losses.assignment import best_assignment
from speechbrain_denokd.losses.margin import AamSoftmax


class PitOutput(NamedTuple):
    """What `PitIdentityLoss` returns.

    Attributes
    ----------
    loss : torch.Tensor
        The scalar: summed over the outputs of a mixture, as in the paper, and
        averaged over the mixtures. ``K`` times the usual size of a loss.
    assignment : (B, K) torch.Tensor of int64
        Which of the mixture's labels each output was given.
    output_losses : (B, K) torch.Tensor
        Loss of each output with that label, detached.
    """

    loss: Tensor
    assignment: Tensor
    output_losses: Tensor


class PitIdentityLoss(nn.Module):
    """Cross entropy under the best assignment of labels, per mixture.

    Two outputs of one mixture never get the same of its labels. A mixture in
    which a speaker occurs twice is no error: these labels are exchangeable,
    and either assignment is as good.

    Arguments
    ---------
    head : AamSoftmax, optional
        Margin loss, or its subclass `InterTopK`; the scores are cosines then.
        None for a plain softmax, whose scores are logits.

    Example
    -------
    >>> logits = torch.tensor([[[0.0, 5.0, 0.0], [5.0, 0.0, 0.0]]])
    >>> found = PitIdentityLoss()(logits, torch.tensor([[0, 1]]))
    >>> found.assignment.tolist(), round(found.loss.item(), 4)
    ([[1, 0]], 0.0268)
    """

    def __init__(self, head: AamSoftmax | None = None):
        super().__init__()
        self.head = head

    def forward(self, scores: Tensor, labels: Tensor) -> PitOutput:
        """Loss of a batch of mixtures.

        Arguments
        ---------
        scores : (B, K, n) torch.Tensor
            Of each output for each training speaker, by one shared
            classifier: cosines with a margin head, logits without.
        labels : (B, K) torch.Tensor of int64
            Speakers of each mixture, in any order.

        Returns
        -------
        PitOutput

        Raises
        ------
        ValueError
            If there are not as many labels as outputs.
        """
        if scores.shape[:2] != labels.shape:
            raise ValueError(
                f"scores of {tuple(scores.shape[:2])} mixtures and outputs, "
                f"but labels of {tuple(labels.shape)}; give one label for each "
                "output"
            )
        # The search keeps no graph: only the chosen cells are computed again,
        # with one.
        with torch.no_grad():
            assignment = best_assignment(
                pairwise_losses(scores, labels, self.head)
            )
        given = labels.gather(1, assignment)
        losses = _cross_entropy(scores, given, self.head)
        return PitOutput(losses.sum(dim=1).mean(), assignment, losses.detach())


def pairwise_losses(
    scores: Tensor, labels: Tensor, head: AamSoftmax | None = None
) -> Tensor:
    """Loss of every output with every label of its mixture.

    Arguments
    ---------
    scores : (B, K, n) torch.Tensor
    labels : (B, K) torch.Tensor of int64
    head : AamSoftmax, optional

    Returns
    -------
    (B, K, K) torch.Tensor of float32
        ``[b, k, j]``: output ``k`` with label ``j``.

    Example
    -------
    >>> scores = torch.tensor([[[0.0, 1.0], [2.0, 0.0]]])
    >>> pairwise_losses(scores, torch.tensor([[0, 1]]))
    tensor([[[1.3133, 0.3133],
             [0.1269, 2.1269]]])
    """
    columns = [
        _cross_entropy(scores, labels[:, [j]].expand_as(labels), head)
        for j in range(labels.shape[1])
    ]
    return torch.stack(columns, dim=2)


def _cross_entropy(
    scores: Tensor, labels: Tensor, head: AamSoftmax | None
) -> Tensor:
    """(B, K, n), (B, K) -> (B, K): loss of each output with its label."""
    rows, targets = scores.flatten(0, 1).float(), labels.flatten()
    with torch.autocast(scores.device.type, enabled=False):
        if head is not None:
            rows = head.margin_logits(rows, targets)
        losses = F.cross_entropy(rows, targets, reduction="none")
    return losses.unflatten(0, labels.shape)
