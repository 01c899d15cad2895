"""Finished parts, and one file of all of them."""

import numpy as np
import pytest

from speechbrain_denokd.extraction.inputs import Item
from speechbrain_denokd.extraction.shards import Shards, Skipped
from speechbrain_denokd.extraction.storage import read_embeddings

ITEMS = [Item(f"u{i}", f"{i}.wav") for i in range(5)]


def shards_of(folder, settings=None, size=2):
    shards = Shards(folder / "parts", ITEMS, size)
    shards.claim(settings or {"a": 1.0})
    return shards


def vector(i):
    return np.full(3, i, np.float32)


def test_fact_rows_and_default_size(tmp_path):
    shards = shards_of(tmp_path)
    assert [list(shards.rows(n)) for n in range(shards.n_shards)] == [
        [0, 1],
        [2, 3],
        [4],
    ]
    sizes = {5: 16, 6400: 100, 1_000_000: 512}
    for n_items, size in sizes.items():
        items = [Item("", "")] * n_items
        assert Shards(tmp_path / str(n_items), items).size == size


def test_fact_a_merge_restores_the_order_and_names_the_skipped(tmp_path):
    shards = shards_of(tmp_path)
    shards.write(2, {4: vector(4)}, {})
    shards.write(0, {}, {1: "1 is short", 0: "0 is silent"})
    shards.write(1, {3: vector(3), 2: vector(2)}, {})
    assert shards.merge(tmp_path / "a.npz") == 3
    found = read_embeddings(tmp_path / "a.npz")
    assert found.ids == ["u2", "u3", "u4"]
    assert found.vectors[:, 0].tolist() == [2, 3, 4]
    assert shards.skipped() == [
        Skipped("u0", "0.wav", "0 is silent"),
        Skipped("u1", "1.wav", "1 is short"),
    ]
    shards.delete()
    assert not (tmp_path / "parts").exists()


def test_fact_without_embeddings_there_is_no_output(tmp_path):
    shards = shards_of(tmp_path, size=5)
    shards.write(0, {}, dict.fromkeys(range(5), "bad"))
    assert shards.merge(tmp_path / "a.npz") == 0
    assert not (tmp_path / "a.npz").exists()


def test_fact_another_process_sees_what_is_done(tmp_path):
    shards_of(tmp_path).write(1, {2: vector(2), 3: vector(3)}, {})
    again = shards_of(tmp_path)
    assert [again.is_done(n) for n in range(3)] == [False, True, False]


def test_parts_of_another_job_are_refused(tmp_path):
    shards_of(tmp_path, {"model": "x", "window_s": 2.0})
    shards_of(tmp_path, {"model": "x", "window_s": 2.0})
    with pytest.raises(ValueError, match=r"\(model was 'x', now 'y'\); go"):
        shards_of(tmp_path, {"model": "y", "window_s": 2.0})
    with pytest.raises(ValueError, match="items_per_shard was 2, now 3"):
        shards_of(tmp_path, {"model": "x", "window_s": 2.0}, size=3)
    with pytest.raises(ValueError, match="window_s was 2.0, now None"):
        shards_of(tmp_path, {"model": "x"})
