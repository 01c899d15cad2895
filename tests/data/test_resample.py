"""Sample rates."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechbrain_denokd.data.resample import change_rate, resampled_blocks

RATES = [4000, 8000, 11025, 22050, 44100, 48000, 192000, 15999]


@settings(deadline=None)
@given(
    st.sampled_from(RATES),
    st.lists(st.integers(1, 20_000), min_size=1, max_size=6),
)
def test_reference_blocks_are_resampled_as_the_whole(rate, sizes):
    rng = np.random.default_rng(sum(sizes))
    wav = rng.standard_normal(sum(sizes)).astype(np.float32)
    blocks = np.split(wav, np.cumsum(sizes)[:-1])
    found = np.concatenate(list(resampled_blocks(blocks, rate, 16000)))
    expected = change_rate(wav, rate, 16000)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_law_little_is_held_back(rate):
    n_in = n_out = 0

    def blocks():
        nonlocal n_in
        for _ in range(50):
            n_in += rate // 10
            yield np.zeros(rate // 10, np.float32)

    for block in resampled_blocks(blocks(), rate, 16000):
        n_out += len(block)
        assert n_in / rate - n_out / 16000 < 0.01
    assert n_out == 5 * 16000


def test_fact_no_blocks_give_none():
    assert list(resampled_blocks([], 8000, 16000)) == []
