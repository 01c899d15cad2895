"""Counting what a network would take."""

import pytest
import torch
from torch import nn

from speechbrain_denokd.encoders.ecapa import EcapaTdnn
from speechbrain_denokd.publish.budget import Budget


def test_fact_a_linear_layer():
    """3 x 2 weights and 2 biases; filling them makes no tensor."""
    with torch.device("meta"), Budget() as budget:
        nn.Linear(3, 2)
    assert (budget.n_values, budget.n_tensors) == (8, 2)


def test_reference_the_parameters_of_a_network():
    """Statistics of batch norms, and a little scratch, come on top."""
    with torch.device("meta"), Budget() as budget:
        network = EcapaTdnn(80)
    n_parameters = sum(p.numel() for p in network.parameters())
    assert n_parameters <= budget.n_values <= 1.01 * n_parameters
    assert all(p.is_meta for p in network.parameters())


def test_law_no_memory_is_taken_whatever_device_is_asked_for():
    with Budget():
        made = torch.zeros(3), torch.ones(3, device="cpu"), nn.Linear(2, 1)
    assert made[0].is_meta and made[1].is_meta and made[2].weight.is_meta


def test_values_that_are_no_parameters_count(monkeypatch):
    with (
        torch.device("meta"),
        Budget(),
        pytest.raises(ValueError, match="more than 500,000,000 values"),
    ):
        torch.linspace(0, 1, 100_000).repeat(10_000, 1)


def test_many_small_tensors_are_too_many():
    with (
        torch.device("meta"),
        Budget() as budget,
        pytest.raises(ValueError, match="more than 200,000 tensors"),
    ):
        while True:
            torch.empty(1)
    assert budget.n_tensors == 200_001
