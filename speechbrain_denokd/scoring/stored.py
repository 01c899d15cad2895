"""Checks of stored back-ends (``file -> settings, arrays -> restore``)."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np


def check_keys(
    mapping: Mapping[str, Any], names: Collection[str], owner: str
) -> None:
    """Refuse a mapping whose keys are not exactly these.

    Arguments
    ---------
    mapping : mapping of str
        Settings or arrays read from a file.
    names : collection of str
    owner : str
        What the mapping belongs to, for the message.

    Raises
    ------
    ValueError
        If keys are missing or unexpected; both are listed.

    Example
    -------
    >>> check_keys({"b": 1}, ["a"], "settings of Lda")
    Traceback (most recent call last):
    ...
    ValueError: settings of Lda: missing ['a'], unexpected ['b']
    """
    missing = sorted(set(names) - set(mapping))
    unexpected = sorted(set(mapping) - set(names))
    if missing or unexpected:
        raise ValueError(f"{owner}: missing {missing}, unexpected {unexpected}")


def check_arrays(
    arrays: Mapping[str, np.ndarray],
    shapes: Mapping[str, tuple[str | int, ...]],
    owner: str,
) -> dict[str, np.ndarray]:
    """Return stored arrays as float64, or say what does not fit.

    Arguments
    ---------
    arrays : mapping of str to numpy.ndarray
        What a transform or scorer is restored from.
    shapes : mapping of str to tuple of str or int
        The arrays that belong to it; a letter stands for one size, so that
        ``("D", "D")`` is a square and two arrays may share a size.
    owner : str
        Name of the class, for the message.

    Returns
    -------
    dict of str to numpy.ndarray of float64
        Copies, in the order of ``shapes``.

    Raises
    ------
    ValueError
        If names are missing or unexpected, sizes disagree, or a value is
        not finite.

    Example
    -------
    >>> check_arrays({"mean": np.ones(2)}, {"mean": ("D",)}, "Centre")
    {'mean': array([1., 1.])}
    """
    check_keys(arrays, shapes, f"arrays of {owner}")
    sizes: dict[str | int, int] = {
        size: size
        for shape in shapes.values()
        for size in shape
        if isinstance(size, int)
    }
    checked = {}
    for name, shape in shapes.items():
        # One memory layout, so that products round as they did when fitted.
        array = np.array(arrays[name], dtype=np.float64, order="C")
        fits = array.ndim == len(shape) and all(
            found > 0 and sizes.setdefault(size, found) == found
            for size, found in zip(shape, array.shape, strict=True)
        )
        if not fits:
            known = {k: v for k, v in sizes.items() if isinstance(k, str)}
            raise ValueError(
                f"array {name!r} of {owner} has the shape {array.shape}, but "
                f"({', '.join(map(str, shape))}) is expected with {known}"
            )
        if not np.isfinite(array).all():
            raise ValueError(f"array {name!r} of {owner} is not finite")
        checked[name] = array
    return checked


class StoresNothing:
    """A step that learns nothing: `settings` and `arrays` are empty.

    Example
    -------
    >>> class Step(StoresNothing):
    ...     pass
    >>> step = Step.restore(Step().settings(), Step().arrays())
    >>> type(step).__name__
    'Step'
    """

    def settings(self) -> dict[str, Any]:
        """Return no settings."""
        return {}

    def arrays(self) -> dict[str, np.ndarray]:
        """Return no arrays."""
        return {}

    @classmethod
    def restore(
        cls, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ):
        """Rebuild from `settings` and `arrays`, which are empty.

        Raises
        ------
        ValueError
            If they are not.
        """
        check_keys(settings, (), f"settings of {cls.__name__}")
        check_arrays(arrays, {}, cls.__name__)
        return cls()
