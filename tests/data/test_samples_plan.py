"""Plans and trials of a generated corpus, before any audio exists."""

import numpy as np

from speechbrain_denokd.data.samples_plan import (
    Split,
    Utterance,
    draw_trials,
    plan_split,
)


def test_targets_are_all_pairs_across_sessions_and_nontargets_one_gender():
    plan = plan_split(Split("dev", 6, 3, 2, (1.0, 2.0)), seed=3)
    owner = {utterance.path: utterance for utterance in plan}
    trials = draw_trials(plan, np.random.default_rng(0))
    # 3 pairs of sessions, 2 x 2 utterances, 6 voices; 4 nontargets for each.
    labels = [label for label, _, _ in trials]
    assert labels.count(1) == 72 and labels.count(0) == 4 * 72 - 72
    for label, enroll, test in trials:
        one, two = owner[enroll], owner[test]
        assert one.gender == two.gender
        assert (one.speaker == two.speaker) == bool(label)
        assert not label or one.session != two.session


def test_one_session_gives_no_trials():
    plan = [
        Utterance("dev", who, "m", 0, k, 16000) for who in "ab" for k in "01"
    ]
    assert draw_trials(plan, np.random.default_rng(0)) == []


def test_lengths_are_whole_hundredths_within_bounds():
    plan = plan_split(Split("train", 10, 2, 3, (2.5, 4.0)), seed=0)
    lengths = np.array([utterance.n_samples for utterance in plan])
    assert len(plan) == 60 and len(set(lengths)) > 30
    assert np.all(lengths % 160 == 0)
    assert lengths.min() >= 40000 and lengths.max() <= 64000


def test_another_seed_is_another_plan():
    split = Split("train", 10, 1, 1, (2.5, 4.0))
    assert plan_split(split, seed=0) != plan_split(split, seed=1)
