import numpy as np
import pytest

from speechbrain_denokd.metrics import label_index


@pytest.mark.parametrize("kind", [str, int])
def test_equals_numpys_unique(kind):
    labels = np.random.default_rng(0).integers(0, 50, 400).astype(kind)
    expected, indices = np.unique(labels, return_inverse=True)
    for column in (labels, labels.tolist()):
        distinct, found = label_index(column)
        assert distinct == expected.tolist()
        assert found.tolist() == indices.tolist()


def test_columns_share_their_labels():
    distinct, first, second = label_index(["c", "a"], ["b", "c"])
    assert distinct == ["a", "b", "c"]
    assert (first.tolist(), second.tolist()) == ([2, 0], [1, 2])


@pytest.mark.parametrize("labels", [["a", 1], np.zeros((2, 1))])
def test_labels_that_have_no_order_are_refused(labels):
    with pytest.raises(ValueError, match="flat lists of names of one type"):
        label_index(labels)
