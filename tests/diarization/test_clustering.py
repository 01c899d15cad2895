"""Windows grouped by speaker."""

import numpy as np
import pytest
from sklearn.cluster import AgglomerativeClustering

from speechbrain_denokd.diarization import clustering
from speechbrain_denokd.diarization.clustering import (
    WindowScores,
    cluster,
    score_windows,
)
from speechbrain_denokd.scoring.backend import cosine_backend, plda_backend
from speechbrain_denokd.scoring.calibration import Calibration
from speechbrain_denokd.scoring.cohort import Cohort
from speechbrain_denokd.scoring.norm import NO_NORM, ScoreNorm
from speechbrain_denokd.scoring.system import ScoringSystem

# A cosine of 0.4 is a log-likelihood ratio of 0.
CALIBRATED = ScoringSystem(
    cosine_backend(False), calibration=Calibration(10.0, -4.0)
)


def windows(labels, seed=0, dim=16, spread=0.5):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(max(labels) + 1, dim))
    return centres[labels] + spread * rng.normal(size=(len(labels), dim))


@pytest.mark.parametrize(
    "norm",
    [NO_NORM, ScoreNorm("s"), ScoreNorm("as", 8)],
    ids=lambda norm: norm.kind,
)
@pytest.mark.parametrize("backend", [cosine_backend, plda_backend])
def test_reference_scores_are_those_of_pairs(backend, norm):
    labels = np.repeat(np.arange(20), 4)
    x = windows(labels, seed=1)
    cohort = None if norm == NO_NORM else Cohort.from_speakers(x, labels)
    system = ScoringSystem(
        backend().fit(x, labels), norm, cohort, Calibration(2.0, 1.0)
    )
    rows = windows([0, 1, 2, 0], seed=2)
    enroll, test = np.indices((4, 4)).reshape(2, -1)
    expected = system.score_indexed(rows, enroll, test).llr.reshape(4, 4)
    found = score_windows(system, rows)
    assert found.are_llrs
    np.testing.assert_allclose(found.values, expected, rtol=1e-4, atol=1e-4)


def test_law_a_one_sided_norm_is_averaged_over_both_sides():
    x = windows(np.arange(20), seed=1)
    system = ScoringSystem(
        cosine_backend(False), ScoreNorm("z"), Cohort(x, "utterances")
    )
    values = score_windows(system, windows([0, 1, 2])).values
    np.testing.assert_array_equal(values, values.T)


def test_reference_it_is_average_linkage_on_cosine_distance():
    labels = np.random.default_rng(0).integers(0, 4, 60)
    x = windows(labels, spread=1.0)
    units = x / np.linalg.norm(x, axis=1, keepdims=True)
    for threshold, cosine in ((0.0, 0.4), (-2.0, 0.2), (3.0, 0.7)):
        expected = AgglomerativeClustering(
            None,
            metric="cosine",
            linkage="average",
            distance_threshold=1 - cosine,
        ).fit_predict(units)
        found = cluster(score_windows(CALIBRATED, x), threshold=threshold)
        pairs = set(zip(found.tolist(), expected.tolist(), strict=True))
        assert len(pairs) == found.max() + 1 == expected.max() + 1


@pytest.mark.parametrize("method", clustering.METHODS)
def test_fact_well_parted_speakers_are_found_in_the_order_they_speak(method):
    labels = np.array([2, 2, 0, 0, 2, 1, 1, 0, 1, 2])
    scores = score_windows(CALIBRATED, windows(labels, spread=0.1))
    found = cluster(scores, n_speakers=3, method=method)
    assert found.tolist() == [0, 0, 1, 1, 0, 2, 2, 1, 2, 0]


def test_fact_the_threshold_finds_the_number_of_speakers():
    labels = np.arange(30) % 3
    scores = score_windows(CALIBRATED, windows(labels, spread=0.1))
    assert cluster(scores).tolist() == labels.tolist()
    assert cluster(scores, threshold=-99.0).tolist() == [0] * 30
    # Above the highest of all scores no two are joined.
    assert cluster(scores, threshold=99.0).tolist() == list(range(30))


def test_fact_one_window_or_one_speaker_needs_no_clustering():
    one = WindowScores(np.ones((1, 1)), True)
    assert cluster(one).tolist() == [0]
    three = WindowScores(np.eye(3), False)
    assert cluster(three, n_speakers=1).tolist() == [0, 0, 0]


def test_fact_a_number_of_speakers_serves_where_nothing_is_calibrated():
    plain = ScoringSystem(cosine_backend(False))
    scores = score_windows(plain, windows([0, 1, 0, 1], spread=0.1))
    assert cluster(scores, n_speakers=2).tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("are_llrs", "options", "message"),
    [
        (True, {"method": "k-means"}, "no method 'k-means'"),
        (True, {"n_speakers": 0}, "0 speakers cannot be found in 3"),
        (True, {"n_speakers": 4}, "4 speakers cannot be found in 3"),
        (True, {"method": "spectral"}, "needs the number of speakers"),
        (False, {}, "not calibrated"),
        (False, {"method": "spectral", "n_speakers": 2}, "not calibrated"),
    ],
)
def test_fact_what_cannot_be_clustered_is_refused(are_llrs, options, message):
    with pytest.raises(ValueError, match=message):
        cluster(WindowScores(np.eye(3), are_llrs), **options)


def test_fact_what_cannot_be_scored_is_refused(monkeypatch):
    names = ("log_duration_min", "log_duration_max")
    by_quality = ScoringSystem(
        cosine_backend(False),
        calibration=Calibration(1.0, 0.0, names, (0.1, 0.1)),
    )
    with pytest.raises(ValueError, match="without --quality"):
        score_windows(by_quality, np.eye(3))
    monkeypatch.setattr(clustering, "_MOST_WINDOWS", 2)
    with pytest.raises(ValueError, match="take a longer hop"):
        score_windows(CALIBRATED, np.eye(3))
