"""PLDA for another domain, without its labels (``Plda -> Plda``).

Recordings of the domain where a system is used tell their total covariance,
but not which part of it is between speakers. Both methods only ever raise
variances, where the domain varies more than the model expects; they differ in
how they share the excess between the model's two covariances.

Sources: Kaldi's class ``PldaUnsupervisedAdaptor`` (`adapt_plda`); K. A. Lee,
Q. Wang, T. Koshinaka, "The CORAL+ algorithm for unsupervised domain adaptation
of PLDA", ICASSP 2019 (`coral_plus_plda`).
"""

import numpy as np
import scipy.linalg

from speechbrain_denokd.scoring.covariance import total_covariance
from speechbrain_denokd.scoring.plda import Plda
from speechbrain_denokd.scoring.scorer import check_embeddings


def adapt_plda(
    plda: Plda,
    embeddings: np.ndarray,
    between_scale: float = 0.25,
    within_scale: float = 0.75,
    mean_difference_scale: float = 1.0,
) -> Plda:
    """Share the excess of the domain's covariance by fixed proportions.

    The covariance of the embeddings is looked at in the space where the
    model's total covariance, between + within, is the identity. In each of
    its principal directions with a variance s > 1, between grows by
    between_scale (s - 1) and within by within_scale (s - 1). The mean becomes
    that of the embeddings.

    The default scales are those of Kaldi's recipe for SRE16; its class has
    .7 and .3. Scales that sum to 1 make the model's total covariance agree
    with the embeddings in those directions.

    Arguments
    ---------
    plda : Plda
        Fitted; left as it is.
    embeddings : (N, D) numpy.ndarray
        Of the domain, prepared like those that ``plda`` was fitted on.
    between_scale, within_scale : float
        Shares of the excess, 0 or more.
    mean_difference_scale : float
        How much of the (outer product of the) difference of the two means
        is added to the covariance of the embeddings, 0 or more.

    Returns
    -------
    Plda

    Raises
    ------
    ValueError
        If a scale is negative, the PLDA is not fitted, D differs, or there
        is one embedding.

    Example
    -------
    >>> plda = Plda.from_parameters([0.0], [[1.0]], [[1.0]])
    >>> adapted = adapt_plda(plda, [[-2.0], [2.0]])  # variance 4, not 2
    >>> adapted.between.round(6).item(), adapted.within.round(6).item()
    (1.5, 2.5)
    """
    scales = [between_scale, within_scale, mean_difference_scale]
    if min(scales) < 0:
        raise ValueError(f"scales of an adaptation must be 0 or more: {scales}")
    mean, between, within = plda.mean, plda.between, plda.within
    embeddings = check_embeddings(embeddings, len(mean))
    domain_mean = embeddings.mean(axis=0)
    shift = domain_mean - mean
    # Over N, as Kaldi has it, not N - 1.
    total = total_covariance(embeddings) * (1 - 1 / len(embeddings))
    total += mean_difference_scale * np.outer(shift, shift)
    excess = _excess(total, between + within)
    return Plda.from_parameters(
        domain_mean,
        between + between_scale * excess,
        within + within_scale * excess,
    )


def coral_plus_plda(
    plda: Plda,
    embeddings: np.ndarray,
    between_weight: float,
    within_weight: float,
) -> Plda:
    """Raise each covariance towards what CORAL would make of it.

    CORAL maps the model's data to the covariance of the domain: the map
    A = C_domain^(1/2) (between + within)^(-1/2) would turn each covariance
    of the model into A between A' and A within A'. Of the change, only
    directions whose variance grows are kept (the maximum with 0 of the
    paper's equations), times a weight. The mean becomes that of the domain.

    Arguments
    ---------
    plda : Plda
        Fitted; left as it is.
    embeddings : (N, D) numpy.ndarray
        Of the domain, prepared like those that ``plda`` was fitted on.
    between_weight, within_weight : float
        In [0, 1]: 0 leaves the covariance as it was.

    Returns
    -------
    Plda

    Raises
    ------
    ValueError
        If a weight is out of range, the PLDA is not fitted or its between is
        singular, D differs, or there is one embedding.

    Example
    -------
    >>> plda = Plda.from_parameters([0.0], [[1.0]], [[1.0]])
    >>> domain = [[-2.0], [0.0], [2.0]]  # variance 4, not 2
    >>> adapted = coral_plus_plda(plda, domain, 0.25, 0.75)
    >>> adapted.between.round(6).item(), adapted.within.round(6).item()
    (1.25, 1.75)
    """
    weights = [between_weight, within_weight]
    if min(weights) < 0 or max(weights) > 1:
        raise ValueError(f"weights of CORAL+ must lie in [0, 1]: {weights}")
    mean, between, within = plda.mean, plda.between, plda.within
    embeddings = check_embeddings(embeddings, len(mean))
    colour = _root(total_covariance(embeddings))
    coral = colour @ np.linalg.inv(_root(between + within))
    return Plda.from_parameters(
        embeddings.mean(axis=0),
        between + between_weight * _excess(coral @ between @ coral.T, between),
        within + within_weight * _excess(coral @ within @ coral.T, within),
    )


def _excess(covariance, reference):
    """Part of a covariance (D, D) beyond a reference, where it is larger.

    Both are diagonal in one basis (reference I, covariance s); the excess has
    max(0, s - 1) there.
    """
    try:
        values, vectors = scipy.linalg.eigh(covariance, reference)
    except np.linalg.LinAlgError as error:
        raise ValueError(
            "a covariance of the PLDA is singular, so that nothing can be "
            "compared with it; fit it on more speakers than components"
        ) from error
    basis = reference @ vectors  # the inverse transposed
    excess = (basis * np.maximum(values - 1, 0)) @ basis.T
    return (excess + excess.T) / 2


def _root(covariance):
    """Symmetric square root of a covariance (D, D)."""
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
