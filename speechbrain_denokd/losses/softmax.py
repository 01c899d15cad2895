"""The class scores of a plain softmax (``embedding -> logits``)."""

import torch.nn.functional as F
from torch import Tensor, nn


class LinearClassifier(nn.Linear):
    """Inner products with class centres, without bias.

    Takes the place of SpeechBrain's ``Classifier``, whose scores are cosines:
    the same arguments, the same one parameter ``weight``, and so the same
    model folder.

    Arguments
    ---------
    input_size : int
        Size of the embedding, ``D``.
    lin_neurons : int
        The same again: there is no layer between.
    out_neurons : int
        Classes.

    Raises
    ------
    ValueError
        If ``lin_neurons`` is not ``input_size``.

    Example
    -------
    >>> import torch
    >>> LinearClassifier(8, 8, 3)(torch.randn(5, 1, 8)).shape
    torch.Size([5, 1, 3])
    """

    def __init__(self, input_size: int, lin_neurons: int, out_neurons: int):
        if lin_neurons != input_size:
            raise ValueError(
                f"lin_neurons is {lin_neurons}, but embeddings of "
                f"{input_size} values meet the classes directly; give both "
                "the same size"
            )
        super().__init__(input_size, out_neurons, bias=False)

    def forward(self, embeddings: Tensor) -> Tensor:
        """(B, 1, D) embeddings -> (B, 1, n) logits."""
        return F.linear(embeddings, self.weight)
