"""Masks of speakers: shares that sum to one, whatever surrounds a mixture."""

import pytest
import torch

from speechbrain_denokd.encoders.mask_estimator import MaskEstimator


def _estimator(n_speakers=2):
    """Eval mode, after the batch norms saw some data."""
    torch.manual_seed(0)
    estimator = MaskEstimator(n_bins=7, n_speakers=n_speakers, hidden_dim=6)
    estimator.train()(3 + torch.randn(4, 30, 7), torch.full((4,), 30))
    return estimator.eval()


@pytest.mark.parametrize("n_speakers", [2, 3])
def test_law_shares_sum_to_one_over_the_speakers(n_speakers):
    masks = _estimator(n_speakers)(torch.randn(2, 11, 7), torch.tensor([11, 4]))
    assert masks.shape == (2, n_speakers, 11, 7)
    torch.testing.assert_close(masks.exp().sum(dim=1), torch.ones(2, 11, 7))


@pytest.mark.parametrize("longest", [20, 21])
def test_law_padding_is_invisible(longest):
    """Even and odd lengths: the recurrent layer takes two frames at a time."""
    estimator, batch = _estimator(), torch.randn(4, longest, 7)
    lengths = [longest, 13, 12, 1]
    together = estimator(batch, torch.tensor(lengths))
    for i, n in enumerate(lengths):
        alone = estimator(batch[i : i + 1, :n], torch.tensor([n]))
        torch.testing.assert_close(
            together[i, :, :n], alone[0], rtol=1e-5, atol=1e-5
        )


def test_fact_a_mixture_s_end_is_heard_before_its_beginning_is_judged():
    estimator, features = _estimator(), torch.randn(1, 12, 7)
    changed = features.clone()
    changed[:, -1] += 5
    n_frames = torch.tensor([12])
    before, after = estimator(features, n_frames), estimator(changed, n_frames)
    assert (before - after)[:, :, :3].abs().max() > 1e-5
