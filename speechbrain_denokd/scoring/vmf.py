"""Von Mises-Fisher distribution on the unit sphere (inside ``Psda``).

density(x) = C(kappa) exp(kappa mu.x) for unit vectors x, mu in D dimensions

    kappa   concentration, 0 (uniform) or more
    C       normaliser, kappa^v / ((2 pi)^(D/2) I_v(kappa)) with v = D/2 - 1
    rho     length of E[x], I_(v+1)(kappa) / I_v(kappa)

I_v is the modified Bessel function. In the hundreds of dimensions of an
embedding it underflows at small kappa even when scaled exponentially, while
log C itself is harmless: the power of kappa cancels. Debye's uniform expansion
gives log C without either.

Sources: K. V. Mardia, P. E. Jupp, "Directional Statistics", 2000, section 9.3;
NIST Digital Library of Mathematical Functions, 10.41.3 and 10.41.9 (the
expansion); K. Hornik, B. Grün, "movMF", J. Stat. Softw. 58, 2014 (bounds of
the inverse of rho).
"""

import numpy as np
from numpy.polynomial import Polynomial
from scipy import optimize, special

# From this D on, the error of the expansion is that of rounding.
_UNIFORM_DIM = 64
_N_TERMS = 6
# Below, log C is constant to double precision, and I_v may underflow.
_TINY = 1e-8
# Beyond, scipy's Bessel function is not a number.
_HUGE = 1e9
# Of a mean: kappa is about half a million times D then.
_LONGEST = 1 - 1e-6


def log_normaliser(concentration: np.ndarray, dim: int) -> np.ndarray:
    """Return log C of each concentration.

    Arguments
    ---------
    concentration : (...) array_like
        kappa, in [0, 1e9].
    dim : int
        D, 2 or more.

    Returns
    -------
    (...) numpy.ndarray of float64

    Raises
    ------
    ValueError
        If a concentration is out of range, or dim is below 2.

    Example
    -------
    >>> sphere = np.log(2 / (4 * np.pi * np.sinh(2)))  # known for D = 3
    >>> log_normaliser(2.0, 3).round(12) == sphere.round(12)
    np.True_
    """
    concentration = _check_concentration(concentration, dim)
    return _scaled_log_normaliser(concentration, dim) - concentration


def mean_length(concentration: np.ndarray, dim: int) -> np.ndarray:
    """Return rho, the length of the mean of the distribution.

    Arguments
    ---------
    concentration : (...) array_like
        kappa, in [0, 1e9].
    dim : int
        D, 2 or more.

    Returns
    -------
    (...) numpy.ndarray of float64
        In [0, 1).

    Raises
    ------
    ValueError
        If a concentration is out of range, or dim is below 2.

    Example
    -------
    >>> sphere = 1 / np.tanh(2) - 1 / 2  # known for D = 3
    >>> mean_length(2.0, 3).round(12) == sphere.round(12)
    np.True_
    """
    concentration = _check_concentration(concentration, dim)
    # Two dimensions more raise the order of the Bessel function by one.
    ratio = _scaled_log_normaliser(concentration, dim) - (
        _scaled_log_normaliser(concentration, dim + 2)
    )
    return concentration / (2 * np.pi) * np.exp(ratio)


def concentration_of(length: float, dim: int) -> float:
    """Return the kappa whose mean has this length (the inverse of rho).

    This is the maximum-likelihood estimate of kappa, given the length of the
    mean of unit vectors.

    Arguments
    ---------
    length : float
        In [0, 1 - 1e-6].
    dim : int
        D, 2 or more.

    Raises
    ------
    ValueError
        If the length is out of range, or dim is below 2.

    Example
    -------
    >>> round(concentration_of(mean_length(2.0, 192).item(), 192), 6)
    2.0
    """
    if not 0 <= length <= _LONGEST:
        raise ValueError(
            f"a mean of unit vectors must have a length in [0, {_LONGEST}] to "
            f"tell a concentration, got {length}"
        )
    if length == 0:
        return 0.0
    # rho lies between the values these would have, were they exact.
    bound = length / (1 - length**2)
    return optimize.brentq(
        lambda kappa: mean_length(kappa, dim).item() - length,
        0.999 * bound * (dim - 1),
        1.001 * bound * dim,
        xtol=1e-300,  # the relative tolerance decides
    )


def _check_concentration(concentration, dim):
    """Float64 array of concentrations."""
    if dim < 2:
        raise ValueError(f"a sphere needs 2 dimensions or more, got {dim}")
    concentration = np.asarray(concentration, dtype=np.float64)
    lowest, highest = concentration.min(initial=0), concentration.max(initial=0)
    if not (lowest >= 0 and highest <= _HUGE):
        raise ValueError(
            f"concentrations must lie in [0, {_HUGE:g}], got {lowest:g} to "
            f"{highest:g}"
        )
    return concentration


def _scaled_log_normaliser(concentration, dim):
    """Log C + kappa, which grows with log kappa only."""
    order = dim / 2 - 1
    if dim < _UNIFORM_DIM:
        kappa = np.maximum(concentration, _TINY)
        bessel = np.log(special.ive(order, kappa)) + (kappa - concentration)
        return order * np.log(kappa) - bessel - dim / 2 * np.log(2 * np.pi)
    radius = np.sqrt(order**2 + np.square(concentration))
    p = order / radius
    first, *others = _debye_coefficients(order)[::-1]
    series = np.full_like(p, first)
    for coefficient in others:  # Horner's rule, in place for speed
        series *= p
        series += coefficient
    return (
        order * np.log(order + radius)
        - order**2 / (radius + concentration)  # kappa - radius
        + np.log(np.sqrt(radius) / series)
        - (dim - 1) / 2 * np.log(2 * np.pi)
    )


def _debye_coefficients(order):
    """Of the sum over k of U_k(p) / order^k, as one polynomial in p.

    DLMF 10.41.9: U_(k+1) = p^2 (1 - p^2) U_k' / 2
    + integral from 0 to p of (1 - 5 t^2) U_k(t) dt / 8.
    """
    p = Polynomial([0.0, 1.0])
    term = total = Polynomial([1.0])
    for k in range(1, _N_TERMS + 1):
        integral = ((1 - 5 * p**2) * term).integ()
        term = p**2 * (1 - p**2) * term.deriv() / 2 + integral / 8
        total = total + term / order**k
    return total.coef
