"""Costs of masks: by hand, and what must not matter."""

import math

import pytest
import torch

from speechbrain_denokd.losses.mask_cross_entropy import (
    loudness_weights,
    mask_costs,
)


def _case(n_frames=6):
    torch.manual_seed(0)
    sources = 20 * torch.randn(2, 2, n_frames, 3)
    levels = sources.amax(dim=1)
    log_masks = torch.randn(2, 2, n_frames, 3).log_softmax(dim=1)
    return log_masks, levels, torch.tensor([n_frames, n_frames]), sources


def test_fact_by_hand():
    """Powers 3 to 1, masks 1/2 and 1/4 of it: costs are shares times logs."""
    sources = torch.tensor([[[[10 * math.log10(3)]], [[0.0]]]])
    masks = torch.tensor([[[[0.5]], [[0.25]]]])
    found = mask_costs(masks.log(), sources[:, 0], torch.tensor([1]), sources)
    logs = -torch.tensor([0.5, 0.25]).log()
    expected = logs[:, None] * torch.tensor([0.75, 0.25])
    torch.testing.assert_close(found[0], expected)


def test_law_masks_that_say_nothing_cost_log_k():
    _, levels, n_frames, sources = _case()
    half = torch.full_like(sources, 0.5).log()
    costs = mask_costs(half, levels, n_frames, sources)
    total = costs[:, 0, 0] + costs[:, 1, 1]
    torch.testing.assert_close(total, torch.full((2,), math.log(2)))


def test_law_the_ideal_masks_cost_least():
    log_masks, levels, n_frames, sources = _case()
    ideal = (sources / (10 / math.log(10))).log_softmax(dim=1)

    def cost(masks):
        costs = mask_costs(masks, levels, n_frames, sources)
        return costs[:, 0, 0] + costs[:, 1, 1]

    assert (cost(ideal) < cost(log_masks)).all()
    assert (cost(ideal) < cost((1.1 * ideal).log_softmax(dim=1))).all()


def test_law_another_order_of_the_sources_is_another_order_of_the_costs():
    log_masks, levels, n_frames, sources = _case()
    costs = mask_costs(log_masks, levels, n_frames, sources)
    swapped = mask_costs(log_masks, levels, n_frames, sources.flip(1))
    torch.testing.assert_close(swapped, costs.flip(2))


def test_law_padding_does_not_matter():
    log_masks, levels, _, sources = _case()
    n_frames = torch.tensor([6, 4])
    together = mask_costs(log_masks, levels, n_frames, sources)
    alone = mask_costs(
        log_masks[1:, :, :4], levels[1:, :4], n_frames[1:], sources[1:, :, :4]
    )
    torch.testing.assert_close(together[1:], alone)


def test_fact_weights_fall_to_zero_fifty_db_below_the_peak():
    levels = torch.tensor([[[7.0, -18.0], [-43.0, -80.0]]])
    found = loudness_weights(levels, torch.tensor([2])).flatten()
    assert found.tolist() == pytest.approx([1, 0.5, 0, 0])
