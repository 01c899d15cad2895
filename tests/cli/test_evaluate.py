"""Error rates of score files on the command line."""

import json

import pytest

from speechbrain_denokd.data.trials import Trial
from speechbrain_denokd.metrics import DENOKD, act_dcf, cllr, eer
from speechbrain_denokd.scoring.score_file import write_scores

TARGETS, NONTARGETS = [3.0, 2.0, 1.0, -1.0], [0.5, -2.0, -3.0, -4.0, -5.0, -6.0]
LABELS = [1] * 4 + [0] * 6


@pytest.fixture
def llr_file(tmp_path):
    trials = [Trial(bool(k), f"e{n}", f"t{n}") for n, k in enumerate(LABELS)]
    path = tmp_path / "llrs.txt"
    write_scores(path, trials, TARGETS + NONTARGETS, {"kind": "llr"})
    return path


def test_reference_rates_of_a_file_are_those_of_the_metrics(llr_file, denokd):
    result = denokd("evaluate", llr_file, "--json")
    assert result.exit_code == 0, result.output
    rates = json.loads(result.stdout)[str(llr_file)]
    llrs = TARGETS + NONTARGETS
    assert rates["eer"] == eer(llrs, LABELS)
    assert rates["cllr"] == cllr(llrs, LABELS)
    assert rates["act_dcf"] == act_dcf(llrs, LABELS, *DENOKD[0][1:])
    assert "eer_interval" not in rates  # nobody said who speaks


def test_fact_costs_are_of_the_chosen_operating_point(llr_file, denokd):
    result = denokd("evaluate", llr_file, "--json", "--operating_point=ssrfnet")
    rates = json.loads(result.stdout)[str(llr_file)]
    [point] = rates["points"]
    assert (point["name"], point["p_target"]) == ("SSRFNet", 0.05)
    llrs = TARGETS + NONTARGETS
    assert rates["act_dcf"] == act_dcf(llrs, LABELS, 0.05)
    result = denokd("evaluate", llr_file, "--operating_point=vox")
    assert result.exit_code == 2
    assert "no operating point 'vox'; use one of denokd" in result.stderr


def test_fact_two_files_stand_in_one_table(place, denokd, llr_file):
    scores = place.folder / "scores.txt"
    denokd(
        "score", place.model, "--data_root", place.corpus, "--output", scores
    )
    result = denokd("evaluate", llr_file, scores)
    assert result.exit_code == 0, result.output
    first, second = result.stdout.splitlines()[2:4]
    assert str(llr_file) in first and "[" not in first
    assert str(scores) in second and "[" in second  # the file names a manifest


def test_fact_conditions_come_from_the_manifest(place, denokd):
    scores = place.folder / "scores.txt"
    denokd(
        "score", place.model, "--data_root", place.corpus, "--output", scores
    )
    result = denokd("evaluate", scores, "--by", "duration", "--json")
    parts = json.loads(result.stdout)[str(scores)]["conditions"]
    assert list(parts["duration"]) == ["0-2 s"]
    # 4 speakers of 4 recordings, each pair once
    assert parts["duration"]["0-2 s"]["n_targets"] == 24
    assert parts["duration"]["0-2 s"]["n_nontargets"] == 96


def test_fact_plots_are_drawn_for_llrs(llr_file, denokd, tmp_path):
    result = denokd("evaluate", llr_file, "--plots", tmp_path / "plots")
    assert result.exit_code == 0, result.output
    names = sorted(path.name for path in (tmp_path / "plots").iterdir())
    assert names == ["calibration.png", "det.png", "histograms.png"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--by", "gender"], "pass --manifest"),
        (["--by", "weather"], "no condition 'weather'"),
        (["--manifest", "nowhere.csv"], "nowhere.csv"),
    ],
)
def test_fact_errors_say_what_to_pass(llr_file, denokd, words, message):
    result = denokd("evaluate", llr_file, *words)
    assert result.exit_code == 2
    assert message in result.stderr
