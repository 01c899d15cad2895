"""The energy gate."""

import numpy as np
import pytest

from speechbrain_denokd.diarization.speech import (
    SpeechGate,
    frame_levels,
    speech_regions,
)


def levels(*stretches):
    """Levels in dB of stretches of (seconds, dB)."""
    return np.concatenate(
        [np.full(round(50 * seconds), db) for seconds, db in stretches]
    )


def in_seconds(regions):
    return [(start / 16000, stop / 16000) for start, stop in regions]


def test_fact_levels_of_a_sine():
    time = np.arange(16000) / 16000
    # The mean square of a sine of 0.1 is 0.005, or -23.01 dB.
    sine = 0.1 * np.sin(2 * np.pi * 100 * time)
    np.testing.assert_allclose(frame_levels([sine]), -23.0103, atol=1e-3)
    np.testing.assert_allclose(frame_levels([sine + 0.5]), -23.0103, atol=1e-3)


def test_law_levels_do_not_depend_on_the_blocks():
    wav = np.random.default_rng(0).normal(size=10_000)
    whole = frame_levels([wav])
    assert len(whole) == 31
    parts = np.split(wav, [7, 100, 4000, 4001])
    np.testing.assert_allclose(frame_levels(parts), whole)
    assert len(frame_levels([])) == 0


def test_fact_short_pauses_belong_to_speech_and_long_ones_do_not():
    found = speech_regions(
        levels((1, -80), (1, -20), (0.3, -80), (1, -20), (0.32, -80), (1, -20))
    )
    assert in_seconds(found) == [(1.0, 3.3), (3.62, 4.62)]


def test_fact_short_bursts_are_no_speech():
    found = speech_regions(
        levels((1, -80), (0.24, -20), (1, -80), (0.26, -20), (1, -80))
    )
    assert in_seconds(found) == [(2.24, 2.5)]


def test_fact_quiet_speech_passes_down_to_the_range():
    talk = levels((1, -90), (2, -20), (1, -90), (1, -49), (1, -90), (1, -51))
    assert in_seconds(speech_regions(talk)) == [(1.0, 3.0), (4.0, 5.0)]
    wide = SpeechGate(range_db=40.0)
    assert len(speech_regions(talk, wide)) == 3


def test_fact_a_word_in_an_hour_of_silence_is_found():
    talk = levels((1800, -90), (1, -20), (1800, -90))
    assert in_seconds(speech_regions(talk)) == [(1800.0, 1801.0)]


@pytest.mark.parametrize("db", [-100.0, -30.0])
def test_fact_steady_sound_is_no_speech(db):
    noise = db + np.random.default_rng(0).normal(0, 0.5, 500)
    assert speech_regions(noise) == []
    assert speech_regions(np.zeros(0)) == []


def test_fact_speech_above_noise_is_found():
    rng = np.random.default_rng(0)
    talk = levels((2, -45), (2, -25), (2, -45)) + rng.normal(0, 0.5, 300)
    assert in_seconds(speech_regions(talk)) == [(2.0, 4.0)]


def test_law_loudness_does_not_matter():
    rng = np.random.default_rng(0)
    talk = rng.uniform(-70, -20, 500)
    assert speech_regions(talk) == speech_regions(talk - 15)
