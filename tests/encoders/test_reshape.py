"""The two views: an exact round trip, and which row holds what."""

import pytest
import torch

from speechbrain_denokd.encoders.reshape import to_1d, to_2d


@pytest.mark.parametrize(("channels", "n_mels"), [(4, 6), (1, 5), (7, 1)])
def test_law_round_trip(channels, n_mels):
    x = torch.randn(2, channels, n_mels, 3)
    torch.testing.assert_close(to_2d(to_1d(x), channels), x, rtol=0, atol=0)
    rows = torch.randn(2, channels * n_mels, 3)
    torch.testing.assert_close(
        to_1d(to_2d(rows, channels)), rows, rtol=0, atol=0
    )


def test_fact_frequency_is_the_slow_index():
    n_channels, n_mels = 3, 4
    x = torch.randn(2, n_channels, n_mels, 5)
    rows = to_1d(x)
    for c in range(n_channels):
        for f in range(n_mels):
            torch.testing.assert_close(
                rows[:, f * n_channels + c], x[:, c, f], rtol=0, atol=0
            )


def test_fact_a_stage_of_stride_two_keeps_neighbouring_bins_together():
    """Twice the channels, half the bins: each new bin holds two old ones."""
    rows = torch.arange(8.0).reshape(1, 8, 1)  # 2 channels of 4 bins
    assert to_2d(rows, 4)[0, :, 0, 0].tolist() == [0, 1, 2, 3]
