"""The nearest impostors are penalised, and nothing else changes."""

import math

import pytest
import torch

from speechbrain_denokd.losses.inter_top_k import InterTopK, nearer_by
from speechbrain_denokd.losses.margin import AamSoftmax


def test_reference_angles_by_hand():
    cosines = torch.tensor([[0.3, 0.7, -0.2, 0.5]])
    found = InterTopK(10.0, 0.2, top_k=2, penalty=0.1).margin_logits(
        cosines, torch.tensor([0])
    )
    expected = [
        math.cos(math.acos(0.3) + 0.2),
        math.cos(math.acos(0.7) - 0.1),
        -0.2,
        math.cos(math.acos(0.5) - 0.1),
    ]
    torch.testing.assert_close(found[0], 10 * torch.tensor(expected))


def test_law_a_target_is_never_its_own_impostor():
    # With a negative target cosine the released code picks the target.
    cosines = torch.tensor([[-0.9, 0.4, 0.1]])
    labels = torch.tensor([0])
    found = InterTopK(1.0, 0.2, top_k=1).margin_logits(cosines, labels)
    plain = AamSoftmax(1.0, 0.2).margin_logits(cosines, labels)
    assert found[0, 0] == plain[0, 0]
    assert found[0, 1] > plain[0, 1]
    assert found[0, 2] == plain[0, 2]


def test_fact_more_impostors_than_there_are_classes():
    cosines = torch.tensor([[0.2, 0.4], [0.1, -0.3]])
    labels = torch.tensor([0, 1])
    found = InterTopK(1.0, 0.0, top_k=5).margin_logits(cosines, labels)
    assert found[0, 1] == pytest.approx(math.cos(math.acos(0.4) - 0.1))
    assert found[1, 0] == pytest.approx(math.cos(math.acos(0.1) - 0.1))


def test_law_no_penalty_is_plain_aam():
    torch.manual_seed(0)
    cosines = torch.rand(6, 9) * 2 - 1
    labels = torch.randint(9, (6,))
    torch.testing.assert_close(
        InterTopK(30.0, 0.2, penalty=0.0).margin_logits(cosines, labels),
        AamSoftmax(30.0, 0.2).margin_logits(cosines, labels),
        rtol=0,
        atol=1e-4,
    )


def test_law_penalised_cosines_keep_their_order_and_finite_slopes():
    cosines = torch.linspace(-1, 1, 201, requires_grad=True)
    nearer = nearer_by(cosines, 0.1)
    assert (nearer.diff() >= -1e-6).all()
    assert (nearer >= cosines - 1e-6)[cosines > -0.99].all()
    nearer.sum().backward()
    assert torch.isfinite(cosines.grad).all()


@pytest.mark.parametrize(("top_k", "penalty"), [(0, 0.1), (5, -0.1), (5, 4.0)])
def test_fact_settings_out_of_range_are_refused(top_k, penalty):
    with pytest.raises(ValueError, match=f"top_k={top_k} must be"):
        InterTopK(top_k=top_k, penalty=penalty)
