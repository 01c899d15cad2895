"""The loop: threads, batches, windows, and what is held at a time."""

import gc
import threading
import weakref
from collections import Counter

import numpy as np
import pytest
import soundfile
import torch

from speechbrain_denokd.extraction.inputs import Item, read_items
from speechbrain_denokd.extraction.recording import Windowing, read_windows
from speechbrain_denokd.extraction.run import (
    Effort,
    default_threads,
    extract,
)
from speechbrain_denokd.extraction.shards import Shards
from speechbrain_denokd.extraction.storage import read_embeddings

WHOLE = Windowing(60.0)


class Tracked(np.ndarray):
    """An array that a set of weak references can hold."""

    __hash__ = object.__hash__


def levels(wavs):
    """An "embedding" that shows which recording it is of."""
    return np.array([[wav.mean(), len(wav)] for wav in wavs], np.float32)


def corpus(folder, seconds, rate=16000):
    """Recordings of constant level 0.001, 0.002, ..."""
    folder.mkdir(exist_ok=True)
    items = []
    for i, s in enumerate(seconds):
        path = folder / f"{i:03d}.wav"
        level = np.full(round(s * rate), (i + 1) / 1000)
        soundfile.write(path, level, rate, subtype="FLOAT")
        items.append(Item(f"u{i}", str(path)))
    return items


def run(folder, items, embed=levels, windowing=WHOLE, effort=None, size=4):
    shards = Shards(folder / "parts", items, size)
    shards.claim({})
    todo = [n for n in range(shards.n_shards) if not shards.is_done(n)]
    counts = []
    effort = effort or Effort(batch_s=3.0, n_threads=2)
    extract(shards, todo, embed, windowing, effort, counts.append)
    assert sum(counts) == sum(len(shards.rows(n)) for n in todo)
    shards.merge(folder / "a.npz")
    return shards


@pytest.mark.parametrize("n_threads", [1, 3])
def test_fact_every_recording_gets_its_own_embedding(tmp_path, n_threads):
    seconds = np.random.default_rng(0).uniform(0.2, 2.0, 30).round(3)
    items = corpus(tmp_path / "audio", seconds)
    run(tmp_path, items, effort=Effort(3.0, n_threads))
    found = read_embeddings(tmp_path / "a.npz")
    assert found.ids == [item.id for item in items]
    expected = [[(i + 1) / 1000, 16000 * s] for i, s in enumerate(seconds)]
    np.testing.assert_allclose(found.vectors, expected, rtol=1e-5)


def test_law_batches_keep_to_the_budget(tmp_path):
    sizes = []

    def embed(wavs):
        sizes.append([len(wav) for wav in wavs])
        return levels(wavs)

    seconds = [0.5] * 8 + [5.0] + [1.0] * 7
    run(tmp_path, corpus(tmp_path / "audio", seconds), embed, size=16)
    assert sorted(map(tuple, sizes)) == sorted(
        [(80000,)]
        + [(16000,) * 3] * 2
        + [(16000,) + (8000,) * 2]
        + [(8000,) * 6]
    )


def test_reference_a_long_recording_is_the_mean_of_its_windows(tmp_path):
    wav = np.random.default_rng(0).uniform(0.1, 0.2, 5 * 16000)
    wav *= np.linspace(1, 3, len(wav))
    soundfile.write(tmp_path / "a.wav", wav, 16000, subtype="FLOAT")
    items = read_items(tmp_path / "a.wav")
    windowing = Windowing(2.0, 0.5)
    run(tmp_path, items, levels, windowing)
    by_hand = np.mean(
        [
            levels([part.astype(np.float32)])[0]
            for part in (wav[:32000], wav[24000:56000], wav[48000:])
        ],
        axis=0,
    )
    found = read_embeddings(tmp_path / "a.npz").vectors[0]
    np.testing.assert_allclose(found, by_hand, rtol=1e-6)
    # How many windows go together has no effect.
    for batch_s in (1.0, 4.0, 100.0):
        folder = tmp_path / str(batch_s)
        run(folder, items, levels, windowing, Effort(batch_s))
        again = read_embeddings(folder / "a.npz").vectors[0]
        np.testing.assert_allclose(again, by_hand, rtol=1e-6)


def test_fact_a_kill_costs_only_unfinished_shards(tmp_path):
    items = corpus(tmp_path / "audio", [0.3] * 12)
    embedded = Counter()

    def embed(wavs):
        embedded.update(round(1000 * float(wav[0])) for wav in wavs)
        return levels(wavs)

    class Killed(BaseException):
        pass

    def killed(wavs):
        if embedded.total() == 8:
            raise Killed
        return embed(wavs)

    effort = Effort(batch_s=0.6, n_threads=1)
    with pytest.raises(Killed):
        run(tmp_path, items, killed, effort=effort)
    run(tmp_path, items, embed, effort=effort)
    assert read_embeddings(tmp_path / "a.npz").ids == [i.id for i in items]
    assert embedded == dict.fromkeys(range(1, 13), 1)


def test_fact_bad_recordings_are_named_and_the_others_embedded(tmp_path):
    items = corpus(tmp_path / "audio", [0.3] * 6)
    (tmp_path / "audio/001.wav").write_bytes(b"no audio")
    soundfile.write(items[2].path, np.zeros(8000), 16000)
    soundfile.write(items[3].path, [0.1, np.nan] * 4000, 16000, "FLOAT")
    items.append(Item("u6", "nowhere.wav"))
    shards = run(tmp_path, items)
    assert read_embeddings(tmp_path / "a.npz").ids == ["u0", "u4", "u5"]
    reasons = {skipped.id: skipped.reason for skipped in shards.skipped()}
    assert list(reasons) == ["u1", "u2", "u3", "u6"]
    for (name, reason), (word, path) in zip(
        reasons.items(),
        [
            ("cannot be read", items[1].path),
            ("is silent", items[2].path),
            ("NaN", items[3].path),
            ("no audio file", "nowhere.wav"),
        ],
        strict=True,
    ):
        assert word in reason and path in reason, name


def test_fact_what_the_network_refuses_is_found_in_its_batch(tmp_path):
    def embed(wavs):
        if min(map(len, wavs)) < 5000:
            raise ValueError("too few frames")
        vectors = levels(wavs)
        vectors[vectors[:, 0] > 0.005] = np.nan
        return vectors

    items = corpus(tmp_path / "audio", [0.4, 0.2, 0.5, 0.2, 0.6, 0.7])
    shards = run(tmp_path, items, embed, size=6)
    assert read_embeddings(tmp_path / "a.npz").ids == ["u0", "u2", "u4"]
    assert [(s.id, s.reason) for s in shards.skipped()][:2] == [
        ("u1", "too few frames"),
        ("u3", "too few frames"),
    ]
    assert "not finite" in shards.skipped()[2].reason


def test_law_what_is_held_does_not_grow_with_the_files(tmp_path, monkeypatch):
    """Samples alive at a time: of the running batches, and no others."""
    lock, alive, most = threading.Lock(), weakref.WeakSet(), []

    def tracked(*args):
        for wav in read_windows(*args):
            wav = wav.view(Tracked)
            with lock:
                alive.add(wav)
            yield wav

    def embed(wavs):
        with lock:
            most.append(sum(len(wav) for wav in alive))
        return levels(wavs)

    monkeypatch.setattr(
        "speechbrain_denokd.extraction.run.read_windows", tracked
    )
    gc.collect()
    items = corpus(tmp_path / "audio", [0.5] * 60 + [30.0] * 2)
    effort = Effort(batch_s=2.0, n_threads=3)
    run(tmp_path, items, embed, Windowing(2.0), effort, size=8)
    assert len(most) > 20
    # Each thread: its batch and the next item, here at most a window.
    assert max(most) <= 3 * (2.0 + 2.0) * 16000
    assert not [wav for wav in alive if len(wav)]


def test_law_finished_shards_are_not_held(tmp_path):
    vectors = weakref.WeakSet()
    most = 0

    def embed(wavs):
        nonlocal most
        most = max(most, len(vectors))
        found = Tracked((len(wavs), 2), np.float32)
        found[:] = levels(wavs)
        vectors.add(found)
        return found

    items = corpus(tmp_path / "audio", [0.3] * 80)
    run(tmp_path, items, embed, effort=Effort(0.3, 2), size=8)
    # One vector a batch: two shards and what the threads have begun.
    assert most <= 2 * 8 + 2 * 2


def test_fact_threads_are_set_back(tmp_path):
    before = torch.get_num_threads()
    inside = set()

    def embed(wavs):
        inside.add(torch.get_num_threads())
        return levels(wavs)

    items = corpus(tmp_path / "audio", [0.3] * 4)
    torch.set_num_threads(3)
    try:
        run(tmp_path, items, embed, effort=Effort(3.0, 2))
        assert inside == {1}
        assert torch.get_num_threads() == 3
        new = threading.Thread(
            target=lambda: inside.add(torch.get_num_threads())
        )
        new.start()
        new.join()
        assert inside == {1, 3}
    finally:
        torch.set_num_threads(before)


def test_efforts_of_nothing():
    for effort in (Effort(0.0, 1), Effort(1.0, 0), Effort(float("nan"), 1)):
        with pytest.raises(ValueError, match="must be above 0"):
            effort.check()


def test_fact_ranks_on_one_machine_share_its_cores(monkeypatch):
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    alone = default_threads()
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert default_threads() == max(alone // 2, 1)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "9999")
    assert default_threads() == 1
