"""One recording, decoded."""

import tracemalloc

import numpy as np
import pytest
import soundfile

from speechbrain_denokd.data.audio import load_audio
from speechbrain_denokd.extraction.inputs import Item
from speechbrain_denokd.extraction.recording import (
    Windowing,
    duration_of,
    read_windows,
)


def noise(path, n_samples, rate=16000, n_channels=1):
    wav = np.random.default_rng(0).uniform(-0.5, 0.5, (n_samples, n_channels))
    soundfile.write(path, wav, rate)
    return Item("u1", str(path))


def windows_of(item, windowing):
    return list(read_windows(item, duration_of(item), windowing))


@pytest.mark.parametrize("rate", [4000, 16000, 44100, 192000])
def test_reference_windows_are_slices_of_the_whole(tmp_path, rate):
    item = noise(tmp_path / "a.wav", int(5.3 * rate), rate, 2)
    whole = load_audio(item.path, resample=True)
    (found,) = windows_of(item, Windowing(6.0))
    np.testing.assert_allclose(found, whole, rtol=0, atol=1e-6)
    # 5.3 s in windows of 2 s that share 0.2 s or more: 0, 1.65 and 3.3 s.
    found = windows_of(item, Windowing(2.0, 0.2))
    assert len(found) == 3
    for start_s, wav in zip((0, 1.65, 3.3), found, strict=True):
        start = round(start_s * 16000)
        np.testing.assert_allclose(
            wav, whole[start : start + 32000], rtol=0, atol=1e-6
        )


def test_fact_a_stretch_is_cut_out_first(tmp_path):
    item = noise(tmp_path / "a.wav", 16000)
    part = item._replace(start=4000, stop=9000)
    assert duration_of(part) == 5000 / 16000
    (found,) = windows_of(part, Windowing())
    np.testing.assert_array_equal(found, load_audio(item.path, 4000, 9000))


def test_stretches_count_at_16_khz(tmp_path):
    item = noise(tmp_path / "a.wav", 8000, 8000)
    assert duration_of(item) == 1.0
    with pytest.raises(ValueError, match="8000 Hz, but start and stop .* 16"):
        duration_of(item._replace(stop=8000))


def test_fact_silent_windows_are_left_out(tmp_path):
    wav = np.zeros(10 * 16000)
    wav[50_000:60_000] = 0.1
    soundfile.write(tmp_path / "a.wav", wav, 16000)
    item = Item("u1", str(tmp_path / "a.wav"))
    (found,) = windows_of(item, Windowing(2.0))
    np.testing.assert_allclose(found, wav[32000:64000], rtol=0, atol=1e-4)


@pytest.mark.parametrize("n_samples", [0, 1, 1599])
def test_short_recordings_are_refused_by_their_header(tmp_path, n_samples):
    item = noise(tmp_path / "a.wav", n_samples)
    with pytest.raises(ValueError, match=r"a\.wav (lasts 0\.|holds no sam)"):
        duration_of(item)


def test_a_long_recording_that_is_cut_off_is_refused(tmp_path):
    item = noise(tmp_path / "a.flac", 20 * 16000)
    data = (tmp_path / "a.flac").read_bytes()
    (tmp_path / "a.flac").write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match=r"a\.flac (cannot be read|is trunc)"):
        windows_of(item, Windowing(2.0))


def test_law_an_hour_of_silence_is_refused_within_three_blocks(tmp_path):
    path = tmp_path / "a.flac"
    with soundfile.SoundFile(path, "w", 16000, 1) as file:
        for _ in range(60):
            file.write(np.zeros(60 * 16000, np.int16))
    item = Item("u1", str(path))
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"a\.flac is silent"):
        windows_of(item, Windowing(10.0))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    block_bytes = 10 * 16000 * 4
    assert peak_bytes < 6 * block_bytes  # an hour would be 360


@pytest.mark.parametrize(
    ("windowing", "message"),
    [
        (Windowing(0.05), "windows of 0.05 s are too short"),
        (Windowing(float("nan")), "windows of nan s are too short"),
        (Windowing(2.0, 2.0), "an overlap of 32000 samples"),
    ],
)
def test_windows_that_make_no_sense(windowing, message):
    with pytest.raises(ValueError, match=message):
        windowing.check()
