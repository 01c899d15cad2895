import numpy as np
import pytest

from speechbrain_denokd.overlap.levels import (
    active_power,
    gains_for_sir,
    measured_sir_db,
)
from speechbrain_denokd.overlap.mix import mix


def bursts(n_samples, level, seed=0):
    """Noise that comes and goes every 50 ms."""
    wav = np.random.default_rng(seed).standard_normal(n_samples)
    wav *= level * (np.arange(n_samples) // 800 % 2)
    return wav.astype(np.float32)


def test_fact_pauses_do_not_count():
    # Two frames of speech, one 41 dB below, one 39 dB below the loudest.
    frame = np.ones(320)
    wav = np.concatenate(
        [0.5 * frame, 0.1 * frame, 10 ** (-41 / 20) * 0.5 * frame]
    )
    assert active_power(wav) == pytest.approx((0.25 + 0.01) / 2)
    wav[640:] = 10 ** (-39 / 20) * 0.5
    quiet = 0.25 * 10**-3.9
    assert active_power(wav) == pytest.approx((0.25 + 0.01 + quiet) / 3)


def test_reference_active_power_in_a_loop():
    wav = bursts(5000, 0.3)
    start, stop = 333, 4500
    loudest = max(np.mean(wav[i : i + 320] ** 2.0) for i in range(0, 5000, 320))
    speech = []
    for i in range(start, stop, 320):
        frame = wav[i : min(i + 320, stop)].astype(np.float64)
        if np.mean(frame**2) > 1e-4 * loudest:
            speech.extend(frame)
    expected = np.mean(np.square(speech))
    assert active_power(wav, start, stop) == pytest.approx(expected)


def test_fact_nothing_is_silent():
    assert active_power(np.zeros(900)) == active_power(np.ones(0)) == 0
    # Speech elsewhere, faint noise in the stretch.
    wav = np.concatenate([np.ones(640), np.full(640, 1e-3)])
    assert active_power(wav, 640) == 0


@pytest.mark.parametrize("offsets", [[0, 0, 0], [0, 2000, 4500], [3000, 0, 50]])
def test_law_the_ratio_is_the_requested_one(offsets):
    wavs = [bursts(8000, level, i) for i, level in enumerate((0.1, 0.4, 0.02))]
    gains_db = gains_for_sir(wavs, offsets, sir_db=[5.0, -3.0])
    assert gains_db[0] == 0
    heard = [
        source[offset : offset + 8000]
        for source, offset in zip(
            mix(wavs, offsets, gains_db).sources, offsets, strict=True
        )
    ]
    found = measured_sir_db(heard, offsets)
    assert found.tolist() == pytest.approx([5.0, -3.0], abs=1e-5)


def test_fact_only_the_overlap_is_compared():
    # first   0.8 0.8 0.2 0.2
    # other           0.2 0.2 0.9 0.9
    first = np.repeat([0.8, 0.2], 3200)
    other = np.repeat([0.2, 0.9], 3200)
    assert measured_sir_db([first, other], [0, 3200])[0] == pytest.approx(0)


def test_fact_more_pauses_are_no_lower_level():
    steady = np.full(6400, 0.1)
    halting = steady * (np.arange(6400) < 1600)
    assert measured_sir_db([steady, halting], [0, 0])[0] == pytest.approx(0)


def test_fact_sources_that_never_meet_are_compared_as_a_whole():
    loud, soft = np.full(3200, 0.2), np.full(3200, 0.02)
    for offset in (3200, 5000):
        found = measured_sir_db([loud, soft], [0, offset])
        assert found[0] == pytest.approx(20)
    # They overlap, but the first is silent there.
    fading = np.concatenate([loud, np.zeros(3200)])
    found = measured_sir_db([fading, soft], [0, 3200])
    assert found[0] == pytest.approx(20)


def test_fact_silence_has_no_level():
    wavs = [np.full(3200, 0.2), np.zeros(3200), np.full(3200, 0.02)]
    assert np.isnan(measured_sir_db(wavs, [0, 0, 0])[0])
    gains_db = gains_for_sir(wavs, [0, 0, 0], [6.0, 6.0])
    assert gains_db.tolist() == pytest.approx([0, 0, 14])


def test_one_ratio_for_each_other_source():
    with pytest.raises(ValueError, match="There are 2 SIRs for 2 sources"):
        gains_for_sir([np.ones(9), np.ones(9)], [0, 0], [0.0, 0.0])
