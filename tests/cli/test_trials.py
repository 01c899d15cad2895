"""``denokd trials check``."""

import json
from pathlib import Path


def test_fact_a_sound_list_ends_with_0(place, denokd):
    result = denokd(
        *("trials", "check", f"{place.corpus}/trials_test.txt"),
        *("--manifest", f"{place.corpus}/test.csv"),
        *("--data_root", place.corpus),
        *("--train_manifest", f"{place.corpus}/train.csv"),
    )
    assert result.exit_code == 0, result.output
    assert "120: 24 target, 96 nontarget" in result.stdout


def test_fact_errors_end_with_1_and_are_named(place, denokd):
    text = Path(place.corpus, "trials_test.txt").read_text()
    broken = place.folder / "broken.txt"
    broken.write_text(text + "1 nobody spk10_0\n1 spk10_0\n")
    result = denokd(
        *("trials", "check", broken, "--json"),
        *("--manifest", f"{place.corpus}/test.csv"),
        *("--data_root", place.corpus),
    )
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert report["has_errors"]
    errors = [f for f in report["findings"] if f["severity"] == "error"]
    assert any("nobody" in finding["text"] for finding in errors)
    assert len(errors) == 2


def test_fact_speakers_of_the_training_are_found(place, denokd):
    result = denokd(
        *("trials", "check", f"{place.corpus}/trials_test.txt"),
        *("--manifest", f"{place.corpus}/test.csv"),
        *("--data_root", place.corpus),
        *("--train_manifest", f"{place.corpus}/test.csv", "--json"),
    )
    assert "spk10" in result.stdout
    named = json.loads(result.stdout)["findings"]
    assert any("train" in finding["name"] for finding in named)
