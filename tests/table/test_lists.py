"""The trial lists behind a table."""

from speechbrain_denokd.table.lists import (
    corpus_of,
    examine_lists,
    lists_table,
)
from tests.table.conftest import SETTINGS, write_corpus


def test_fact_settings_lead_to_the_lists_without_building_anything(tmp_path):
    write_corpus(tmp_path / "corpus")
    settings = tmp_path / "hyperparams.yaml"
    settings.write_text(SETTINGS.format(root=tmp_path / "corpus"))
    found = examine_lists(corpus_of(settings))
    assert list(found) == ["dev", "test"]
    dev, test = found["dev"], found["test"]
    # Of 10 speakers with 4 utterances each: 6 target pairs each, and every
    # ordered pair of speakers once.
    assert (test["n_trials"], test["n_targets"]) == (60 + 90, 60)
    assert (test["n_speakers"], dev["n_speakers"]) == (10, 2)
    # Training has s0, who is in both lists; dev has s0 and s1.
    assert (test["n_also_in_training"], test["n_also_in_dev"]) == (1, 2)
    assert (dev["n_also_in_training"], dev["n_also_in_dev"]) == (1, None)
    row = lists_table(found).splitlines()[-1]
    assert "training speakers (1 of 10)" in row


def test_fact_settings_without_a_corpus(tmp_path):
    settings = tmp_path / "hyperparams.yaml"
    for text in ("a: 1", "setup: {name: x}", "setup: {corpus: {train: x}}", ""):
        settings.write_text(text)
        assert corpus_of(settings) is None
