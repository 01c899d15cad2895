import io

import numpy as np
import pytest
from scipy.signal import ShortTimeFFT
from scipy.signal.windows import hann

from speechbrain_denokd.plots.spectrogram import plot_spectrogram
from tests.plots.pictures import assert_png_with_a_picture

RATE = 16_000


def tone(hz, duration_s, gain=0.5):
    return gain * np.sin(2 * np.pi * hz * np.arange(duration_s * RATE) / RATE)


def panels(recordings, **settings):
    """Axes and levels in dB (T, F) of each recording."""
    figure = plot_spectrogram(recordings, io.BytesIO(), **settings)
    return [
        (axes, np.asarray(axes.images[0].get_array()).T)
        for axes in figure.axes[: len(recordings)]
    ]


def centre(axes, frame, row, levels):
    """Seconds and kHz of the middle of a pixel, from the image's place."""
    left, right, bottom, top = axes.images[0].get_extent()
    n_frames, n_rows = levels.shape
    return (
        left + (frame + 0.5) * (right - left) / n_frames,
        bottom + (row + 0.5) * (top - bottom) / n_rows,
    )


def test_fact_a_tone_is_drawn_at_its_time_and_frequency():
    wav = np.concatenate([tone(1000, 0.5), tone(3000, 0.5)])
    [(axes, levels)] = panels({"two tones": wav})
    for frame in (10, 40, 60, 90):
        seconds, khz = centre(axes, frame, levels[frame].argmax(), levels)
        assert seconds == pytest.approx(frame / 100)
        assert khz == pytest.approx(1.0 if seconds < 0.5 else 3.0)
    assert axes.get_xlim() == (0, 1) and axes.get_ylim() == (0, 8)


def test_reference_levels_are_those_of_scipy():
    wav = np.random.default_rng(0).normal(size=4000)
    [(_, levels)] = panels({"noise": wav})
    window = hann(400, sym=False)
    power = ShortTimeFFT(window, 160, RATE).spectrogram(wav).T
    # SciPy's frames begin before the recording does: frame p is at 160 p.
    first = -ShortTimeFFT(window, 160, RATE).p_min
    power = power[first:]
    assert abs(len(power) - len(levels)) <= 1  # who sees the last sample
    n_frames = min(len(power), len(levels))
    expected = 10 * np.log10(power[:n_frames] / power.max())
    np.testing.assert_allclose(
        levels[:n_frames], np.maximum(expected, -80), rtol=0, atol=1e-6
    )


def test_law_a_quieter_recording_looks_the_same():
    wav = np.random.default_rng(1).normal(size=8000)
    (_, loud), (_, quiet) = panels({"loud": wav, "quiet": 1e-3 * wav})
    np.testing.assert_allclose(quiet, loud, rtol=0, atol=1e-6)


def test_fact_amplitude_of_a_tenth_is_20_db_down_and_80_are_shown():
    wav = np.concatenate(
        [tone(1000, 0.5), tone(1000, 0.5, 0.05), 0 * tone(1, 1)]
    )
    [(_, levels)] = panels({"steps": wav})
    assert levels[25].max() == pytest.approx(0, abs=0.05)
    assert levels[75].max() == pytest.approx(-20, abs=0.05)
    assert (levels[150] == -80).all()


@pytest.mark.parametrize("n_samples", [1, 1600, 16_001, 16_159])
def test_law_the_picture_reaches_the_end_of_the_recording(n_samples):
    [(axes, _)] = panels({"a": np.ones(n_samples)})
    assert axes.images[0].get_extent()[1] >= n_samples / RATE


def test_fact_an_hour_takes_no_more_frames_than_fit_the_panel():
    wav = np.random.default_rng(0).normal(size=3600 * 100)
    [(axes, levels)] = panels({"an hour": wav}, sample_rate=100)
    assert 1000 < len(levels) <= 2002
    assert axes.get_xlim() == (0, 3600)


def test_fact_panels_stand_in_pairs_and_nothing_is_cut(tmp_path):
    name = "a recording with a name that is much longer than its panel is wide"
    wav = np.random.default_rng(0).normal(size=RATE)
    for n_recordings in (1, 2, 3):
        recordings = {f"{n} {name}": wav for n in range(n_recordings)}
        figure = plot_spectrogram(recordings, tmp_path / "s.png")
        *drawn, bar = figure.axes
        assert len(drawn) == n_recordings
        rows = {round(axes.get_position().y0, 2) for axes in drawn}
        assert len(rows) == (n_recordings + 1) // 2
        assert bar.get_ylabel() == "dB relative to the loudest"
        assert_png_with_a_picture(tmp_path / "s.png")


@pytest.mark.parametrize(
    ("recordings", "message"),
    [
        ({}, "0 recordings"),
        ({"a": np.zeros(1600)}, "a is silent"),
        ({"a": np.array([])}, "a is silent"),
        ({"a": np.ones((2, 800))}, r"a has shape \(2, 800\)"),
        ({"b": np.array([0.1, np.nan])}, "b holds samples that are NaN"),
    ],
)
def test_what_cannot_be_drawn_is_refused(recordings, message):
    with pytest.raises(ValueError, match=message):
        plot_spectrogram(recordings, io.BytesIO())
