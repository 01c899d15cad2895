"""Assignments: brute force, permutation laws, ties, costs out of range."""

from itertools import permutations

import pytest
import torch

from speechbrain_denokd.losses.assignment import (
    best_assignment,
    enumerated_assignment,
    hungarian_assignment,
)


def _costs(n_speakers, n_mixtures=20, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = (n_mixtures, n_speakers, n_speakers)
    return torch.rand(shape, generator=generator, dtype=torch.float64)


def _totals(costs, assignment):
    return costs.gather(2, assignment[:, :, None]).sum(dim=(1, 2))


@pytest.mark.parametrize("n_speakers", [2, 3, 4, 5])
@pytest.mark.parametrize(
    "search", [best_assignment, enumerated_assignment, hungarian_assignment]
)
def test_reference_brute_force(search, n_speakers):
    costs = _costs(n_speakers)
    for item, found in zip(costs, search(costs), strict=True):
        expected = min(
            permutations(range(n_speakers)),
            key=lambda order, m=item: sum(
                float(m[k, j]) for k, j in enumerate(order)
            ),
        )
        assert tuple(found.tolist()) == expected


def test_fact_paper_sized_example():
    costs = torch.tensor([[[1, 2], [3, 0.5]], [[2, 1], [0.5, 3]]])
    found = best_assignment(costs)
    assert found.tolist() == [[0, 1], [1, 0]]
    assert _totals(costs, found).tolist() == [1.5, 1.5]


def test_fact_greedy_would_fail():
    """The cheapest cell, 0, belongs to the dearest total."""
    costs = torch.tensor([[[0.0, 1.0], [1.0, 9.0]]])
    assert best_assignment(costs).tolist() == [[1, 0]]


@pytest.mark.parametrize("n_speakers", [3, 6])
def test_law_labels_and_outputs_in_another_order(n_speakers):
    costs = _costs(n_speakers)
    order = torch.randperm(
        n_speakers, generator=torch.Generator().manual_seed(1)
    )
    found = best_assignment(costs)
    # Output k goes with label found[k], wherever either now stands.
    torch.testing.assert_close(
        best_assignment(costs[:, order]), found[:, order]
    )
    relabelled = best_assignment(costs[:, :, order])
    torch.testing.assert_close(order[relabelled], found)


@pytest.mark.parametrize("n_speakers", [2, 3, 4, 8])
def test_law_ties_give_a_permutation(n_speakers):
    costs = torch.full((3, n_speakers, n_speakers), 2.5)
    for found in best_assignment(costs).tolist():
        assert sorted(found) == list(range(n_speakers))


@pytest.mark.parametrize("n_speakers", [2, 4])
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_fact_a_cost_that_is_not_finite_is_avoided(n_speakers, value):
    costs = torch.eye(n_speakers)[None].clone()
    costs[0, 0, 1] = value
    found = best_assignment(costs)[0].tolist()
    assert sorted(found) == list(range(n_speakers))
    assert found[0] != 1
    assert sorted(best_assignment(torch.full_like(costs, value))[0]) == list(
        range(n_speakers)
    )


def test_error_not_square():
    with pytest.raises(ValueError, match=r"shape \(2, 3, 2\).*as many labels"):
        best_assignment(torch.zeros(2, 3, 2))
