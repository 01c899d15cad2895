"""Metrics of separation: golden, laws, independent implementations."""

import numpy as np
import pytest
import soundfile
from scipy.linalg import lstsq

from speechbrain_denokd.separation import metrics
from speechbrain_denokd.separation.metrics import pesq, sdr, si_sdr

RNG = np.random.default_rng(0)


def test_fact_golden_si_sdr():
    source = np.array([1.0, -1, 1, -1] * 50)
    noise = np.array([1.0, 1, -1, -1] * 50)
    assert si_sdr(0.5 * source + 0.1 * noise, source) == pytest.approx(
        20 * np.log10(5), abs=1e-9
    )
    assert 20 * np.log10(5) == pytest.approx(13.979, abs=1e-3)


def test_fact_si_sdr_by_hand():
    """Equal parts of source and noise: 0 dB; twice the noise: -6.02 dB."""
    source, noise = np.array([1.0, -1, 0, 0]), np.array([0.0, 0, 1, -1])
    assert si_sdr(source + noise, source) == pytest.approx(0, abs=1e-9)
    assert si_sdr(source + 2 * noise, source) == pytest.approx(
        -6.0206, abs=1e-4
    )
    assert si_sdr(source, source) == pytest.approx(120, abs=0.1)
    assert si_sdr(noise, source) == pytest.approx(-120, abs=0.1)
    assert si_sdr(np.zeros(4), source) < 0.1


def test_law_si_sdr_ignores_scale_sign_and_mean():
    estimate, source = RNG.normal(size=(2, 500))
    value = si_sdr(estimate, source)
    assert si_sdr(-3 * estimate + 7, 0.2 * source - 1) == pytest.approx(value)


def test_reference_sdr_is_the_best_filter_of_512_taps():
    """Least squares over all delayed copies of the source, as BSS-eval."""
    estimate, source = RNG.normal(size=(2, 3000))
    estimate = estimate + np.convolve(source, [0.5, 0, -0.3])[:3000]
    delayed = np.zeros((3000 + 511, 512))
    for tap in range(512):
        delayed[tap : tap + 3000, tap] = source
    padded = np.concatenate([estimate, np.zeros(511)])
    target = delayed @ lstsq(delayed, padded)[0]
    expected = 10 * np.log10(
        (target @ target) / ((padded - target) @ (padded - target))
    )
    assert sdr(estimate, source) == pytest.approx(expected, abs=0.01)


def test_law_sdr_forgives_a_filter_that_si_sdr_does_not():
    source = RNG.normal(size=16000)
    late = np.concatenate([np.zeros(100), source[:-100]])
    assert sdr(late, source) > 15
    assert si_sdr(late, source) < -10


def test_fact_pesq_of_a_clean_and_a_noisy_recording():
    pytest.importorskip("pesq", reason="[separation]; needs a C compiler")
    wav, _ = soundfile.read("tests/samples/audio/test0000/s0_0.opus")
    assert pesq(wav, wav) == pytest.approx(4.644, abs=1e-3)
    assert 1 < pesq(wav + 0.02 * RNG.normal(size=len(wav)), wav) < 3
    assert np.isnan(pesq(np.zeros_like(wav), wav))
    assert np.isnan(pesq(wav[:1000], wav[:1000]))  # too short to judge


def test_fact_without_the_extra_one_metric_is_left(monkeypatch):
    monkeypatch.setattr(metrics.importlib.util, "find_spec", lambda name: None)
    assert list(metrics.available_metrics()) == ["si_sdr"]


@pytest.mark.parametrize("metric", [si_sdr, sdr, pesq])
def test_other_lengths_are_refused(metric):
    with pytest.raises(ValueError, match=r"\(3,\) and the source \(4,\)"):
        metric(np.ones(3), np.ones(4))


def test_a_silent_source_is_refused():
    for metric in (si_sdr, sdr):
        with pytest.raises(ValueError, match="source is silent"):
            metric(np.ones(4), np.zeros(4))
    assert sdr(np.zeros(4), np.ones(4)) == -np.inf
