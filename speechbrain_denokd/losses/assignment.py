"""Which output is which speaker (``pairwise costs -> assignment``).

Source: D. Yu et al., "Permutation invariant training of deep models for
speaker-independent multi-talker speech separation", ICASSP 2017; the best of
many permutations by H. W. Kuhn, "The Hungarian method for the assignment
problem", Naval Research Logistics 1955, in scipy's implementation.
"""

from itertools import permutations

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

# Up to here the few permutations are tried where the costs are, all at once.
MAX_ENUMERATED = 3


def best_assignment(costs: Tensor) -> Tensor:
    """The one-to-one assignment of least total cost, for each mixture.

    Arguments
    ---------
    costs : (B, K, K) torch.Tensor
        ``costs[b, k, j]`` of giving label ``j`` to output ``k``; carries no
        gradient on. A cost that is not finite counts as worse than all others.

    Returns
    -------
    (B, K) torch.Tensor of int64
        Label of each output. Of equally good assignments, one.

    Raises
    ------
    ValueError
        If the costs are not square.

    Example
    -------
    >>> best_assignment(torch.tensor([[[1.0, 2.0], [3.0, 0.5]]])).tolist()
    [[0, 1]]
    """
    if costs.dim() != 3 or costs.shape[1] != costs.shape[2]:
        raise ValueError(
            f"the costs have the shape {tuple(costs.shape)}, but an assignment "
            "needs (batch, outputs, labels) with as many labels as outputs"
        )
    # A search needs an order. A sum of the largest float32 is a finite float64.
    worst = torch.finfo(torch.float32).max
    costs = costs.detach().float().nan_to_num(worst, worst, -worst).double()
    if costs.shape[1] <= MAX_ENUMERATED:
        return enumerated_assignment(costs)
    return hungarian_assignment(costs)


def enumerated_assignment(costs: Tensor) -> Tensor:
    """Try all ``K!`` permutations; the first of equally good ones.

    Arguments
    ---------
    costs : (B, K, K) torch.Tensor

    Returns
    -------
    (B, K) torch.Tensor of int64

    Example
    -------
    >>> enumerated_assignment(torch.tensor([[[1.0, 0.0], [0.0, 1.0]]]))
    tensor([[1, 0]])
    """
    outputs = torch.arange(costs.shape[1], device=costs.device)
    orders = torch.tensor(
        list(permutations(range(costs.shape[1]))), device=costs.device
    )
    totals = costs[:, outputs, orders].sum(dim=2)
    return orders[totals.argmin(dim=1)]


def hungarian_assignment(costs: Tensor) -> Tensor:
    """The same in cubic time, on the CPU.

    Arguments
    ---------
    costs : (B, K, K) torch.Tensor
        Finite.

    Returns
    -------
    (B, K) torch.Tensor of int64

    Example
    -------
    >>> hungarian_assignment(torch.tensor([[[1.0, 0.0], [0.0, 1.0]]]))
    tensor([[1, 0]])
    """
    found = [linear_sum_assignment(item)[1] for item in costs.cpu().numpy()]
    return torch.as_tensor(np.stack(found)).to(costs.device)
