"""The synthesiser."""

import numpy as np
import pytest

from speechbrain_denokd.data.espeak import Espeak

pytest.importorskip("espeakng_loader")
ROUGH = "pitch 90 130\nflutter 5\nroughness 3\nbreath 0 3 3 3 3 3 3 3"


@pytest.fixture(scope="module")
def espeak():
    with Espeak() as synthesiser:
        yield synthesiser


def test_speech_does_not_depend_on_what_was_said_before(espeak):
    first = espeak.speak("the quiet farmer", "en-us", ROUGH, 160)
    espeak.speak("something else entirely", "de", "pitch 200 260", 200)
    again = espeak.speak("the quiet farmer", "en-us", ROUGH, 160)
    assert np.array_equal(first, again)


def strongest_pitch_hz(wave):
    wave = wave[np.argmax(np.abs(wave)) :][:4000]
    likeness = np.correlate(wave, wave, "full")[len(wave) - 1 :]
    lags = np.arange(16000 // 400, 16000 // 60)
    return 16000 / lags[np.argmax(likeness[lags])]


@pytest.mark.parametrize("low, high", [(80, 100), (180, 220)])
def test_voice_has_the_pitch_it_was_given(espeak, low, high):
    wave = espeak.speak("aaaah", "en-us", f"pitch {low} {high}", 120)
    assert 0.8 * low < strongest_pitch_hz(wave) < 1.2 * high


def test_faster_is_shorter(espeak):
    text = "the farmer carried seven green boxes across the river"
    slow = espeak.speak(text, "en-us", "pitch 80 120", 120)
    fast = espeak.speak(text, "en-us", "pitch 80 120", 240)
    assert 1.5 < len(slow) / len(fast) < 2.5


def test_unknown_language_is_named(espeak):
    with pytest.raises(RuntimeError, match="as klingonese"):
        espeak.speak("hello", "klingonese", "pitch 80 120", 160)
