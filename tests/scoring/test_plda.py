"""Two-covariance PLDA: its score and what is kept of it."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from speechbrain_denokd.scoring import plda as module
from speechbrain_denokd.scoring.plda import Plda


def covariance(rng, dim):
    root = rng.normal(size=(dim, 2 * dim))
    return root @ root.T / dim


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def plda(rng):
    return Plda.from_parameters(
        rng.normal(size=3), covariance(rng, 3), covariance(rng, 3)
    )


def stacked_log_density(rows, plda):
    """Log density of one speaker's recordings, as one long vector."""
    n = len(rows)
    joint = np.kron(np.ones((n, n)), plda.between)
    joint += np.kron(np.eye(n), plda.within)
    return multivariate_normal.logpdf(
        np.ravel(rows), np.tile(plda.mean, n), joint
    )


@pytest.mark.parametrize(
    "between, enroll, test, score",
    [
        (1, 1, 1, 0.3105077029),
        (1, 1, -1, -0.3561589638),
        (1, 0, 0, 0.1438410362),
        (1, 2, 2, 0.8105077029),
        (3, 0.7, -0.2, 0.2681607152),
    ],
)
def test_fact_scores_in_one_dimension(between, enroll, test, score):
    plda = Plda.from_parameters([0.0], [[between]], [[1.0]])
    scores = plda.score([[enroll]], [[test]])
    assert scores.tolist() == pytest.approx([score], abs=1e-10)


@pytest.mark.parametrize("n", [1, 2, 7])
def test_reference_ratio_of_joint_gaussians(plda, rng, n):
    recordings = rng.normal(size=(n, 3)) * 3
    test = rng.normal(size=(1, 3)) * 3
    expected = (
        stacked_log_density(np.concatenate([recordings, test]), plda)
        - stacked_log_density(recordings, plda)
        - stacked_log_density(test, plda)
    )
    model = plda.pool(recordings, np.zeros(n, int), 1)
    score = plda.score(model, test, np.array([n]))
    assert score.tolist() == pytest.approx([expected], abs=1e-10)


def test_reference_likelihood_of_joint_gaussians(plda, rng):
    embeddings = rng.normal(size=(8, 3))
    labels = np.array(["a", "b", "a", "c", "b", "b", "b", "d"])
    expected = sum(
        stacked_log_density(embeddings[labels == name], plda) for name in "abcd"
    )
    found = plda.log_likelihood(embeddings, labels)
    assert found == pytest.approx(expected, abs=1e-9)


def test_law_all_pairs_score_as_pairs_do(plda, rng):
    enroll, test = rng.normal(size=(5, 3)), rng.normal(size=(4, 3))
    n_enroll = np.array([1, 3, 1, 20, 3])
    matrix = plda.score_matrix(enroll, test, n_enroll)
    assert matrix.shape == (5, 4)
    for i in range(5):
        expected = plda.score(
            np.tile(enroll[i], (4, 1)), test, np.full(4, n_enroll[i])
        )
        np.testing.assert_allclose(matrix[i], expected, rtol=0, atol=1e-11)


def test_law_the_block_size_does_not_matter(plda, rng, monkeypatch):
    one, other = rng.normal(size=(2, 7, 3))
    n_enroll = np.arange(1, 8)
    whole = plda.score(one, other, n_enroll)
    for block in (1, 3, 7):
        monkeypatch.setattr(module, "_BLOCK", block)
        parts = plda.score(one, other, n_enroll)
        np.testing.assert_allclose(parts, whole, rtol=0, atol=1e-12)


def test_law_one_recording_against_one_is_symmetric(plda, rng):
    one, other = rng.normal(size=(2, 6, 3))
    np.testing.assert_allclose(
        plda.score(one, other), plda.score(other, one), rtol=0, atol=1e-12
    )
    matrix = plda.score_matrix(one, other)
    np.testing.assert_allclose(matrix, plda.score_matrix(other, one).T)


def test_law_an_invertible_map_of_everything_changes_no_score(plda, rng):
    one, other = rng.normal(size=(2, 6, 3))
    matrix, shift = rng.normal(size=(3, 3)), rng.normal(size=3)
    mapped = Plda.from_parameters(
        plda.mean @ matrix + shift,
        matrix.T @ plda.between @ matrix,
        matrix.T @ plda.within @ matrix,
    )
    np.testing.assert_allclose(
        mapped.score(one @ matrix + shift, other @ matrix + shift),
        plda.score(one, other),
        atol=1e-9,
    )


def test_law_directions_without_speakers_do_not_matter(rng):
    plda = Plda.from_parameters(np.zeros(2), np.diag([2.0, 0.0]), np.eye(2))
    one, other = rng.normal(size=(2, 4, 2))
    scores = plda.score(one, other)
    one[:, 1] += 9
    np.testing.assert_allclose(plda.score(one, other), scores, atol=1e-12)


def test_fact_models_are_the_means_of_their_recordings(plda):
    recordings = np.array([[0.0, 1, 2], [9, 9, 9], [4, 3, 2]])
    models = plda.pool(recordings, np.array([1, 0, 1]), 2)
    assert models.tolist() == [[9, 9, 9], [2, 2, 2]]


def test_law_parameters_come_back(rng):
    mean, between, within = (
        rng.normal(size=3),
        *(covariance(rng, 3) for _ in range(2)),
    )
    plda = Plda.from_parameters(mean, between, within)
    assert plda.mean.tolist() == mean.tolist()
    np.testing.assert_allclose(plda.between, between, atol=1e-12)
    np.testing.assert_allclose(plda.within, within, atol=1e-12)


def test_law_a_restored_plda_scores_the_same_bits(rng):
    embeddings = rng.normal(size=(40, 3))
    plda = Plda(n_iterations=3).fit(embeddings, np.arange(40) % 8)
    again = Plda.restore(plda.settings(), plda.arrays())
    assert again.settings() == {"n_iterations": 3}
    one, other = rng.normal(size=(2, 6, 3))
    assert np.array_equal(again.score(one, other), plda.score(one, other))
    matrix = plda.score_matrix(one, other)
    assert np.array_equal(again.score_matrix(one, other), matrix)


def test_law_what_is_given_or_taken_is_not_shared(plda, rng):
    one, other = rng.normal(size=(2, 4, 3))
    scores = plda.score(one, other)
    for array in plda.arrays().values():
        array += 1
    plda.mean[:] = 7
    assert np.array_equal(plda.score(one, other), scores)


@pytest.mark.parametrize(
    "use",
    [
        lambda p: p.score(np.ones((1, 2)), np.ones((1, 2))),
        lambda p: p.score_matrix(np.ones((1, 2)), np.ones((1, 2))),
        lambda p: p.log_likelihood(np.ones((1, 2)), ["a"]),
        lambda p: p.arrays(),
        lambda p: p.mean,
        lambda p: p.between,
        lambda p: p.within,
    ],
)
def test_use_before_fit_is_refused(use):
    with pytest.raises(ValueError, match="this Plda has .* call fit first"):
        use(Plda())


def test_other_dimensions_are_refused(plda):
    right, wrong = np.ones((2, 3)), np.ones((2, 4))
    with pytest.raises(ValueError, match="have 4 components, but 3 are"):
        plda.score(wrong, wrong)
    with pytest.raises(ValueError, match="have 4 components, but 3 are"):
        plda.score_matrix(right, wrong)
    with pytest.raises(ValueError, match="have 4 components, but 3 are"):
        plda.log_likelihood(wrong, ["a", "b"])
    with pytest.raises(ValueError, match="n_enroll must be 1 or more"):
        plda.score(right, right, np.array([1, 0]))


@pytest.mark.parametrize("n_iterations", [-1, 2.5, "10"])
def test_a_number_of_iterations_that_is_none_is_refused(n_iterations):
    with pytest.raises(ValueError, match="n_iterations of Plda must be an"):
        Plda(n_iterations)


@pytest.mark.parametrize(
    "between, within, message",
    [
        (np.eye(3), np.eye(2), "'between' .* shape"),
        ([[1, 1], [0, 1]], np.eye(2), "between must be symmetric"),
        (np.eye(2), [[1, 0.1], [0, 1]], "within must be symmetric"),
        (np.diag([1, -1]), np.eye(2), "between .* negative eigenvalue -1"),
        (np.eye(2), np.diag([1, 0]), "within must be positive definite"),
        (np.eye(2), np.diag([np.nan, 1]), "'within' of Plda is not finite"),
    ],
)
def test_what_is_no_covariance_is_refused(between, within, message):
    with pytest.raises(ValueError, match=message):
        Plda.from_parameters(np.zeros(2), between, within)


def test_damaged_files_are_refused(plda):
    settings, arrays = plda.settings(), plda.arrays()
    with pytest.raises(ValueError, match=r"missing \['n_iterations'\]"):
        Plda.restore({}, arrays)
    with pytest.raises(ValueError, match=r"missing \['psi'\]"):
        Plda.restore(settings, {k: arrays[k] for k in ("mean", "transform")})
    with pytest.raises(ValueError, match="'psi' of Plda has the shape"):
        Plda.restore(settings, {**arrays, "psi": np.ones(2)})
    with pytest.raises(ValueError, match="'psi' .* the value -1; the file"):
        Plda.restore(settings, {**arrays, "psi": np.array([2.0, 1, -1])})
