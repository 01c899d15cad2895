"""Quality measures of trials."""

import numpy as np
import pytest

from speechbrain_denokd.scoring.quality import (
    MEASURES,
    measures_of,
    quality_matrix,
    quality_names,
)


def test_fact_three_trials_by_hand():
    qualities = quality_matrix(
        {
            "cohort_mean": ([0.1, 0.2, 0.3], [0.3, 0.2, -0.1]),
            "log_duration": ([2.0, 25.0, 0.5], [8.0, 3.0, 1e9]),
            "magnitude": ([10.0, 20.0, 30.0], [30.0, 20.0, 10.0]),
        }
    )
    assert qualities.names == (
        "log_duration_min",
        "log_duration_max",
        "magnitude_min",
        "magnitude_max",
        "cohort_mean_min",
        "cohort_mean_max",
    )
    ln2, ln3, ln20 = np.log([2, 3, 20])
    np.testing.assert_allclose(
        qualities.values,
        [
            [ln2, 3 * ln2, 10, 30, 0.1, 0.3],
            [ln3, ln20, 20, 20, 0.2, 0.2],
            [0, ln20, 10, 30, -0.1, 0.3],
        ],
        atol=1e-12,
    )


def test_law_the_sides_count_alike():
    rng = np.random.default_rng(0)
    sides = {measure: rng.uniform(1, 30, (2, 50)) for measure in MEASURES}
    swapped = {measure: pair[::-1] for measure, pair in sides.items()}
    assert np.array_equal(
        quality_matrix(sides).values, quality_matrix(swapped).values
    )


def test_law_names_and_measures_are_inverse():
    for measures in (["magnitude"], ["log_duration", "cohort_mean"], []):
        assert measures_of(quality_names(measures)) == measures


@pytest.mark.parametrize(
    ("sides", "match"),
    [
        ({}, "no quality is given; choose from"),
        ({"loudness": ([1.0], [1.0])}, "no quality measure 'loudness'"),
        ({"magnitude": ([1.0], [1.0, 2.0])}, r"shapes \(1,\) and \(2,\)"),
        ({"magnitude": ([1.0, 2.0], [1.0, np.nan])}, r"in 1 of 2 .*trial 1\)"),
        ({"log_duration": ([1.0], [0.0])}, "duration of 0.0 s is not positive"),
        (
            {"magnitude": ([1.0], [1.0]), "log_duration": ([1.0] * 2,) * 2},
            "different numbers of trials: {'log_duration': 2, 'magnitude': 1}",
        ),
    ],
)
def test_what_cannot_be_measured_is_refused(sides, match):
    with pytest.raises(ValueError, match=match):
        quality_matrix(sides)


@pytest.mark.parametrize(
    "names", [("magnitude_min",), ("magnitude_max", "magnitude_min"), ("x",)]
)
def test_columns_of_no_measures_are_refused(names):
    with pytest.raises(ValueError, match="no measures with the columns"):
        measures_of(names)
