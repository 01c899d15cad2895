"""Windows of speech, and their embeddings."""

import numpy as np
import pytest
import torch

from speechbrain_denokd.diarization.windows import (
    Window,
    embed_windows,
    windows_of,
)


def test_law_windows_cover_each_region_and_stay_inside():
    rng = np.random.default_rng(0)
    for _ in range(50):
        window = int(rng.integers(1, 40))
        hop = int(rng.integers(1, window + 1))
        edges = np.cumsum(rng.integers(1, 200, size=8)).tolist()
        regions = list(zip(edges[::2], edges[1::2], strict=True))
        found = windows_of(regions, window, hop)
        starts = [w.start for w in found]
        assert starts == sorted(starts)
        for i, (start, stop) in enumerate(regions):
            own = [w for w in found if w.region == i]
            assert (own[0].start, own[-1].stop) == (start, stop)
            length = min(window, stop - start)
            assert {w.stop - w.start for w in own} == {length}
            gaps = np.diff([w.start for w in own])
            assert (gaps <= hop).all() and (gaps > 0).all()


@pytest.mark.parametrize("hop", [0, 11])
def test_fact_a_hop_that_leaves_gaps_is_refused(hop):
    with pytest.raises(ValueError, match="windows of 10 samples"):
        windows_of([(0, 100)], window=10, hop=hop)


def sums(wavs, lens):
    """Sum and length of each wav: padding and order show."""
    lengths = (lens * wavs.shape[1]).round()
    return torch.stack([wavs.sum(dim=1), lengths], dim=1)


def test_law_neither_blocks_nor_batches_matter():
    wav = np.random.default_rng(0).normal(size=1000)
    windows = windows_of([(3, 20), (25, 600), (700, 1000)], 50, 20)
    expected = [
        [wav[w.start : w.stop].sum(), w.stop - w.start] for w in windows
    ]
    sizes = []

    def encode(wavs, lens):
        sizes.append(len(wavs))
        return sums(wavs, lens)

    for n_blocks, batch_size in ((1, 1000), (1, 7), (13, 7), (300, 1)):
        blocks = np.array_split(wav, n_blocks)
        sizes.clear()
        found = embed_windows(encode, blocks, windows, batch_size)
        np.testing.assert_allclose(found, expected)
        assert max(sizes) <= batch_size


def test_fact_no_more_than_a_batch_of_windows_is_held():
    n_given, seen = 0, []

    def blocks():
        nonlocal n_given
        for _ in range(100):
            n_given += 1
            yield np.ones(10)

    def encode(wavs, lens):
        seen.append(n_given)
        return sums(wavs, lens)

    windows = [Window(0, 10 * i, 10 * i + 10) for i in range(100)]
    embed_windows(encode, blocks(), windows, batch_size=4)
    # The first batch is embedded when four blocks have been read.
    assert seen[:3] == [4, 8, 12]
