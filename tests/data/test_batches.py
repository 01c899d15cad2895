"""Batches: shuffled, shared between processes, resumable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechbrain_denokd.data.batches import EpochBatches, batches_by_duration
from speechbrain_denokd.data.manifest import Utterance


def epoch_of(batches, epoch):
    batches.set_epoch(epoch)
    return list(batches)


@given(
    n_items=st.integers(8, 60),
    batch_size=st.sampled_from([4, 8]),
    n_ranks=st.sampled_from([1, 2, 4]),
    seed=st.integers(0, 99),
    epoch=st.integers(1, 99),
)
def test_law_ranks_share_each_batch_evenly(
    n_items, batch_size, n_ranks, seed, epoch
):
    alone = epoch_of(EpochBatches(n_items, batch_size, seed), epoch)
    shares = [
        epoch_of(EpochBatches(n_items, batch_size, seed, rank, n_ranks), epoch)
        for rank in range(n_ranks)
    ]
    assert len(alone) == n_items // batch_size
    for whole, *parts in zip(alone, *shares, strict=True):
        assert {len(part) for part in parts} == {batch_size // n_ranks}
        assert sorted(sum(parts, [])) == sorted(whole)
    rows = [row for batch in alone for _, row in batch]
    assert len(set(rows)) == len(rows)
    assert set(rows) <= set(range(n_items))
    assert {asked for batch in alone for asked, _ in batch} == {epoch}


def test_law_epoch_and_seed_shuffle_and_nothing_else_does():
    batches = EpochBatches(40, 10, seed=1)
    first = epoch_of(batches, 1)
    second = epoch_of(batches, 2)
    assert [row for b in first for _, row in b] != [
        row for b in second for _, row in b
    ]
    assert epoch_of(batches, 1) == first
    assert epoch_of(EpochBatches(40, 10, seed=1), 2) == second
    assert epoch_of(EpochBatches(40, 10, seed=2), 1) != first


def test_law_left_over_rows_differ_between_epochs():
    batches = EpochBatches(11, 10, seed=0)
    left = {
        (set(range(11)) - {row for _, row in epoch_of(batches, epoch)[0]}).pop()
        for epoch in range(1, 60)
    }
    assert len(left) == 11


@pytest.mark.parametrize("n_done", [0, 1, 3, 4, 9])
def test_fact_skipping_resumes_one_pass(n_done):
    batches = EpochBatches(21, 5, seed=0)
    whole = epoch_of(batches, 3)
    batches.skip(n_done)
    assert list(batches) == whole[n_done:]
    assert list(batches) == whole
    assert len(batches) == 4


@pytest.mark.parametrize(
    ("n_items", "batch_size"), [(3, 4), (3, 0), (0, 1), (3, -1)]
)
def test_batches_that_cannot_be_filled(n_items, batch_size):
    with pytest.raises(
        ValueError, match=rf"batch_size={batch_size} must lie in 1..{n_items},"
    ):
        EpochBatches(n_items, batch_size, seed=0)


@pytest.mark.parametrize(
    ("batch_size", "n_ranks", "nearest"), [(7, 2, 6), (1, 2, 2), (10, 4, 8)]
)
def test_batches_that_cannot_be_shared(batch_size, n_ranks, nearest):
    with pytest.raises(
        ValueError,
        match=f"batch_size={batch_size} .* {n_ranks} processes; .*: {nearest}$",
    ):
        EpochBatches(20, batch_size, seed=0, rank=0, n_ranks=n_ranks)


@given(
    durations=st.lists(st.floats(0.1, 20), max_size=30),
    batch_s=st.floats(1, 60),
)
def test_law_batches_by_duration_hold_every_row_in_bounds(durations, batch_s):
    rows = [
        Utterance(str(i), duration, "", 0, None, "")
        for i, duration in enumerate(durations)
    ]
    batches = batches_by_duration(rows, batch_s)
    assert sorted(sum(batches, [])) == list(range(len(rows)))
    longest = [max(durations[i] for i in batch) for batch in batches]
    for batch, duration in zip(batches, longest, strict=True):
        assert len(batch) == 1 or len(batch) * duration <= batch_s
    # Similar lengths together: one batch ends where the next begins.
    assert longest == sorted(longest)
    shortest = [min(durations[i] for i in batch) for batch in batches]
    assert all(a <= b for a, b in zip(longest, shortest[1:], strict=False))
