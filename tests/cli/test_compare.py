"""Two systems on the same trials, on the command line."""

import json

import numpy as np
import pytest

from speechbrain_denokd.cli.inputs import open_trial_set
from speechbrain_denokd.metrics import eer
from speechbrain_denokd.scoring.score_file import write_scores


@pytest.fixture
def files(place):
    """Scores of a better and of a worse system, the latter shuffled."""
    trials = open_trial_set(place.corpus, None, None).trials
    is_target = np.array([trial.is_target for trial in trials])
    rng = np.random.default_rng(0)
    order = rng.permutation(len(trials))
    good = rng.normal(size=len(trials)) + 4 * is_target
    bad = rng.normal(size=len(trials)) + is_target
    origin = {
        "manifest": f"{place.corpus}/test.csv",
        "data_root": place.corpus,
    }
    paths = place.folder / "good.txt", place.folder / "bad.txt"
    write_scores(paths[0], trials, good, origin)
    write_scores(paths[1], [trials[n] for n in order], bad[order], {})
    difference = eer(good, is_target) - eer(bad, is_target)
    return (*paths, difference)


def test_fact_trials_are_matched_by_name(files, denokd):
    good, bad, difference = files
    result = denokd("compare", good, bad, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)["eer"]
    assert found["difference"] == pytest.approx(difference)
    assert found["low"] <= found["difference"] <= found["high"] < 0


def test_law_the_order_of_the_systems_is_the_sign(files, denokd, place):
    good, bad, difference = files
    result = denokd(
        *("compare", bad, good, "--json", "--data_root", place.corpus),
        *("--manifest", f"{place.corpus}/test.csv"),
    )
    found = json.loads(result.stdout)["eer"]
    assert found["difference"] == pytest.approx(-difference)


def test_fact_runs_are_compared_by_their_folders(files, denokd, tmp_path):
    good, bad, _ = files
    for name, file in (("a", good), ("b", bad)):
        (tmp_path / name / "test").mkdir(parents=True)
        file.rename(tmp_path / name / "test" / "scores_2s.txt")
    words = "compare", tmp_path / "a", tmp_path / "b"
    result = denokd(*words, "--condition", "2s")
    assert result.exit_code == 0, result.output
    assert "negative: the first has the lower error" in result.stdout
    missing = denokd(*words)
    assert missing.exit_code == 2
    assert "scores_full.txt" in missing.stderr


def test_fact_other_trials_cannot_be_compared(files, denokd, tmp_path):
    good, _, _ = files
    lines = good.read_text().splitlines()
    shorter = tmp_path / "shorter.txt"
    shorter.write_text("\n".join(lines[:-1]) + "\n")
    result = denokd("compare", good, shorter)
    assert result.exit_code == 2
    assert "120 and 119 trials" in result.stderr


def test_fact_speakers_must_be_known(files, denokd):
    good, bad, _ = files
    result = denokd("compare", bad, good)
    assert result.exit_code == 2
    assert "pass --manifest" in result.stderr
