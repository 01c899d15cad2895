import dataclasses

import pytest

from speechbrain_denokd.data.manifest import write_manifest
from speechbrain_denokd.overlap.lists import MixtureLists
from speechbrain_denokd.overlap.plan import MixtureShape
from tests.overlap.voices import voices


@pytest.fixture
def lists(tmp_path):
    for name, genders in (("dev", "ffffmmmm"), ("test", "fffffmmmmm")):
        folder = tmp_path / name
        folder.mkdir()
        rows = voices(folder, genders, 2, 1)
        write_manifest(tmp_path / f"{name}.csv", rows, tmp_path)
    return MixtureLists(
        str(tmp_path / "lists"),
        str(tmp_path),
        str(tmp_path / "dev.csv"),
        {"unseen": str(tmp_path / "test.csv")},
        n_triples=5,
        n_dev_triples=3,
        n_presence_trials=8,
        shape=MixtureShape(0.2, (1.0,)),
    )


def test_fact_what_is_drawn(lists):
    lists.prepare()
    assert len(lists.dev_set.trials) == 6
    [test] = lists.test_sets
    assert (test.name, len(test.mixtures.trials)) == ("unseen", 10)
    assert len(test.presence.trials) == 8
    assert test.presence.enrollments and not test.mixtures.enrollments


def test_law_a_second_call_draws_nothing(lists, tmp_path):
    lists.prepare()
    before = {f: f.stat().st_mtime_ns for f in (tmp_path / "lists").iterdir()}
    lists.prepare()
    after = {f: f.stat().st_mtime_ns for f in (tmp_path / "lists").iterdir()}
    assert before == after


def test_error_a_test_named_dev():
    with pytest.raises(ValueError, match="named 'dev'"):
        MixtureLists("a", "b", "c", {"dev": "d"})


def test_law_what_is_held_out_is_of_every_speaker(lists, tmp_path):
    (tmp_path / "train").mkdir()
    rows = voices(tmp_path / "train", "ffffmmmm", 2, 3)
    write_manifest(tmp_path / "train.csv", rows, tmp_path)
    lists = dataclasses.replace(
        lists, train=str(tmp_path / "train.csv"), seen_share=0.3
    )
    lists.prepare()
    seen, unseen = lists.test_sets
    assert (seen.name, unseen.name) == ("seen", "unseen")
    held_out = lists.held_out
    assert len(held_out) == 16 and {name[:2] for name in held_out} == {
        f"s{n}" for n in range(8)
    }
    mixed = {s.utterance for m in seen.mixtures.mixtures for s in m.sources}
    assert mixed <= held_out
