"""Speed perturbation with new classes: wav (S,), label -> wav, label.

Source: the set-up of 3D-Speaker's VoxCeleb recipe, in which 5,994 speakers at
three speeds are 17,982 classes.
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from scipy.signal import resample_poly


class SpeedPerturb:
    """Play faster or slower, as another speaker.

    Speed changes pitch, so that a speaker at speed 0.9 is a new class:
    ``label + n_speakers * index`` with the index of the factor.

    Arguments
    ---------
    n_speakers : int
        Speakers at their own speed.
    factors : sequence of float
        Speeds, drawn with equal probability; put 1.0 first so that labels
        of unchanged speech stay.

    Raises
    ------
    ValueError
        If a factor is not positive, or a label is not below ``n_speakers``.

    Example
    -------
    >>> perturb = SpeedPerturb(n_speakers=10, factors=(1.25,))
    >>> wav, label = perturb(np.zeros(100), 3, np.random.default_rng(0))
    >>> wav.size, label
    (80, 3)
    >>> SpeedPerturb(n_speakers=5994).n_classes
    17982
    """

    def __init__(
        self, n_speakers: int, factors: Sequence[float] = (1.0, 0.9, 1.1)
    ):
        if not factors or min(factors) <= 0:
            raise ValueError(
                f"factors are {list(factors)}: give at least one, all above 0."
            )
        self.n_speakers = n_speakers
        self.factors = tuple(factors)

    @property
    def n_classes(self) -> int:
        """Classes a head must tell apart."""
        return self.n_speakers * len(self.factors)

    def __call__(
        self, wav: np.ndarray, label: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, int]:
        """Returns the changed utterance and its class.

        Arguments
        ---------
        wav : (S,) numpy.ndarray of float32
            Utterance; becomes ``ceil(S / factor)`` samples long.
        label : int
            Speaker, from 0 to ``n_speakers - 1``.
        rng : numpy.random.Generator
            Source of the factor.
        """
        if not 0 <= label < self.n_speakers:
            raise ValueError(
                f"Label {label} is not one of {self.n_speakers} speakers: "
                "n_speakers must be that of the training set."
            )
        index = int(rng.integers(len(self.factors)))
        label = label + self.n_speakers * index
        return change_speed(wav, self.factors[index]), label

    def speeds(self, labels: Sequence[int]) -> list[float]:
        """The factors that classes were made with.

        Arguments
        ---------
        labels : sequence of int
            As a call returns them.

        Returns
        -------
        list of float

        Example
        -------
        >>> SpeedPerturb(10, (1.0, 0.9)).speeds([3, 13])
        [1.0, 0.9]
        """
        return [self.factors[label // self.n_speakers] for label in labels]


def change_speed(wav: np.ndarray, factor: float) -> np.ndarray:
    """Play a recording faster or slower, pitch and all.

    Arguments
    ---------
    wav : (S,) numpy.ndarray of float32
    factor : float
        Above one is faster; taken to two decimals.

    Returns
    -------
    (ceil(S / factor),) numpy.ndarray of float32
        The same array where the factor is one.

    Example
    -------
    >>> change_speed(np.zeros(100, np.float32), 1.25).size
    80
    """
    if factor == 1:
        return wav
    ratio = Fraction(factor).limit_denominator(100)
    changed = resample_poly(wav, ratio.denominator, ratio.numerator)
    return changed.astype(np.float32)
