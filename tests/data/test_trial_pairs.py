import random
from collections import Counter

import pytest

from speechbrain_denokd.data.manifest import Utterance
from speechbrain_denokd.data.trial_pairs import draw_trials


def corpus(n_speakers=6, n_sessions=2, n_takes=3):
    return [
        Utterance(
            f"s{speaker}-{session}-{take}",
            1.0,
            "x.wav",
            0,
            16000,
            f"s{speaker}",
            str(session),
            "fm"[speaker % 2],
        )
        for speaker in range(n_speakers)
        for session in range(n_sessions)
        for take in range(n_takes)
    ]


def test_laws_of_the_draw():
    rows = corpus()
    by_id = {row.id: row for row in rows}
    trials = draw_trials(rows, 60)
    assert len(trials) == 60
    assert sum(trial.is_target for trial in trials) == 30
    pairs = {frozenset(trial[1:]) for trial in trials}
    assert len(pairs) == 60
    for trial in trials:
        enroll, test = by_id[trial.enroll], by_id[trial.test]
        assert (enroll.spk_id == test.spk_id) == trial.is_target
        assert enroll.gender == test.gender
        if trial.is_target:
            assert enroll.session != test.session
    targets = [t for t in trials if t.is_target]
    per_speaker = Counter(by_id[t.enroll].spk_id for t in targets)
    assert set(per_speaker.values()) == {5}


def test_fact_all_pairs_across_sessions_and_no_more():
    # 2 x 2 takes in two sessions: 4 pairs across, for each of 4 speakers.
    trials = draw_trials(corpus(4, 2, 2), 1000)
    assert sum(trial.is_target for trial in trials) == 16


def test_one_session_still_gives_targets():
    trials = draw_trials(corpus(2, 1, 2), 1000)
    # One speaker per gender: the nontargets cross genders.
    assert Counter(t.is_target for t in trials) == {True: 2, False: 2}


def test_law_seed_decides_and_global_state_does_not():
    first = draw_trials(corpus(), 20, seed=3)
    random.seed(1)
    assert draw_trials(corpus(), 20, seed=3) == first
    assert draw_trials(corpus(), 20, seed=4) != first


@pytest.mark.parametrize(
    "rows, n_trials",
    [(corpus(1), 10), (corpus(4, 1, 1), 10), (corpus(), 1), ([], 10)],
)
def test_nothing_to_draw(rows, n_trials):
    with pytest.raises(ValueError, match=f"No trials can.*: {n_trials} are"):
        draw_trials(rows, n_trials)
