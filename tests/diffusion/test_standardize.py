import pytest
import torch

from speechbrain_denokd.diffusion.standardize import RunningStandardizer
from speechbrain_denokd.encoders.masks import frame_mask


def test_statistics_are_those_of_all_valid_frames_together():
    """Merged batch by batch, they equal numpy-style moments of the whole."""
    torch.manual_seed(0)
    standardize = RunningStandardizer(3)
    seen = []
    for i, n_frames in enumerate([(4, 2), (1, 5), (3, 3)]):
        x = torch.randn(2, 6, 3).double() * (1 + i) + 10 * i
        mask = frame_mask(torch.tensor(n_frames), 6)
        standardize(torch.where(mask[..., None], x, torch.nan), mask)
        seen.append(x[mask])
    seen = torch.cat(seen)
    assert standardize.count == len(seen) == 18
    torch.testing.assert_close(standardize.mean, seen.mean(0))
    variance = standardize.m2 / standardize.count
    torch.testing.assert_close(variance, seen.var(0, unbiased=False))


def test_running_not_batch_statistics_normalise():
    standardize = RunningStandardizer(1).double()
    standardize(torch.tensor([[0.0], [2.0]]).double())
    found = standardize(torch.tensor([[4.0], [6.0]]).double())
    # Of 0, 2, 4, 6: mean 3, variance 5.
    expected = [(4 - 3) / 5**0.5, (6 - 3) / 5**0.5]
    assert found.flatten().tolist() == pytest.approx(expected, rel=1e-5)


def test_first_batch_comes_out_standard():
    torch.manual_seed(0)
    mask = frame_mask(torch.tensor([50, 20]), 50)
    x = torch.randn(2, 50, 4).exp() * torch.tensor([1.0, 10.0, 100.0, 1e3])
    valid = RunningStandardizer(4)(x, mask)[mask]
    torch.testing.assert_close(valid.mean(0), torch.zeros(4), atol=1e-5, rtol=0)
    scale = valid.var(0, unbiased=False)
    torch.testing.assert_close(scale, torch.ones(4), atol=1e-4, rtol=0)


def test_evaluation_only_normalises():
    standardize = RunningStandardizer(2)
    standardize(torch.randn(8, 2))
    before = {k: v.clone() for k, v in standardize.state_dict().items()}
    standardize.eval()(torch.randn(8, 2) + 100)
    torch.testing.assert_close(dict(standardize.state_dict()), before)


def test_identity_before_any_data():
    x = torch.randn(2, 3, 4)
    found = RunningStandardizer(4).eval()(x)
    torch.testing.assert_close(found, x, atol=0, rtol=0)


def test_dead_channel_stays_at_zero():
    standardize = RunningStandardizer(1)
    for _ in range(3):
        found = standardize(torch.full((5, 1), 7.0))
        torch.testing.assert_close(found, torch.zeros(5, 1), atol=1e-4, rtol=0)


def test_batch_without_valid_frames_changes_nothing():
    standardize = RunningStandardizer(2)
    standardize(torch.tensor([[1.0, 2.0], [3.0, 6.0]]))
    before = {k: v.clone() for k, v in standardize.state_dict().items()}
    standardize(torch.randn(1, 4, 2), torch.zeros(1, 4, dtype=torch.bool))
    torch.testing.assert_close(dict(standardize.state_dict()), before)


def test_statistics_survive_many_frames():
    """Past 2**24 a float32 count would stand still."""
    standardize = RunningStandardizer(1)
    standardize.count.fill_(2.0**24)
    standardize.m2.fill_(2.0**24)
    standardize(torch.zeros(1, 1))
    assert standardize.count.item() == 2**24 + 1


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_features_meet_exact_statistics(dtype):
    torch.manual_seed(0)
    x = (torch.randn(4, 100, 2) * 50 + 200).to(dtype)
    standardize, exact = RunningStandardizer(2), RunningStandardizer(2)
    assert standardize(x).dtype == dtype
    exact(x.double())
    torch.testing.assert_close(standardize.m2, exact.m2, rtol=1e-5, atol=0)


def test_statistics_carry_no_gradient_and_resume():
    standardize = RunningStandardizer(2)
    x = torch.randn(6, 2, requires_grad=True)
    standardize(x).sum().backward()
    scale = (standardize.m2 / 6 + 1e-5).sqrt().float()
    # A constant shift and scale: batch norm's gradient would sum to zero.
    torch.testing.assert_close(x.grad, (1 / scale).expand(6, 2))

    resumed = RunningStandardizer(2)
    resumed.load_state_dict(standardize.state_dict())
    batch = torch.randn(6, 2)
    torch.testing.assert_close(resumed(batch), standardize(batch))
