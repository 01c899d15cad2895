import hashlib

import numpy as np
import pytest

from speechbrain_denokd.data.crop import crop_from_id, random_crop


def test_fact_short_utterances_wrap():
    rng = np.random.default_rng(0)
    wav = np.array([1.0, 2.0, 3.0])
    assert random_crop(wav, 7, rng).tolist() == [1, 2, 3, 1, 2, 3, 1]
    assert random_crop(wav, 3, rng).tolist() == [1, 2, 3]
    assert random_crop(wav[:1], 2, rng).tolist() == [1, 1]


def test_law_every_place_occurs_and_crops_are_contiguous():
    rng = np.random.default_rng(0)
    wav = np.arange(6.0)
    starts = set()
    for _ in range(200):
        crop = random_crop(wav, 3, rng)
        assert np.diff(crop).tolist() == [1, 1]
        starts.add(crop[0])
    assert starts == {0, 1, 2, 3}


def test_law_seed_decides_and_global_state_does_not():
    wav = np.arange(1000.0)
    np.random.seed(1)
    first = random_crop(wav, 10, np.random.default_rng(5))
    np.random.seed(2)
    again = random_crop(wav, 10, np.random.default_rng(5))
    assert first.tolist() == again.tolist()


def test_fact_crop_from_id_is_sha256():
    name = "id10270--5r0dWxy17C8--00001"
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    start = int(digest, 16) % (1000 - 100 + 1)
    crop = crop_from_id(np.arange(1000.0), 100, name)
    assert crop.tolist() == list(range(start, start + 100))
    # Golden: the same on every machine.
    assert start == 565


def test_law_ids_differ_and_short_ones_stay_whole():
    wav = np.arange(10_000.0)
    starts = {crop_from_id(wav, 10, f"u{n}")[0] for n in range(50)}
    assert len(starts) > 40
    assert crop_from_id(wav[:5], 10, "u").tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("wav", [np.zeros(0), np.zeros((2, 5))])
def test_nothing_to_crop(wav):
    with pytest.raises(ValueError, match="at least one sample, got shape"):
        random_crop(wav, 3, np.random.default_rng(0))
    with pytest.raises(ValueError, match="at least one sample, got shape"):
        crop_from_id(wav, 3, "u")


def test_no_length():
    with pytest.raises(ValueError, match="n_samples is 0"):
        random_crop(np.zeros(5), 0, np.random.default_rng(0))
