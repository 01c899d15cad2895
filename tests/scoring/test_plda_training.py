"""EM of the two-covariance PLDA."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from speechbrain_denokd.scoring import plda_training
from speechbrain_denokd.scoring.plda import Plda

BETWEEN = np.array([[4.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]])
WITHIN = np.array([[1.0, -0.3, 0.2], [-0.3, 1.5, 0.0], [0.2, 0.0, 0.5]])
MEAN = np.array([1.0, -2.0, 0.5])


def draw(n_speakers, seed=0, low=1, high=6):
    """Recordings of speakers, from the model."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(
        np.arange(n_speakers), rng.integers(low, high + 1, n_speakers)
    )
    speakers = rng.multivariate_normal(MEAN, BETWEEN, n_speakers)
    noise = rng.multivariate_normal(np.zeros(3), WITHIN, len(labels))
    return speakers[labels] + noise, labels


def test_law_the_likelihood_never_falls_and_is_that_of_the_model():
    embeddings, labels = draw(30)
    plda = Plda(n_iterations=40).fit(embeddings, labels)
    history = np.array(plda.log_likelihoods)
    assert len(history) == 41
    assert np.diff(history).min() > -1e-9
    assert history[-1] - history[0] > 0.1
    assert plda.log_likelihood(embeddings, labels) == history[-1]


def test_law_parameters_of_the_data_are_recovered():
    embeddings, labels = draw(20_000)
    plda = Plda(n_iterations=20).fit(embeddings, labels)
    # Some 5 standard deviations of the estimates.
    np.testing.assert_allclose(plda.mean, MEAN, atol=0.09)
    np.testing.assert_allclose(plda.between, BETWEEN, atol=0.25)
    np.testing.assert_allclose(plda.within, WITHIN, atol=0.06)


def test_law_no_small_change_of_the_model_makes_the_data_likelier():
    embeddings, labels = draw(30)
    plda = Plda(n_iterations=500).fit(embeddings, labels)
    best = plda.log_likelihoods[-1]
    rng = np.random.default_rng(1)
    for _ in range(50):
        turn = np.eye(3) + 0.02 * rng.normal(size=(3, 3))
        other = Plda.from_parameters(
            plda.mean + 0.02 * rng.normal(size=3),
            turn.T @ plda.between @ turn,
            turn @ plda.within @ turn.T,
        )
        assert other.log_likelihood(embeddings, labels) < best + 1e-6


def test_reference_one_step_by_full_posteriors():
    embeddings, labels = draw(12)
    statistics = plda_training.speaker_statistics(embeddings, labels)
    model = MEAN + 0.3, BETWEEN * 0.5, WITHIN + np.eye(3)
    found = plda_training.em_step(
        statistics, model[0], *plda_training.diagonalise(*model[1:])
    )
    # The textbook's E-step, with inverses for every speaker.
    mean, (b, w) = model[0], (np.linalg.inv(m) for m in model[1:])
    posteriors = []
    for k in range(12):
        rows = embeddings[labels == k]
        spread = np.linalg.inv(b + len(rows) * w)
        posteriors.append((spread @ (b @ mean + w @ rows.sum(axis=0)), spread))
    new_mean = np.mean([y for y, _ in posteriors], axis=0)
    between = np.mean(
        [np.outer(y - new_mean, y - new_mean) + s for y, s in posteriors],
        axis=0,
    )
    within = np.mean(
        [
            np.outer(x - posteriors[k][0], x - posteriors[k][0])
            + posteriors[k][1]
            for x, k in zip(embeddings, labels, strict=True)
        ],
        axis=0,
    )
    for one, other in zip(found, (new_mean, between, within), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-10)


def test_law_neither_order_nor_names_of_speakers_matter():
    embeddings, labels = draw(15)
    plda = Plda(n_iterations=5).fit(embeddings, labels)
    order = np.random.default_rng(1).permutation(len(labels))
    names = np.array([f"speaker {-k}" for k in labels])
    other = Plda(n_iterations=5).fit(embeddings[order], names[order])
    np.testing.assert_allclose(other.between, plda.between, atol=1e-9)
    np.testing.assert_allclose(other.within, plda.within, atol=1e-9)


def test_law_speakers_with_one_recording_count():
    embeddings, labels = draw(40, low=2)
    strangers = np.random.default_rng(1).normal(size=(60, 3)) * 9
    both = np.concatenate([embeddings, strangers])
    names = np.concatenate([labels, 1000 + np.arange(60)])
    one = Plda().fit(embeddings, labels)
    other = Plda().fit(both, names)
    assert np.trace(other.between) > 5 * np.trace(one.between)
    assert np.trace(other.within) < 1.5 * np.trace(one.within)
    # A speaker alone is N(mean, between + within), whatever the split.
    alone = multivariate_normal.logpdf(
        strangers, other.mean, other.between + other.within
    )
    found = other.log_likelihood(strangers, np.arange(60))
    assert found == pytest.approx(alone.sum(), abs=1e-8)


def test_law_more_components_than_speakers_are_no_obstacle():
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 4
    embeddings = rng.normal(size=(60, 6)) + 3 * labels[:, None]
    plda = Plda().fit(embeddings, labels)
    assert np.diff(plda.log_likelihoods).min() > 0
    same = plda.score(embeddings[:4], embeddings[4:8])
    assert (same > plda.score(embeddings[:4], embeddings[5:9])).all()


def test_law_rounding_makes_no_variance_negative():
    root = np.random.default_rng(0).normal(size=(6, 2))
    plda = Plda.from_parameters(np.zeros(6), root @ root.T, np.eye(6))
    psi = plda.arrays()["psi"]
    assert psi.min() >= 0
    np.testing.assert_allclose(psi[2:], 0, atol=1e-12)
    # With a file's check of the same, this would fail otherwise.
    Plda.restore(plda.settings(), plda.arrays())


def test_law_the_first_guess_is_close_when_data_are_many():
    embeddings, labels = draw(20_000)
    plda = Plda(n_iterations=0).fit(embeddings, labels)
    np.testing.assert_allclose(plda.between, BETWEEN, atol=0.25)
    np.testing.assert_allclose(plda.within, WITHIN, atol=0.06)


def test_fact_no_iterations_keep_the_first_guess():
    embeddings = np.array([[0.0], [2.0], [5.0]])
    plda = Plda(n_iterations=0).fit(embeddings, [0, 0, 1])
    assert [plda.mean.item(), plda.within.item()] == pytest.approx([3, 2])
    # The means vary by 4, of which their noise is (2 / 2 + 2) / 2.
    assert plda.between.item() == pytest.approx(2.5)
    assert len(plda.log_likelihoods) == 1


def test_one_speaker_is_refused():
    with pytest.raises(ValueError, match="at least 2 speakers .* got 1"):
        Plda().fit(np.eye(3), ["a", "a", "a"])


def test_too_few_recordings_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(
        ValueError, match="6 recordings of 3 speakers, 3 beyond .* all 4"
    ):
        Plda().fit(rng.normal(size=(6, 4)), [0, 0, 1, 1, 2, 2])
    with pytest.raises(ValueError, match="3 speakers, 0 beyond one each"):
        Plda().fit(rng.normal(size=(3, 1)), [0, 1, 2])
