"""Batches of similar length."""

from hypothesis import given
from hypothesis import strategies as st

from speechbrain_denokd.extraction.batches import plan_batches

durations = st.lists(st.floats(0.1, 100.0), max_size=40)


@given(durations, st.floats(0.5, 150.0))
def test_law_each_row_once_within_the_budget_longest_first(seconds, batch_s):
    by_row = {10 + i: s for i, s in enumerate(seconds)}
    batches = plan_batches(by_row, batch_s)
    order = [row for batch in batches for row in batch]
    assert sorted(order) == sorted(by_row)
    lengths = [by_row[row] for row in order]
    assert lengths == sorted(lengths, reverse=True)
    for batch in batches:
        padded_s = len(batch) * by_row[batch[0]]
        assert padded_s <= batch_s or len(batch) == 1


def test_fact_a_batch_is_filled_to_the_brim():
    assert plan_batches(dict.fromkeys(range(5), 2.0), 4.0) == [
        [0, 1],
        [2, 3],
        [4],
    ]
