"""What of a scoring system an exported file can carry."""

import numpy as np
import pytest

from speechbrain_denokd.export.metadata import calibration_of
from speechbrain_denokd.scoring.backend import (
    cosine_backend,
    lda_backend,
    psda_backend,
)
from speechbrain_denokd.scoring.calibration import Calibration
from speechbrain_denokd.scoring.cohort import Cohort
from speechbrain_denokd.scoring.norm import ScoreNorm
from speechbrain_denokd.scoring.system import ScoringSystem

X = np.random.default_rng(0).normal(size=(12, 4)) + 1
SPEAKERS = list("aabbccddeeff")
AFFINE = Calibration(9.0, -3.0, prior=0.1)


def test_fact_the_mean_goes_along_and_the_prior_sets_the_threshold():
    found = calibration_of(
        ScoringSystem(cosine_backend().fit(X), calibration=AFFINE)
    )
    assert found["mean"] == X.mean(axis=0).tolist()
    assert (found["scale"], found["offset"], found["prior"]) == (9, -3, 0.1)
    assert found["threshold"] == pytest.approx(np.log(9))


@pytest.mark.parametrize(
    "system",
    [
        ScoringSystem(cosine_backend(centre=False)),
        ScoringSystem(lda_backend(2).fit(X, SPEAKERS), calibration=AFFINE),
        ScoringSystem(psda_backend().fit(X, SPEAKERS), calibration=AFFINE),
        ScoringSystem(
            cosine_backend(centre=False),
            ScoreNorm("as", top_n=3),
            Cohort(X, "speakers"),
            AFFINE,
        ),
        ScoringSystem(
            cosine_backend(centre=False),
            calibration=Calibration(
                9.0, -3.0, ("magnitude_min", "magnitude_max"), (1.0, 0.0)
            ),
        ),
    ],
    ids=["uncalibrated", "lda", "psda", "norm", "quality"],
)
def test_fact_more_than_a_calibrated_cosine_stays_behind(system):
    assert calibration_of(system) is None
