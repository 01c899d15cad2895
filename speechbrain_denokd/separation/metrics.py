"""How well a speaker was separated (``estimate, source -> dB``), per item.

Source: J. Le Roux et al., "SDR - half-baked or well done?", ICASSP 2019,
Eq. (3), zero means as in its released code; E. Vincent et al., "Performance
measurement in blind audio source separation", TASLP 2006 (BSS-eval, which
lets a filter of 512 taps pass), from torchmetrics; ITU-T P.862.2 from the
package pesq. The last two are in the extra ``[separation]``.
"""

import importlib.util

import numpy as np
import torch

SAMPLE_RATE_HZ = 16_000
_LEAST = 1e-12  # SI-SDR ends at 120 dB: float64 has no more to say


def si_sdr(estimate, source) -> float:
    """Scale-invariant signal-to-distortion ratio, in dB.

    Arguments
    ---------
    estimate, source : (S,) array_like of float

    Returns
    -------
    float
        At most 120, at least -120.

    Raises
    ------
    ValueError
        If lengths differ, or the source is silent.

    Example
    -------
    >>> source, noise = np.array([1.0, -1, 0, 0]), np.array([0, 0, 1.0, -1])
    >>> round(si_sdr(0.5 * source + 0.1 * noise, source), 3)
    13.979
    """
    estimate, source = _pair(estimate, source)
    estimate = estimate - estimate.mean()
    source = source - source.mean()
    energy = source @ source
    if energy <= 0:
        raise ValueError(
            "the source is silent (constant), and nothing can be compared with "
            "it: leave the mixture out"
        )
    projected = (estimate @ source) / energy * source
    rest = estimate - projected
    wanted, unwanted = projected @ projected, rest @ rest
    floor = _LEAST * max(wanted + unwanted, np.finfo(float).tiny)
    return float(10 * np.log10((wanted + floor) / (unwanted + floor)))


def sdr(estimate, source) -> float:
    """BSS-eval's signal-to-distortion ratio, in dB.

    What a filter of 512 taps (32 ms) makes of the source counts as signal.

    Arguments
    ---------
    estimate, source : (S,) array_like of float

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If lengths differ, or the source is silent.
    ModuleNotFoundError
        Without the extra ``[separation]``.

    Example
    -------
    >>> rng = np.random.default_rng(0)
    >>> source, noise = rng.normal(size=(2, 16000))
    >>> 19.5 < sdr(source + 0.1 * noise, source) < 20.5
    True
    """
    estimate, source = _pair(estimate, source)
    if not source.any():
        raise ValueError(
            "the source is silent, and nothing can be compared with it: leave "
            "the mixture out"
        )
    if not estimate.any():
        return -np.inf
    # Not above: the extra [separation] has it.
    from torchmetrics.functional.audio import signal_distortion_ratio

    ratio = signal_distortion_ratio(
        torch.from_numpy(estimate), torch.from_numpy(source)
    )
    return float(ratio)


def pesq(estimate, source) -> float:
    """Perceptual evaluation of speech quality, wide band at 16 kHz.

    Arguments
    ---------
    estimate, source : (S,) array_like of float
        At 16 kHz.

    Returns
    -------
    float
        MOS-LQO from 1 to 4.64; NaN where the model finds no speech, or less
        than it can judge.

    Raises
    ------
    ValueError
        If lengths differ.
    ModuleNotFoundError
        Without the extra ``[separation]``.

    Example
    -------
    >>> pesq(np.zeros(16000), np.ones(16000))  # silence has no quality
    nan
    """
    estimate, source = _pair(estimate, source)
    if not estimate.any() or not source.any():
        return float("nan")
    import pesq as package  # not above: the extra [separation] has it

    score = package.pesq(
        SAMPLE_RATE_HZ,
        source.astype(np.float32),
        estimate.astype(np.float32),
        "wb",
        on_error=package.PesqError.RETURN_VALUES,
    )
    # Errors are negative; a score never is.
    return float(score) if score > 0 else float("nan")


def available_metrics() -> dict:
    """The metrics that can be measured here, by name.

    Returns
    -------
    dict of str to callable
        ``si_sdr``, and ``sdr`` and ``pesq`` where their packages are.

    Example
    -------
    >>> "si_sdr" in available_metrics()
    True
    """
    packages = {"sdr": "torchmetrics", "pesq": "pesq"}
    known = {"si_sdr": si_sdr, "sdr": sdr, "pesq": pesq}
    return {
        name: metric
        for name, metric in known.items()
        if name not in packages
        or importlib.util.find_spec(packages[name]) is not None
    }


def _pair(estimate, source) -> tuple[np.ndarray, np.ndarray]:
    estimate = np.asarray(estimate, np.float64)
    source = np.asarray(source, np.float64)
    if estimate.shape != source.shape or source.ndim != 1 or not source.size:
        raise ValueError(
            f"the estimate has shape {estimate.shape} and the source "
            f"{source.shape}: give two waveforms (S,) of one length"
        )
    return estimate, source
