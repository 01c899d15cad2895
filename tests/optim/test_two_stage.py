"""AdamW, then SGD, as one optimiser."""

import copy
from functools import partial

import pytest
import torch
from torch import nn

from speechbrain_denokd.optim.two_stage import TwoStage

FIRST = partial(torch.optim.AdamW, lr=1.0, weight_decay=0.1)
SECOND = partial(torch.optim.SGD, lr=1.0, momentum=0.9, nesterov=True)
N_STEPS = 12


def lr_at(step):
    return 0.1 / (1 + step)


def run(optimizer, model, steps):
    """Steps on fixed data; a quarter of an epoch each."""
    for step in steps:
        torch.manual_seed(step)
        model(torch.randn(4, 3)).square().mean().backward()
        for group in optimizer.param_groups:
            group["epochs_done"], group["lr"] = step / 4, lr_at(step)
        optimizer.step()
        optimizer.zero_grad()


def build(model):
    return TwoStage(model.parameters(), FIRST, SECOND, first_epochs=1.5)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Linear(3, 2)


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_reference_it_is_one_optimiser_after_the_other(model):
    other = copy.deepcopy(model)
    run(build(model), model, range(N_STEPS))
    parts = FIRST(other.parameters()), SECOND(other.parameters())
    # Six steps of a quarter make 1.5 epochs.
    run(parts[0], other, range(6))
    run(parts[1], other, range(6, N_STEPS))
    assert torch.equal(weights(model), weights(other))


@pytest.mark.parametrize("n_before", [0, 3, 6, 9])
def test_law_a_resumed_run_takes_the_same_steps(model, n_before):
    other = copy.deepcopy(model)
    run(build(model), model, range(N_STEPS))
    before = build(other)
    run(before, other, range(n_before))
    resumed = build(other)
    resumed.load_state_dict(copy.deepcopy(before.state_dict()))
    run(resumed, other, range(n_before, N_STEPS))
    assert torch.equal(weights(model), weights(other))


def test_fact_no_first_stage_is_sgd_alone(model):
    other = copy.deepcopy(model)
    run(TwoStage(model.parameters(), FIRST, SECOND, 0), model, range(3))
    run(SECOND(other.parameters()), other, range(3))
    assert torch.equal(weights(model), weights(other))


def test_fact_a_negative_first_stage_is_refused(model):
    with pytest.raises(ValueError, match="first_epochs=-1 must be 0 or more"):
        TwoStage(model.parameters(), FIRST, SECOND, -1)
