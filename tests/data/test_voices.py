"""The population of voices."""

import numpy as np
import pytest

from speechbrain_denokd.data.voices import draw_voice, variant_lines


def population(gender):
    return [draw_voice(0, f"{gender}{n}", gender) for n in range(300)]


def test_women_speak_higher_with_shorter_tracts_and_both_overlap():
    pitch, tract = {}, {}
    for gender in "mf":
        voices = population(gender)
        pitch[gender] = np.array([voice.pitch_hz for voice in voices])
        tract[gender] = np.array([voice.formants[2][0] for voice in voices])
    assert 1.6 < np.median(pitch["f"]) / np.median(pitch["m"]) < 1.95
    assert 1.1 < np.median(tract["f"]) / np.median(tract["m"]) < 1.16
    assert pitch["m"].max() > pitch["f"].min()
    assert tract["m"].max() > tract["f"].min()


def test_low_voices_have_longer_tracts_on_average():
    voices = population("m")
    pitch = [np.log(voice.pitch_hz) for voice in voices]
    tract = [np.log(voice.formants[1][0]) for voice in voices]
    assert 0.1 < np.corrcoef(pitch, tract)[0, 1] < 0.6


def test_sessions_move_a_voice_less_than_voices_differ():
    rng = np.random.default_rng(0)

    def second_formants(voices):
        lines = [variant_lines(voice, rng).split("\n")[3] for voice in voices]
        assert all(line.startswith("formant 2 ") for line in lines)
        return [int(line.split()[2]) for line in lines]

    same = second_formants([draw_voice(0, "adam", "m")] * 300)
    different = second_formants(population("m"))
    assert 0 < np.std(same) < 0.5 * np.std(different)


def test_unknown_gender_is_refused():
    with pytest.raises(ValueError, match="'x'; it must be 'm' or 'f'"):
        draw_voice(0, "adam", "x")
