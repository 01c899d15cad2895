"""AAM-softmax: golden values, laws, gradients."""

import math

import pytest
import torch
import torch.nn.functional as F

from speechbrain_denokd.losses.margin import AamSoftmax, angular_margin


def test_fact_cos_half_margin_02():
    value = angular_margin(torch.tensor(0.5, dtype=torch.float64), 0.2)
    assert value.item() == pytest.approx(0.31798060, abs=1e-8)


def test_law_continuous_and_increasing_through_the_fallback():
    cosines = torch.linspace(-1, 1, 4001, dtype=torch.float64)
    values = angular_margin(cosines, 0.2)
    assert (values.diff() > 0).all()
    assert values.diff().abs().max() < 0.02
    at_threshold = angular_margin(
        torch.tensor(-math.cos(0.2), dtype=torch.float64), 0.2
    )
    assert at_threshold.item() == pytest.approx(-1.0, abs=1e-3)


def test_fact_fallback_value():
    value = angular_margin(torch.tensor(-0.99, dtype=torch.float64), 0.2)
    assert value.item() == pytest.approx(-1.00993342, abs=1e-8)


def test_reference_zero_margin_is_scaled_cross_entropy():
    torch.manual_seed(0)
    cosines = torch.rand(6, 9) * 2 - 1
    labels = torch.arange(6)
    loss = AamSoftmax(scale=32, margin=0.0)(cosines, labels)
    torch.testing.assert_close(loss, F.cross_entropy(32 * cosines, labels))


def test_law_margin_lowers_only_the_true_class():
    torch.manual_seed(0)
    cosines = torch.rand(6, 9) * 1.8 - 0.9
    labels = torch.tensor([0, 8, 3, 3, 1, 5])
    loss = AamSoftmax(scale=32, margin=0.2)
    change = loss.margin_logits(cosines, labels) - loss.logits(cosines)
    target = F.one_hot(labels, 9).bool()
    assert (change[target] < 0).all()
    assert not change[~target].any()


def test_law_gradient_is_finite_at_the_ends():
    cosines = torch.tensor([[1.0, 0.0], [-1.0, 0.0]], requires_grad=True)
    AamSoftmax(scale=32, margin=0.2)(cosines, torch.tensor([0, 0])).backward()
    assert torch.isfinite(cosines.grad).all()


def test_law_float32_inside_autocast():
    cosines = torch.full((2, 3), 0.3, dtype=torch.bfloat16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = AamSoftmax()(cosines, torch.tensor([0, 1]))
    assert loss.dtype == torch.float32
