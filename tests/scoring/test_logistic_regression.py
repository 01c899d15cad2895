"""Prior-weighted logistic regression."""

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from speechbrain_denokd.scoring.logistic_regression import logistic_regression


def overlapping(n, n_columns=1, share=0.25):
    """Columns of which the first tells the classes apart, with errors."""
    rng = np.random.default_rng(n)
    is_target = np.arange(n) < share * n
    columns = rng.normal(size=(n, n_columns))
    columns[:, 0] += np.where(is_target, 1.0, -1.0)
    return columns, is_target


def cross_entropy(parameters, columns, is_target, prior):
    """In nats, of both classes at their priors."""
    log_odds = np.log(prior / (1 - prior))
    z = columns @ parameters[:-1] + parameters[-1] + log_odds
    targets = np.logaddexp(0, -z[is_target]).mean()
    return prior * targets + (1 - prior) * np.logaddexp(0, z[~is_target]).mean()


@pytest.mark.parametrize("prior", [0.5, 0.05])
def test_reference_objective_minimised_without_derivatives(prior):
    columns, is_target = overlapping(500)
    expected = minimize(
        cross_entropy,
        [1.0, 0.0],
        (columns, is_target, prior),
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-14},
    ).x
    weights, offset = logistic_regression(columns, is_target, prior)
    assert [*weights, offset] == pytest.approx(expected, rel=2e-4)


def test_reference_regression_without_penalty_where_the_prior_is_the_share():
    """Then all trials weigh alike, and the intercept is of the posterior."""
    columns, is_target = overlapping(4000, n_columns=3)
    plain = LogisticRegression(C=np.inf, tol=1e-10).fit(columns, is_target)
    weights, offset = logistic_regression(columns, is_target, prior=0.25)
    np.testing.assert_allclose(weights, plain.coef_[0], rtol=1e-3, atol=1e-4)
    assert offset + np.log(1 / 3) == pytest.approx(
        plain.intercept_[0], rel=1e-3
    )


@pytest.mark.parametrize("prior", [0.5, 0.01])
def test_fact_normal_scores_of_equal_variance(prior):
    """N(1, 4) over N(-2, 4): the log-ratio is 3 (s + 0.5) / 4."""
    rng = np.random.default_rng(0)
    is_target = np.arange(400_000) < 100_000
    scores = rng.normal(np.where(is_target, 1.0, -2.0), 2.0)[:, None]
    weights, offset = logistic_regression(scores, is_target, prior)
    assert weights[0] == pytest.approx(0.75, rel=0.02)
    assert offset == pytest.approx(0.375, abs=0.02)


def test_law_the_number_of_nontargets_does_not_matter():
    columns, is_target = overlapping(300)
    more = [columns] + [columns[~is_target]] * 4
    labels = np.concatenate([is_target, np.zeros(4 * (~is_target).sum(), bool)])
    np.testing.assert_allclose(
        np.hstack(logistic_regression(columns, is_target, 0.5)),
        np.hstack(logistic_regression(np.concatenate(more), labels, 0.5)),
        rtol=1e-6,
    )


def test_law_the_units_of_columns_do_not_matter():
    columns, is_target = overlapping(300, n_columns=2)
    changed = columns * [1e-3, 50.0] + [9.0, -4.0]
    ratios = [
        x @ weights + offset
        for x in (columns, changed)
        for weights, offset in [logistic_regression(x, is_target, 0.1)]
    ]
    np.testing.assert_allclose(*ratios, rtol=1e-6, atol=1e-7)


def test_law_swapped_classes_change_the_sign():
    columns, is_target = overlapping(300)
    one = np.hstack(logistic_regression(columns, is_target, 0.2))
    other = np.hstack(logistic_regression(columns, ~is_target, 0.8))
    np.testing.assert_allclose(one, -other, rtol=1e-5)


@pytest.mark.parametrize("n_trials", [2, 20, 2000])
def test_law_trials_without_an_error_give_finite_ratios(n_trials):
    is_target = np.arange(n_trials) < n_trials // 2
    scores = np.where(is_target, 0.8, 0.1)[:, None]
    weights, offset = logistic_regression(scores, is_target, 0.5)
    ratios = scores @ weights + offset
    assert (np.abs(ratios) > 10).all()
    assert (np.abs(ratios) < 15).all()
    assert ((ratios > 0) == is_target).all()


def test_law_a_constant_column_changes_nothing():
    columns, is_target = overlapping(100_000)
    more = np.column_stack([columns, np.full(len(columns), 3.1)])
    weights, offset = logistic_regression(more, is_target, 0.5)
    assert weights[1] == 0
    np.testing.assert_allclose(
        [weights[0], offset],
        np.hstack(logistic_regression(columns, is_target, 0.5)),
    )


@pytest.mark.parametrize("prior", [0.0, 1.0, -0.5, np.nan])
def test_what_is_no_prior_is_refused(prior):
    with pytest.raises(ValueError, match=f"prior is {prior}, but a prior lies"):
        logistic_regression(*overlapping(20), prior)
