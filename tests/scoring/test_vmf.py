"""Normaliser and mean of the von Mises-Fisher distribution."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import gammaln, logsumexp

from speechbrain_denokd.scoring.vmf import (
    concentration_of,
    log_normaliser,
    mean_length,
)

CONCENTRATIONS = np.geomspace(1e-3, 1e4, 15)
DIMS = [3, 40, 63, 64, 192, 512]


def log_bessel(order, x):
    """Log I_order(x) by its power series, summed as logarithms."""
    k = np.arange(int(2 * x + 200))
    terms = (2 * k + order) * np.log(x / 2) - gammaln(k + 1)
    return logsumexp(terms - gammaln(k + order + 1))


@pytest.mark.parametrize("dim", DIMS)
def test_reference_power_series(dim):
    order = dim / 2 - 1
    expected = [
        order * np.log(kappa)
        - dim / 2 * np.log(2 * np.pi)
        - log_bessel(order, kappa)
        for kappa in CONCENTRATIONS
    ]
    found = log_normaliser(CONCENTRATIONS, dim)
    # The reference loses digits: its terms reach 1e5 for kappa = 1e4.
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-9)
    small = CONCENTRATIONS < 100
    np.testing.assert_allclose(
        found[small], np.array(expected)[small], rtol=0, atol=2e-11
    )


def test_fact_three_dimensions_have_a_closed_form():
    kappa = np.geomspace(1e-3, 500, 12)
    expected = np.log(kappa / (4 * np.pi * np.sinh(kappa)))
    found = log_normaliser(kappa, 3)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        mean_length(kappa, 3), 1 / np.tanh(kappa) - 1 / kappa, rtol=1e-9
    )


@pytest.mark.parametrize("dim", [2, 5, 20, 64, 192])
@pytest.mark.parametrize("kappa", [0.0, 0.5, 30.0])
def test_reference_the_density_integrates_to_1(dim, kappa):
    """Over the angle to the mean, times the sphere of one dimension less."""
    rest = (dim - 1) / 2
    log_area = np.log(2) + rest * np.log(np.pi) - gammaln(rest)
    constant = log_normaliser(kappa, dim) + log_area

    def density(angle):
        log_density = constant + kappa * np.cos(angle)
        return np.exp(log_density) * np.sin(angle) ** (dim - 2)

    total, _ = quad(density, 0, np.pi, epsabs=1e-12)
    assert total == pytest.approx(1, abs=1e-9)
    mean, _ = quad(lambda a: np.cos(a) * density(a), 0, np.pi, epsabs=1e-12)
    assert mean_length(kappa, dim) == pytest.approx(mean, abs=1e-9)


@pytest.mark.parametrize("dim", DIMS)
def test_fact_no_concentration_is_the_area_of_the_sphere(dim):
    expected = gammaln(dim / 2) - np.log(2) - dim / 2 * np.log(np.pi)
    for kappa in (0.0, 1e-300, 1e-9):
        found = log_normaliser(kappa, dim)
        assert found == pytest.approx(expected, abs=1e-11)
    assert mean_length(0.0, dim) == 0
    # Next to 0, rho is kappa / D.
    assert mean_length(1e-9, dim) * dim / 1e-9 == pytest.approx(1)


@pytest.mark.parametrize("dim", [61, 62, 63, 64, 65])
def test_law_both_ways_to_compute_agree_where_they_meet(dim):
    """Bessel functions have I_(v-1) - I_(v+1) = 2 v I_v / kappa."""
    kappa = np.geomspace(1e-2, 1e3, 9)
    rho, above = mean_length(kappa, dim), mean_length(kappa, dim + 2)
    np.testing.assert_allclose(1 / rho, dim / kappa + above, rtol=1e-11)


@pytest.mark.parametrize("dim", [2, *DIMS])
def test_law_a_concentration_comes_back_from_its_mean(dim):
    for kappa in CONCENTRATIONS:
        found = concentration_of(mean_length(kappa, dim).item(), dim)
        assert found == pytest.approx(kappa, rel=1e-8)
    assert concentration_of(0.0, dim) == 0
    highest = concentration_of(1 - 1e-6, dim)
    assert highest == pytest.approx((dim - 1) / 2e-6, rel=1e-4)


def test_law_shapes_are_kept():
    kappa = np.arange(6.0).reshape(2, 3)
    for dim in (3, 192):
        found = log_normaliser(kappa, dim)
        for i in np.ndindex(2, 3):
            assert found[i] == log_normaliser(kappa[i], dim)
    assert kappa.tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("kappa", [-1e-9, np.nan, np.inf, 2e9])
def test_what_is_no_concentration_is_refused(kappa):
    for function in (log_normaliser, mean_length):
        with pytest.raises(ValueError, match=r"must lie in \[0, 1e\+09\]"):
            function(np.array([1.0, kappa]), 64)


@pytest.mark.parametrize("length", [-0.1, 1.0, np.nan])
def test_what_is_no_length_of_a_mean_is_refused(length):
    with pytest.raises(ValueError, match=r"must have a length in \[0, 0.99"):
        concentration_of(length, 64)


def test_a_sphere_of_one_dimension_is_refused():
    for use in (log_normaliser, mean_length, concentration_of):
        with pytest.raises(ValueError, match="2 dimensions or more, got 1"):
            use(0.5, 1)
