"""Back-ends (``embedding -> transforms -> scorer -> scores``)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from speechbrain_denokd.scoring.centre import Centre
from speechbrain_denokd.scoring.cosine import Cosine
from speechbrain_denokd.scoring.inner_product import InnerProduct
from speechbrain_denokd.scoring.lda import Lda
from speechbrain_denokd.scoring.length_norm import LengthNorm
from speechbrain_denokd.scoring.plda import Plda
from speechbrain_denokd.scoring.psda import Psda
from speechbrain_denokd.scoring.scorer import Scorer, Transform, check_pairs
from speechbrain_denokd.scoring.stored import check_keys
from speechbrain_denokd.scoring.wccn import Wccn
from speechbrain_denokd.scoring.whitening import Whitening

# The classes that a file may name: nothing else is ever built from one.
_TRANSFORMS = {
    kind.__name__: kind for kind in (Centre, LengthNorm, Lda, Wccn, Whitening)
}
_SCORERS = {kind.__name__: kind for kind in (Cosine, InnerProduct, Plda, Psda)}


class BackEnd:
    """A chain of transforms and the scorer behind it.

    Takes embeddings as the encoder returns them. For many trials, prepare
    the embeddings once with `transform`, then use `scoring.pairs.score_pairs`
    or ``backend.scorer.score_matrix`` on what comes out.

    Arguments
    ---------
    transforms : sequence of Transform
        In the order of their use; may be empty.
    scorer : Scorer

    Raises
    ------
    ValueError
        If used before `fit` where a part learns, or on another D.

    Example
    -------
    >>> backend = BackEnd([Centre(), LengthNorm()], Cosine())
    >>> x = np.array([[0.0, 0.0], [2.0, 2.0]])
    >>> backend.fit(x, ["a", "b"]).score(x, x[::-1]).round(4).tolist()
    [-1.0, -1.0]
    >>> backend.settings()["transforms"]
    [{'kind': 'Centre'}, {'kind': 'LengthNorm'}]
    """

    def __init__(self, transforms: Sequence[Transform], scorer: Scorer) -> None:
        self.transforms = tuple(transforms)
        self.scorer = scorer

    def fit(
        self, embeddings: np.ndarray, labels: Sequence | None = None
    ) -> "BackEnd":
        """Fit each part on what the one before makes of the embeddings.

        Arguments
        ---------
        embeddings : (N, D) numpy.ndarray
        labels : (N,) sequence of int or of str, or None
            Speakers; None suits parts that learn without.

        Returns
        -------
        BackEnd
            Itself.
        """
        for transform in self.transforms:
            embeddings = transform.fit(embeddings, labels).transform(embeddings)
        self.scorer.fit(embeddings, labels)
        return self

    def transform(self, embeddings: np.ndarray) -> np.ndarray:
        """Prepare embeddings (N, D) for the scorer: (N, D')."""
        for transform in self.transforms:
            embeddings = transform.transform(embeddings)
        return embeddings

    def score(
        self,
        enroll: np.ndarray,
        test: np.ndarray,
        n_enroll: np.ndarray | None = None,
    ) -> np.ndarray:
        """Score row i of enroll (N, D) against row i of test (N, D).

        Neither side is prepared yet; what `pool` returns is, and goes to
        ``backend.scorer``.

        Arguments
        ---------
        enroll, test : (N, D) numpy.ndarray
        n_enroll : (N,) numpy.ndarray of int or None
            Recordings behind each row of enroll; None means one.

        Returns
        -------
        (N,) numpy.ndarray of float64
        """
        enroll, test = check_pairs(enroll, test)
        return self.scorer.score(
            self.transform(enroll), self.transform(test), n_enroll
        )

    def pool(
        self, embeddings: np.ndarray, models: np.ndarray, n_models: int
    ) -> np.ndarray:
        """Make one prepared vector a model of unprepared embeddings.

        Arguments
        ---------
        embeddings : (N, D) numpy.ndarray
        models : (N,) numpy.ndarray of int
            Model of each recording, in 0..M - 1.
        n_models : int
            M.

        Returns
        -------
        (M, D') numpy.ndarray
        """
        return self.scorer.pool(self.transform(embeddings), models, n_models)

    def settings(self) -> dict[str, Any]:
        """Return the kind and the settings of each part as JSON values."""
        return {
            "transforms": [
                {"kind": _kind(t, _TRANSFORMS), **t.settings()}
                for t in self.transforms
            ],
            "scorer": {
                "kind": _kind(self.scorer, _SCORERS),
                **self.scorer.settings(),
            },
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what all parts learnt, by ``transforms.0.mean`` and such."""
        parts = {f"transforms.{i}": t for i, t in enumerate(self.transforms)}
        parts["scorer"] = self.scorer
        return {
            f"{place}.{name}": array
            for place, part in parts.items()
            for name, array in part.arrays().items()
        }

    @classmethod
    def restore(
        cls, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> "BackEnd":
        """Rebuild from `settings` and `arrays`.

        Raises
        ------
        ValueError
            If a kind is none of this package's, or names are missing or
            unexpected, or shapes do not fit.

        Example
        -------
        >>> backend = cosine_backend().fit(np.eye(2))
        >>> again = BackEnd.restore(backend.settings(), backend.arrays())
        >>> again.transforms[0].mean.tolist()
        [0.5, 0.5]
        """
        check_keys(settings, ("transforms", "scorer"), "settings of BackEnd")
        places = [f"transforms.{i}" for i in range(len(settings["transforms"]))]
        shares: dict[str, dict[str, np.ndarray]] = {
            place: {} for place in (*places, "scorer")
        }
        for key, array in arrays.items():
            place, _, name = key.rpartition(".")
            if place not in shares:
                raise ValueError(
                    f"array {key!r} belongs to no part of the back-end, "
                    f"which has {sorted(shares)}"
                )
            shares[place][name] = array
        transforms = [
            _restore(part, shares[place], _TRANSFORMS, place)
            for place, part in zip(places, settings["transforms"], strict=True)
        ]
        scorer = _restore(
            settings["scorer"], shares["scorer"], _SCORERS, "scorer"
        )
        return cls(transforms, scorer)


def cosine_backend(centre: bool = True) -> BackEnd:
    """Cosine scoring, after the mean of the training data is subtracted.

    Arguments
    ---------
    centre : bool
        Whether the mean is subtracted. Without, there is nothing to fit.

    Returns
    -------
    BackEnd
        Not fitted.

    Example
    -------
    >>> [t["kind"] for t in cosine_backend().settings()["transforms"]]
    ['Centre', 'LengthNorm']
    """
    first = [Centre()] if centre else []
    return BackEnd([*first, LengthNorm()], Cosine())


def lda_backend(n_components: int) -> BackEnd:
    """Cosine scoring of the directions that tell speakers apart best.

    Arguments
    ---------
    n_components : int
        Directions that are kept; fewer than there are speakers.

    Returns
    -------
    BackEnd
        Not fitted.

    Raises
    ------
    ValueError
        If ``n_components`` is not positive; in `fit`, if it is too large.

    Example
    -------
    >>> [t["kind"] for t in lda_backend(2).settings()["transforms"]]
    ['Centre', 'Lda', 'LengthNorm']
    """
    return BackEnd([Centre(), Lda(n_components), LengthNorm()], Cosine())


def plda_backend(n_components: int | None = None) -> BackEnd:
    """Log-likelihood ratios of PLDA on length-normalised embeddings.

    Centring, whitening and length normalisation make embeddings fit PLDA's
    Gaussians (Garcia-Romero & Espy-Wilson, "Analysis of i-vector length
    normalization in speaker recognition systems", Interspeech 2011). LDA,
    where wanted, takes the place of whitening.

    Arguments
    ---------
    n_components : int or None
        Directions that LDA keeps, fewer than there are speakers; None keeps
        all directions and whitens them.

    Returns
    -------
    BackEnd
        Not fitted.

    Raises
    ------
    ValueError
        If ``n_components`` is not positive; in `fit`, if it is too large.

    Example
    -------
    >>> [t["kind"] for t in plda_backend().settings()["transforms"]]
    ['Centre', 'Whitening', 'LengthNorm']
    >>> [t["kind"] for t in plda_backend(2).settings()["transforms"]]
    ['Centre', 'Lda', 'LengthNorm']
    """
    map_ = Whitening() if n_components is None else Lda(n_components)
    return BackEnd([Centre(), map_, LengthNorm()], Plda())


def psda_backend() -> BackEnd:
    """Log-likelihood ratios of PSDA, on the unit sphere.

    Nothing is centred: the model has a mean direction of its own.

    Returns
    -------
    BackEnd
        Not fitted.

    Example
    -------
    >>> psda_backend().settings()["scorer"]["kind"]
    'Psda'
    """
    return BackEnd([LengthNorm()], Psda())


def _kind(part: Transform | Scorer, kinds: Mapping[str, type]) -> str:
    """Name the class of a part, if `_restore` will know it."""
    kind = type(part).__name__
    if kinds.get(kind) is not type(part):
        raise ValueError(
            f"a {kind} could not be restored from a file: "
            f"only {sorted(kinds)} can"
        )
    return kind


def _restore(
    settings: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
    kinds: Mapping[str, type],
    place: str,
) -> Any:
    """Rebuild one part, of a class that is allowed at its place."""
    rest = dict(settings)
    kind = rest.pop("kind", None)
    if kind not in kinds:
        raise ValueError(
            f"{place} of the back-end is of kind {kind!r}, "
            f"which is none of {sorted(kinds)}"
        )
    return kinds[kind].restore(rest, arrays)
