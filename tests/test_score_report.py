"""Error rates, conditions and differences of scored trials."""

import numpy as np
import pytest

from speechbrain_denokd.bootstrap import speaker_interval
from speechbrain_denokd.data.corpus import TrialSet
from speechbrain_denokd.data.trials import Trial
from speechbrain_denokd.known_scores import known_trials
from speechbrain_denokd.metrics import (
    SRE16,
    OperatingPoint,
    act_dcf,
    cllr,
    eer,
    min_dcf,
)
from speechbrain_denokd.score_report import (
    breakdown,
    calibration_rates,
    compare_scores,
    draw,
    rates_of,
)
from speechbrain_denokd.scoring.system import TrialScores
from tests.tiny import voice_rows


@pytest.fixture
def trial_set(tmp_path):
    rows = voice_rows(tmp_path, n_speakers=4, n_each=3)
    trials = [
        Trial(a.spk_id == b.spk_id, a.id, b.id)
        for i, a in enumerate(rows)
        for b in rows[i + 1 :]
    ]
    return TrialSet("toy", rows, trials)


@pytest.fixture
def scored(trial_set):
    return known_trials(scores_of(trial_set, 1.5), trial_set)


def scores_of(trial_set, distance, seed=0):
    is_target = np.array([trial.is_target for trial in trial_set.trials])
    rng = np.random.default_rng(seed)
    return rng.normal(size=is_target.size) + distance * is_target


def test_reference_rates_are_those_of_the_metrics(scored):
    rates = rates_of(scored)
    trials = scored.scores, scored.is_target
    assert rates["eer"] == eer(*trials)
    assert rates["min_dcf"] == min_dcf(*trials, p_target=0.01)
    assert tuple(rates["eer_interval"]) == speaker_interval(
        *trials, *scored.speakers
    )
    counts = [rates[k] for k in ("n_targets", "n_nontargets", "n_speakers")]
    assert counts == [12, 54, 4]
    assert rates["points"][0]["p_target"] == 0.01
    assert "cllr" not in rates  # these scores are no LLRs


def test_fact_costs_of_several_points_are_averaged(scored):
    trials = scored.scores, scored.is_target
    costs = [min_dcf(*trials, p_target=p) for p in (0.01, 0.005)]
    found = rates_of(scored, points=SRE16)
    assert found["min_dcf"] == pytest.approx(np.mean(costs))
    low, high = found["min_dcf_interval"]
    assert low <= found["min_dcf"] <= high


def test_fact_llrs_beside_scores_give_actual_costs(scored):
    llrs = 3 * scored.scores - 2
    rates = rates_of(scored, llrs)
    assert rates["act_dcf"] == act_dcf(llrs, scored.is_target)
    assert rates["cllr"] == cllr(llrs, scored.is_target)
    calibrated = scored._replace(scores=llrs, is_calibrated=True)
    assert rates_of(calibrated)["cllr"] == rates["cllr"]


def test_fact_without_speakers_there_are_no_intervals(scored):
    assert "eer_interval" not in rates_of(scored._replace(sides=None))


def test_reference_parts_are_rated_alone(scored):
    parts = breakdown(scored, ["duration"])["duration"]
    assert sum(part["n_targets"] for part in parts.values()) == 12
    shorter = np.array(
        [
            min(a.duration, b.duration)
            for a, b in zip(*scored.sides, strict=True)
        ]
    )
    first = shorter < 2
    assert parts["0-2 s"]["eer"] == eer(
        scored.scores[first], scored.is_target[first]
    )


def test_law_a_system_equals_itself_in_any_order(scored):
    order = np.random.default_rng(1).permutation(len(scored.pairs))
    shuffled = scored._replace(
        scores=scored.scores[order],
        is_target=scored.is_target[order],
        pairs=[scored.pairs[n] for n in order],
        sides=None,
    )
    found = compare_scores(scored, shuffled)
    assert found["eer"].difference == found["min_dcf"].difference == 0
    assert found["eer"].p_value == 1


def test_fact_labels_must_agree(scored):
    flipped = scored._replace(is_target=~scored.is_target)
    with pytest.raises(ValueError, match="66 trials are labelled"):
        compare_scores(scored, flipped)


def test_fact_calibration_is_told_before_and_after(trial_set):
    is_target = np.array([trial.is_target for trial in trial_set.trials])
    scores = scores_of(trial_set, 2.0)
    trials = TrialScores(scores, scores, 2 * scores - 2)
    point = OperatingPoint("even", 0.5)
    rates = calibration_rates(trials, trial_set.trials, point)
    assert rates["before"]["cllr"] == cllr(scores, is_target)
    assert rates["after"]["cllr"] == cllr(2 * scores - 2, is_target)
    assert rates["after"]["act_dcf"] == act_dcf(
        2 * scores - 2, is_target, p_target=0.5
    )
    assert rates["threshold"] == 0


def test_fact_only_llrs_get_a_calibration_plot(scored, tmp_path):
    draw({"a": scored}, tmp_path / "a")
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == ["det.png", "histograms.png"]
    draw({"a": scored._replace(is_calibrated=True)}, tmp_path / "b")
    assert (tmp_path / "b" / "calibration.png").is_file()
