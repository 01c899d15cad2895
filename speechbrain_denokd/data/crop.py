"""Crops of one length: wav (S,) -> wav (n_samples,)."""

import hashlib

import numpy as np


def random_crop(
    wav: np.ndarray, n_samples: int, rng: np.random.Generator
) -> np.ndarray:
    """Cut a stretch at a random place; repeat utterances that are shorter.

    Arguments
    ---------
    wav : (S,) numpy.ndarray
        Utterance.
    n_samples : int
        Length of the crop.
    rng : numpy.random.Generator
        Source of the place; untouched when the utterance is not longer.

    Returns
    -------
    (n_samples,) numpy.ndarray

    Raises
    ------
    ValueError
        If the utterance is empty or not mono, or ``n_samples`` is below 1.

    Example
    -------
    >>> rng = np.random.default_rng(0)
    >>> random_crop(np.array([1.0, 2.0, 3.0]), 5, rng).tolist()
    [1.0, 2.0, 3.0, 1.0, 2.0]
    >>> random_crop(np.arange(9.0), 4, rng).tolist()
    [5.0, 6.0, 7.0, 8.0]
    """
    _check(wav, n_samples)
    if wav.size <= n_samples:
        n_repeats = -(-n_samples // wav.size)
        return np.tile(wav, n_repeats)[:n_samples]
    start = int(rng.integers(wav.size - n_samples + 1))
    return wav[start : start + n_samples]


def crop_from_id(
    wav: np.ndarray, n_samples: int, utterance_id: str
) -> np.ndarray:
    """Cut the same stretch of an utterance on every machine and run.

    For tests on short utterances, where published set-ups draw 2 to 4 s
    crops without giving the draw: the place is the SHA-256 of the
    utterance's ID, so that two systems hear the same audio.

    Arguments
    ---------
    wav : (S,) numpy.ndarray
        Utterance.
    n_samples : int
        Length of the crop.
    utterance_id : str
        ID in the manifest.

    Returns
    -------
    (min(S, n_samples),) numpy.ndarray
        The crop; the whole utterance when it is shorter.

    Raises
    ------
    ValueError
        If the utterance is empty or not mono, or ``n_samples`` is below 1.

    Example
    -------
    >>> crop_from_id(np.arange(10.0), 3, "id10270--5r0dWxy17C8--00001").size
    3
    >>> crop_from_id(np.arange(2.0), 3, "short").tolist()
    [0.0, 1.0]
    """
    _check(wav, n_samples)
    if wav.size <= n_samples:
        return wav
    # Not Python's hash(): that one changes with every process.
    digest = hashlib.sha256(utterance_id.encode("utf-8")).digest()
    n_places = wav.size - n_samples + 1
    start = int.from_bytes(digest[:8], "big") % n_places
    return wav[start : start + n_samples]


def _check(wav: np.ndarray, n_samples: int) -> None:
    """Refuse what cannot be cropped."""
    if wav.ndim != 1 or wav.size == 0:
        raise ValueError(
            "A crop needs a mono waveform with at least one sample, got shape "
            f"{wav.shape}: drop the empty utterance or pick a channel."
        )
    if n_samples < 1:
        raise ValueError(
            f"n_samples is {n_samples}: a crop needs at least one sample."
        )
