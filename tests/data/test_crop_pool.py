"""A pool is its crops, written down."""

import numpy as np
import pytest
import torch

from speechbrain_denokd.data.crop_pool import (
    CropPool,
    NewArrays,
    draw_pool,
    read_arrays,
)
from speechbrain_denokd.data.dataset import TrainingCrops
from tests.tiny import voice_rows

LABELS = {"s0": 0, "s1": 1, "s2": 2}


def halved(wav, rng):
    """Depends on the generator; never louder than 1."""
    noise = rng.standard_normal(wav.size).astype(np.float32)
    return np.clip(0.5 * wav + 0.1 * noise, -1, 1)


@pytest.fixture
def crops(tmp_path):
    rows = voice_rows(tmp_path)
    return TrainingCrops(rows, LABELS, 0.05, seed=1, augment=halved)


@pytest.fixture
def pool(crops, tmp_path):
    draw_pool(crops, 3, tmp_path / "pool", progress=False)
    return CropPool(tmp_path / "pool", crops, seed=5)


def test_fact_a_version_is_the_crop_of_that_epoch_to_16_bits(crops, pool):
    assert (pool.n_versions, len(pool)) == (3, len(crops))
    for version in range(3):
        for index in range(len(crops)):
            place = version * len(crops) + index
            item = crops[version, index]
            error = (pool.crop(place) - item["sig"]).abs().max()
            assert error <= 0.5 / 32767 + 1e-7
            assert pool.label[place] == item["label"].item()


def test_law_items_name_their_place_and_versions_come_at_random(crops, pool):
    places = set()
    for epoch in range(1, 40):
        item = pool[epoch, 1]
        place = item["place"].item()
        assert place % len(crops) == 1 and item["id"] == crops.utterances[1].id
        assert torch.equal(item["sig"], pool.crop(place))
        assert pool[epoch, 1]["place"].item() == place
        places.add(place)
    assert len(places) == 3
    other = CropPool(pool.folder, crops, seed=6)
    picks = [
        [p[e, 0]["place"].item() for e in range(30)] for p in (pool, other)
    ]
    assert picks[0] != picks[1]


def test_law_a_pool_is_drawn_once(crops, pool):
    before = (pool.folder / "sig.npy").stat().st_mtime_ns
    draw_pool(crops, 3, pool.folder, progress=False)
    assert (pool.folder / "sig.npy").stat().st_mtime_ns == before


@pytest.mark.parametrize("change", ["seed", "augment", "labels"])
def test_error_other_crops(crops, pool, change):
    settings = {"seed": 1, "augment": halved, "labels": LABELS}
    settings[change] = {
        "seed": 2,
        "augment": None,
        "labels": {"s0": 2, "s1": 1, "s2": 0},
    }[change]
    other = TrainingCrops(
        crops.utterances,
        settings["labels"],
        0.05,
        settings["seed"],
        settings["augment"],
    )
    with pytest.raises(ValueError, match="was drawn from other audio"):
        CropPool(pool.folder, other, seed=5)


def test_error_other_sizes(crops, pool):
    longer = TrainingCrops(crops.utterances, LABELS, 0.06, 1, halved)
    with pytest.raises(ValueError, match="crops of 800 samples.*crops of 960"):
        CropPool(pool.folder, longer, seed=5)


def test_error_no_version_or_no_pool(crops, tmp_path):
    with pytest.raises(ValueError, match="pool_versions=0"):
        draw_pool(crops, 0, tmp_path / "pool")
    with pytest.raises(FileNotFoundError, match="no arrays in"):
        CropPool(tmp_path / "none", crops, seed=1)


def test_law_arrays_are_whole_or_absent(tmp_path):
    folder = tmp_path / "arrays"
    shapes = {"a": ((3,), np.int32)}
    with pytest.raises(KeyError), NewArrays(folder, shapes):
        raise KeyError
    assert list(tmp_path.iterdir()) == []
    with NewArrays(folder, shapes) as arrays:
        arrays["a"][:] = 1, 2, 3
    # Another process that was slower leaves the first one's.
    with NewArrays(folder, shapes) as arrays:
        arrays["a"][:] = 0
    assert read_arrays(folder)["a"].tolist() == [1, 2, 3]
    assert [path.name for path in tmp_path.iterdir()] == ["arrays"]
