import numpy as np
import pytest
import soundfile

from speechbrain_denokd.data.headers import read_headers


def test_fact_headers_in_order(tmp_path):
    paths = [tmp_path / f"{n}.wav" for n in (300, 100, 200)]
    for path in paths:
        soundfile.write(path, np.zeros(int(path.stem)), 16000)
    sizes = [header.n_samples for header in read_headers(paths)]
    assert sizes == [300, 100, 200]


def test_all_bad_files_in_one_error(tmp_path):
    good, low = tmp_path / "good.wav", tmp_path / "low.wav"
    soundfile.write(good, np.zeros(100), 16000)
    soundfile.write(low, np.zeros(100), 8000)
    paths = [good, low, *(tmp_path / f"{n}.wav" for n in range(6))]
    with pytest.raises(ValueError, match="7 of 8 audio files") as caught:
        read_headers(paths)
    assert "low.wav has 8000 Hz; There is no audio file" in str(caught.value)
    assert "and 2 more" in str(caught.value)
