"""PLDA on the sphere."""

import numpy as np
import pytest
from scipy.stats import vonmises_fisher

from speechbrain_denokd.scoring import psda as module
from speechbrain_denokd.scoring.psda import Psda

MEAN = np.array([2.0, 1.0, 2.0]) / 3


def units(rng, n, dim=3):
    rows = rng.normal(size=(n, dim))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def draw(n_speakers, between, within, dim=3, low=1, seed=0):
    """Recordings of speakers, from the model."""
    rng = np.random.default_rng(seed)
    mean = np.eye(dim)[0]
    speakers = vonmises_fisher(mean, between, seed=rng).rvs(n_speakers)
    rows, labels = [], []
    for k, speaker in enumerate(speakers):
        n = int(rng.integers(low, 7))
        recordings = vonmises_fisher(speaker, within, seed=rng).rvs(n)
        rows.append(np.reshape(recordings, (n, dim)))
        labels += [k] * n
    return np.concatenate(rows), np.array(labels)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def psda():
    return Psda.from_parameters(MEAN, between=2.0, within=9.0)


@pytest.fixture(scope="module")
def sphere():
    """Points and weights: Gauss-Legendre by height, even by longitude."""
    heights, weights = np.polynomial.legendre.leggauss(80)
    longitudes = np.arange(160) * 2 * np.pi / 160
    radii = np.sqrt(1 - heights**2)
    points = np.stack(
        [
            np.outer(radii, np.cos(longitudes)),
            np.outer(radii, np.sin(longitudes)),
            np.outer(heights, np.ones(160)),
        ],
        axis=-1,
    )
    areas = np.outer(weights, np.full(160, 2 * np.pi / 160))
    return points.reshape(-1, 3), areas.ravel()


def integrated_log_density(rows, sphere):
    """Of one speaker's recordings: the speaker is integrated out."""
    points, areas = sphere
    # In 3 dimensions C(kappa) = kappa / (4 pi sinh(kappa)).
    prior = 2 / (4 * np.pi * np.sinh(2)) * np.exp(2 * points @ MEAN)
    each = (
        9 / (4 * np.pi * np.sinh(9)) * np.exp(9 * points @ np.transpose(rows))
    )
    return np.log((areas * prior * each.prod(axis=1)).sum())


@pytest.mark.parametrize("n", [1, 2, 5])
def test_reference_ratio_of_integrals(psda, rng, sphere, n):
    recordings, test = units(rng, n), units(rng, 1)
    expected = (
        integrated_log_density(np.concatenate([recordings, test]), sphere)
        - integrated_log_density(recordings, sphere)
        - integrated_log_density(test, sphere)
    )
    model = psda.pool(recordings, np.zeros(n, int), 1)
    assert psda.score(model, test) == pytest.approx([expected], abs=1e-9)


def test_reference_likelihood_by_integrals(psda, rng, sphere):
    rows = units(rng, 7)
    labels = np.array(["a", "b", "a", "c", "b", "b", "b"])
    expected = sum(
        integrated_log_density(rows[labels == name], sphere) for name in "abc"
    )
    found = psda.log_likelihood(rows, labels)
    assert found == pytest.approx(expected, abs=1e-9)


def test_fact_without_a_mean_direction_scores_rank_as_cosines_do(rng):
    psda = Psda.from_parameters(np.eye(192)[0], between=0.0, within=300.0)
    one, other = units(rng, 20, 192), units(rng, 20, 192)
    other[:10] = units(rng, 10, 192) * 0.1 + one[:10]
    other /= np.linalg.norm(other, axis=1, keepdims=True)
    scores = psda.score(one, other)
    cosines = (one * other).sum(axis=1)
    assert np.array_equal(np.argsort(scores), np.argsort(cosines))
    assert (scores > 0).tolist() == [True] * 10 + [False] * 10


@pytest.mark.parametrize("dim", [3, 192])
def test_law_all_pairs_score_as_pairs_do(rng, dim):
    psda = Psda.from_parameters(np.eye(dim)[0], 0.4 * dim, 2.0 * dim)
    recordings = units(rng, 9, dim)
    models = np.array([0, 1, 1, 2, 2, 2, 2, 3, 4])
    enroll = psda.pool(recordings, models, 5)
    test = units(rng, 4, dim)
    matrix = psda.score_matrix(enroll, test, np.bincount(models))
    assert matrix.shape == (5, 4)
    for i in range(5):
        expected = psda.score(np.tile(enroll[i], (4, 1)), test)
        np.testing.assert_allclose(matrix[i], expected, rtol=0, atol=1e-10)


def test_law_opposite_recordings_have_a_score(rng):
    """Rounding may leave the square of their sum's length below 0."""
    psda = Psda.from_parameters(np.eye(192)[0], 0.0, 300.0)
    one = units(rng, 50, 192)
    scores = psda.score_matrix(one, -one)
    assert np.isfinite(scores).all()
    assert np.array_equal(scores.argmin(axis=1), np.arange(50))


def test_law_the_block_size_does_not_matter(psda, rng, monkeypatch):
    one, other = units(rng, 7), units(rng, 7)
    whole, matrix = psda.score(one, other), psda.score_matrix(one, other)
    for block in (1, 3, 7, 15):
        monkeypatch.setattr(module, "_BLOCK", block)
        monkeypatch.setattr(module, "_CELLS", block)
        parts = psda.score(one, other)
        np.testing.assert_allclose(parts, whole, rtol=0, atol=1e-12)
        parts = psda.score_matrix(one, other)
        np.testing.assert_allclose(parts, matrix, rtol=0, atol=1e-12)


def test_law_one_recording_against_one_is_symmetric(psda, rng):
    one, other = units(rng, 6), units(rng, 6)
    np.testing.assert_allclose(
        psda.score(one, other), psda.score(other, one), rtol=0, atol=1e-12
    )


def test_fact_models_are_sums_that_keep_their_length(psda):
    recordings = np.array([[1.0, 0, 0], [0, 0, 1.0], [1.0, 0, 0]])
    models = psda.pool(recordings, np.array([1, 0, 1]), 2)
    assert models.tolist() == [[0, 0, 1], [2, 0, 0]]
    # Two recordings tell more than one.
    test = np.array([[1.0, 0, 0]])
    one, two = psda.score(models[1:] / 2, test), psda.score(models[1:], test)
    assert two > one + 0.1


def test_law_the_likelihood_never_falls_and_is_that_of_the_model():
    rows, labels = draw(40, between=3.0, within=20.0, dim=16)
    psda = Psda(n_iterations=30).fit(rows, labels)
    history = np.array(psda.log_likelihoods)
    assert len(history) == 31
    assert np.diff(history).min() > -1e-9
    assert history[-1] > history[0] + 1e-3
    assert psda.log_likelihood(rows, labels) == history[-1]


def test_law_no_small_change_of_the_model_makes_the_data_likelier():
    rows, labels = draw(40, between=3.0, within=20.0, dim=16)
    psda = Psda(n_iterations=60).fit(rows, labels)
    best = psda.log_likelihoods[-1]
    rng = np.random.default_rng(1)
    for _ in range(40):
        mean = psda.mean + 0.05 * rng.normal(size=16)
        other = Psda.from_parameters(
            mean / np.linalg.norm(mean),
            psda.between * np.exp(0.05 * rng.normal()),
            psda.within * np.exp(0.05 * rng.normal()),
        )
        assert other.log_likelihood(rows, labels) < best


@pytest.mark.parametrize(
    "dim, between, within", [(3, 2.0, 8.0), (16, 5.0, 40.0), (64, 60.0, 120.0)]
)
def test_law_parameters_of_the_data_are_recovered(dim, between, within):
    rows, labels = draw(1500, between, within, dim)
    psda = Psda().fit(rows, labels)
    assert psda.between == pytest.approx(between, rel=0.1)
    assert psda.within == pytest.approx(within, rel=0.05)
    assert psda.mean[0] > 0.97


def test_law_neither_order_nor_names_of_speakers_matter():
    rows, labels = draw(20, 3.0, 20.0)
    psda = Psda().fit(rows, labels)
    order = np.random.default_rng(1).permutation(len(labels))
    names = np.array([f"speaker {-k}" for k in labels])
    other = Psda().fit(rows[order], names[order])
    np.testing.assert_allclose(other.mean, psda.mean, atol=1e-9)
    assert other.between == pytest.approx(psda.between)
    assert other.within == pytest.approx(psda.within)


def test_law_a_restored_psda_scores_the_same_bits(rng):
    rows, labels = draw(20, 3.0, 20.0)
    psda = Psda(n_iterations=3).fit(rows, labels)
    again = Psda.restore(psda.settings(), psda.arrays())
    assert again.settings() == {"n_iterations": 3}
    one, other = units(rng, 6), units(rng, 6)
    assert np.array_equal(again.score(one, other), psda.score(one, other))
    matrix = psda.score_matrix(one, other)
    assert np.array_equal(again.score_matrix(one, other), matrix)


def test_vectors_of_other_lengths_are_refused(psda, rng):
    one, wrong = units(rng, 3), units(rng, 3) * [[1], [2], [3]]
    message = r"2 of 3 .*not of length 1 \(first: row 1, of length 2\)"
    for use in (
        lambda: psda.score(one, wrong),
        lambda: psda.score_matrix(one, wrong),
        lambda: psda.pool(wrong, np.array([0, 0, 1]), 2),
        lambda: psda.log_likelihood(wrong, [0, 0, 1]),
        lambda: Psda().fit(wrong, [0, 0, 1]),
    ):
        with pytest.raises(ValueError, match=message):
            use()


def test_law_float32_unit_vectors_are_taken(psda, rng):
    one, other = units(rng, 3), units(rng, 3)
    found = psda.score(one.astype(np.float32), other.astype(np.float32))
    np.testing.assert_allclose(found, psda.score(one, other), atol=1e-5)


@pytest.mark.parametrize(
    "use",
    [
        lambda p: p.score(np.eye(2), np.eye(2)),
        lambda p: p.score_matrix(np.eye(2), np.eye(2)),
        lambda p: p.log_likelihood(np.eye(2), ["a", "b"]),
        lambda p: p.arrays(),
    ],
)
def test_use_before_fit_is_refused(use):
    with pytest.raises(ValueError, match="this Psda has .* call fit first"):
        use(Psda())


def test_data_that_tell_nothing_are_refused(rng):
    rows = units(rng, 4)
    with pytest.raises(ValueError, match="at least 2 speakers .* got 1"):
        Psda().fit(rows, ["a"] * 4)
    with pytest.raises(ValueError, match="none of the 4 speakers has two"):
        Psda().fit(rows, ["a", "b", "c", "d"])
    with pytest.raises(ValueError, match="nearly. coincide.* repeated"):
        Psda().fit(rows[[0, 0, 1, 1]], ["a", "a", "b", "b"])


def test_other_dimensions_are_refused(psda, rng):
    with pytest.raises(ValueError, match="have 4 components, but 3 are"):
        psda.score(units(rng, 2, 4), units(rng, 2, 4))
    with pytest.raises(ValueError, match="have 4 components, but 3 are"):
        psda.score_matrix(units(rng, 2), units(rng, 2, 4))
    with pytest.raises(ValueError, match="have 4 components, but 3 are"):
        psda.log_likelihood(units(rng, 2, 4), ["a", "b"])


@pytest.mark.parametrize("n_iterations", [-1, 2.5, "10"])
def test_a_number_of_iterations_that_is_none_is_refused(n_iterations):
    with pytest.raises(ValueError, match="n_iterations of Psda must be an"):
        Psda(n_iterations)


def test_damaged_files_are_refused(psda):
    settings, arrays = psda.settings(), psda.arrays()
    with pytest.raises(ValueError, match=r"missing \['n_iterations'\]"):
        Psda.restore({}, arrays)
    with pytest.raises(ValueError, match=r"unexpected \['psi'\]"):
        Psda.restore(settings, {**arrays, "psi": np.ones(3)})
    with pytest.raises(ValueError, match="'within' of Psda has the shape"):
        Psda.restore(settings, {**arrays, "within": np.ones(1)})
    with pytest.raises(ValueError, match="within of Psda .* got -1"):
        Psda.restore(settings, {**arrays, "within": np.array(-1.0)})
    with pytest.raises(ValueError, match="1 of 1 means are not of length 1"):
        Psda.restore(settings, {**arrays, "mean": 2 * arrays["mean"]})
