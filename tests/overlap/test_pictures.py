import numpy as np

from speechbrain_denokd.overlap.pictures import (
    attention_order,
    owners_of_outputs,
)


def test_law_owners_follow_any_order_of_outputs():
    rng = np.random.default_rng(0)
    speakers = rng.normal(size=(3, 8))
    alone = np.stack([np.stack([s, rng.normal(size=8), s]) for s in speakers])
    for order in ([0, 1, 2], [2, 0, 1], [1, 0, 2]):
        found = 5 * speakers[order] + 0.1 * rng.normal(size=(3, 8))
        assert owners_of_outputs(found, alone) == order


def test_law_two_outputs_have_two_owners():
    """Even where both are nearest to the same source."""
    alone = np.array([[[1.0, 0.0]] * 2, [[0.0, 1.0]] * 2])
    found = np.array([[1.0, 0.1], [1.0, 0.2]])
    assert owners_of_outputs(found, alone) == [0, 1]


def test_law_attention_goes_to_who_is_loud():
    rng = np.random.default_rng(0)
    present = np.zeros((3, 30), bool)
    for speaker in range(3):
        present[speaker, 10 * speaker : 10 * speaker + 10] = True
    sources = rng.normal(size=(3, 4800)) * np.repeat(present, 160, axis=1)
    order = [1, 2, 0]
    attention = np.empty((3, 30))
    attention[order] = 0.1 + 0.8 * present
    assert attention_order(attention, sources, 0.010) == order
