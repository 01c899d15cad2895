"""Shares of signal and noise, one pair for each sample."""

import torch

from speechbrain_denokd.diffusion.broadcast import signal_and_spread


def test_fact_shares_are_roots_of_the_variances():
    like = torch.zeros(2, 5, 3, dtype=torch.float64)
    alpha_bar = torch.tensor([0.36, 1.0], dtype=torch.float64)
    signal, spread = signal_and_spread(alpha_bar, like)
    expected = torch.tensor([[0.6, 0.8], [1.0, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(signal, expected[:, 0].reshape(2, 1, 1))
    torch.testing.assert_close(spread, expected[:, 1].reshape(2, 1, 1))


def test_fact_roots_come_before_the_features_precision():
    """In half precision 0.9999 is 1, and would leave no noise."""
    alpha_bar = torch.tensor([0.9999], dtype=torch.float64)
    _, spread = signal_and_spread(alpha_bar, torch.zeros(1, 2).bfloat16())
    assert spread.dtype == torch.bfloat16
    assert abs(spread.item() - 0.01) < 1e-4
