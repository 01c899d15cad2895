"""A corpus reads its files when they are asked for, and once."""

import logging

import pytest

from speechbrain_denokd.data.corpus import Corpus, read_trial_set
from speechbrain_denokd.data.manifest import write_manifest
from speechbrain_denokd.data.trials import Trial, write_trials
from tests.tiny import voice_rows

SAMPLES = "tests/samples"


@pytest.fixture
def rows(tmp_path):
    return voice_rows(tmp_path, n_speakers=4)


def files(folder, name, rows, trials):
    write_manifest(folder / f"{name}.csv", rows, folder)
    write_trials(folder / f"trials_{name}.txt", trials)
    return {
        "manifest": str(folder / f"{name}.csv"),
        "trials": str(folder / f"trials_{name}.txt"),
    }


@pytest.fixture
def corpus(tmp_path, rows):
    """Speakers s1 and s0 train, s2 and s3 are the others."""
    write_manifest(tmp_path / "train.csv", rows[2:4] + rows[:2], tmp_path)
    trials = [Trial(True, "s2-0", "s2-1"), Trial(False, "s2-0", "s3-0")]
    test = files(tmp_path, "b", rows[4:], trials)
    seen = files(
        tmp_path,
        "a",
        rows,
        [Trial(True, "s0-0", "s0-1"), Trial(False, "s0-0", "s2-0")],
    )
    return Corpus(
        data_root=str(tmp_path),
        train=str(tmp_path / "train.csv"),
        dev=test,
        tests={"b": test, "a": seen},
    )


def test_fact_classes_are_sorted_speakers(corpus):
    assert [row.spk_id for row in corpus.train_rows] == ["s1", "s1", "s0", "s0"]
    assert corpus.speakers == ["s0", "s1"]


def test_fact_files_are_read_once(corpus, tmp_path):
    rows, dev = corpus.train_rows, corpus.dev_set
    for name in ("train.csv", "b.csv", "trials_b.txt"):
        (tmp_path / name).unlink()
    assert corpus.train_rows is rows
    assert corpus.dev_set is dev
    assert corpus.speakers == ["s0", "s1"]


def test_fact_nothing_is_read_before_it_is_asked_for(tmp_path):
    absent = {"manifest": "no.csv", "trials": "no.txt"}
    corpus = Corpus(str(tmp_path), "no.csv", absent, {"x": absent})
    for ask in ("train_rows", "speakers", "dev_set", "test_sets"):
        with pytest.raises(FileNotFoundError, match="no.csv"):
            getattr(corpus, ask)


def test_fact_only_utterances_of_the_trials_are_kept(corpus):
    dev = corpus.dev_set
    assert dev.name == "dev"
    assert [row.id for row in dev.utterances] == ["s2-0", "s2-1", "s3-0"]
    assert dev.trials == [
        Trial(True, "s2-0", "s2-1"),
        Trial(False, "s2-0", "s3-0"),
    ]


def test_fact_tests_keep_the_order_of_the_yaml(corpus):
    assert [test.name for test in corpus.test_sets] == ["b", "a"]


def test_fact_a_warning_names_speakers_of_the_training(corpus, caplog):
    with caplog.at_level(logging.WARNING):
        assert corpus.dev_set.name == "dev"
    assert caplog.text == ""
    with caplog.at_level(logging.WARNING):
        assert len(corpus.test_sets) == 2
    (record,) = caplog.records
    assert "1 of 2 speakers of the a trials" in record.message
    assert "(first: s0)" in record.message


def test_trials_of_another_corpus(tmp_path, rows):
    write_manifest(tmp_path / "m.csv", rows, tmp_path)
    write_trials(
        tmp_path / "t.txt",
        [Trial(True, "s0-0", "s0-1"), Trial(False, "s0-0", "x9")],
    )
    with pytest.raises(ValueError, match="1 of 3 names .*x9 is not in"):
        read_trial_set("t", tmp_path / "m.csv", tmp_path / "t.txt", tmp_path)


def test_fact_the_bundled_corpus_keeps_its_speakers_apart(caplog):
    corpus = Corpus(
        SAMPLES,
        f"{SAMPLES}/train.csv",
        {
            "manifest": f"{SAMPLES}/dev.csv",
            "trials": f"{SAMPLES}/trials_dev.txt",
        },
        {
            "test": {
                "manifest": f"{SAMPLES}/test.csv",
                "trials": f"{SAMPLES}/trials_test.txt",
            }
        },
    )
    with caplog.at_level(logging.WARNING):
        (test,) = corpus.test_sets
        dev = corpus.dev_set
    assert caplog.text == ""
    assert len(corpus.speakers) == 64
    assert len({row.spk_id for row in dev.utterances}) == 16
    assert len({row.spk_id for row in test.utterances}) == 24
