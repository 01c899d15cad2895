import pickle

import numpy as np
import pytest
import soundfile

from speechbrain_denokd.data.audio_cache import AudioCache


def write(path, samples, rate=16000):
    soundfile.write(path, np.asarray(samples), rate, subtype="FLOAT")
    return str(path)


def test_law_bytes_are_bounded_and_the_oldest_goes(tmp_path):
    paths = [write(tmp_path / f"{n}.wav", np.zeros(100)) for n in range(3)]
    cache = AudioCache(max_bytes=800)
    first = cache.whole(paths[0])
    cache.whole(paths[1])
    assert cache.whole(paths[0]) is first
    last = cache.whole(paths[2])
    assert cache.n_bytes == 800
    # 1 was used least recently, so 0 and 2 are still there.
    assert cache.whole(paths[0]) is first
    assert cache.whole(paths[2]) is last


def test_file_beyond_the_bound_is_read_but_not_kept(tmp_path):
    path = write(tmp_path / "a.wav", np.ones(100))
    cache = AudioCache(max_bytes=399)
    assert cache.whole(path).sum() == 100
    assert cache.n_bytes == 0


def test_cached_samples_cannot_be_changed(tmp_path):
    cache = AudioCache()
    samples = cache.whole(write(tmp_path / "a.wav", np.ones(4)))
    with pytest.raises(ValueError, match="read-only"):
        samples *= 2


def test_law_pickling_drops_the_content(tmp_path):
    path = write(tmp_path / "a.wav", np.ones(40_000))
    cache = AudioCache()
    cache.whole(path)
    pickled = pickle.dumps(cache)
    assert len(pickled) < 1000
    copy = pickle.loads(pickled)
    assert copy.n_bytes == 0
    assert copy.whole(path).size == 40_000


def test_law_short_files_come_round(tmp_path):
    path = write(tmp_path / "a.wav", np.arange(5) / 8)
    cache = AudioCache()
    starts = set()
    for seed in range(40):
        rng = np.random.default_rng(seed)
        stretch = cache.stretch(path, 12, rng) * 8
        starts.add(stretch[0])
        assert stretch.size == 12
        assert set(np.diff(stretch)) == {1, -4}
    assert starts == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("max_bytes", [2**20, 32])
def test_law_stretches_of_long_files_lie_anywhere(tmp_path, max_bytes):
    path = write(tmp_path / "a.wav", np.arange(64) / 64)
    cache = AudioCache(max_bytes)
    starts = set()
    for seed in range(400):
        stretch = cache.stretch(path, 60, np.random.default_rng(seed)) * 64
        assert set(np.diff(stretch)) == {1}
        starts.add(stretch[0])
    # Kept whole there are 5 places; read in part, one sample is spare.
    assert starts == set(range(5 if max_bytes > 32 else 4))


def test_law_a_draw_does_not_depend_on_history(tmp_path):
    path = write(tmp_path / "a.wav", np.arange(640) / 640)
    fresh = AudioCache(max_bytes=3000)
    used = AudioCache(max_bytes=3000)
    used.whole(path)
    used.stretch(path, 1000, np.random.default_rng(1))
    for seed in range(20):
        stretches = [
            cache.stretch(path, 100, np.random.default_rng(seed))
            for cache in (fresh, used)
        ]
        assert stretches[0].tolist() == stretches[1].tolist()


@pytest.mark.parametrize("max_bytes", [2**20, 32])
def test_other_rates_are_resampled(tmp_path, max_bytes):
    path = write(tmp_path / "a.wav", np.ones(4000), rate=8000)
    cache = AudioCache(max_bytes)
    stretch = cache.stretch(path, 2000, np.random.default_rng(0))
    assert stretch.size == 2000
    assert np.abs(stretch[200:-200] - 1).max() < 0.01
