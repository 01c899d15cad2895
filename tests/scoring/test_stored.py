"""Checks of stored settings and arrays."""

import numpy as np
import pytest

from speechbrain_denokd.scoring.stored import check_arrays, check_keys

SHAPES = {"mean": ("D",), "matrix": ("D", 2)}


def test_fact_names_that_differ_are_all_listed():
    with pytest.raises(
        ValueError, match=r"^a file: missing \['a', 'b'\], unexpected \['d'\]$"
    ):
        check_keys({"c": 0, "d": 0}, ["b", "a", "c"], "a file")


def test_fact_arrays_are_copies_in_c_order():
    mean, matrix = np.arange(3.0), np.asfortranarray(np.ones((3, 2)))
    checked = check_arrays({"matrix": matrix, "mean": mean}, SHAPES, "X")
    assert list(checked) == ["mean", "matrix"]
    assert checked["matrix"].flags.c_contiguous
    mean[0] = 7
    assert checked["mean"].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "matrix, sentence",
    [
        (np.ones((4, 2)), r"\(4, 2\), but \(D, 2\) is expected with {'D': 3}"),
        (np.ones((3, 1)), r"\(3, 1\), but \(D, 2\) is expected"),
        (np.ones(3), r"\(3,\), but \(D, 2\) is expected"),
        (np.full((3, 2), np.nan), "'matrix' of X is not finite"),
    ],
)
def test_arrays_that_do_not_fit_are_named(matrix, sentence):
    with pytest.raises(ValueError, match=sentence):
        check_arrays({"mean": np.ones(3), "matrix": matrix}, SHAPES, "X")


def test_empty_arrays_are_refused():
    with pytest.raises(ValueError, match=r"'mean' of X has the shape \(0,\)"):
        check_arrays({"mean": np.ones(0)}, {"mean": ("D",)}, "X")
