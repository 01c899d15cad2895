import random
from collections import Counter

import numpy as np
import pytest

from speechbrain_denokd.overlap.mixtures import Mixture, Source
from speechbrain_denokd.overlap.presence import draw_presence_trials
from speechbrain_denokd.overlap.trial_set import check_mixture_trials
from tests.overlap.voices import paper_rows


def mixture(name, *utterances):
    return Mixture(
        name,
        1.0,
        tuple(
            Source(u, u.split("-")[0], 0.0, 1.0, 0.0, 0.0) for u in utterances
        ),
    )


ROWS = paper_rows("ffffmmmm", n_sessions=2, n_each=2)
MIXTURES = [
    mixture("m0", "s0-0-0", "s4-0-0"),
    mixture("m1", "s1-0-1", "s2-1-0"),
    mixture("m2", "s6-1-1", "s5-0-0"),
]


def test_laws_of_the_draw():
    by_id = {row.id: row for row in ROWS}
    mixtures = {m.id: m for m in MIXTURES}
    trials = draw_presence_trials(ROWS, MIXTURES, 24)
    assert len(trials) == len(set(trials)) == 24
    check_mixture_trials(trials, ROWS, MIXTURES)
    assert [trial.is_target for trial in trials] == [True, False] * 12
    # Two mixed speakers in each of three mixtures take turns: two rounds.
    assert Counter(t.test for t in trials) == dict.fromkeys(mixtures, 8)
    present = Counter(by_id[t.enroll].spk_id for t in trials if t.is_target)
    assert present == dict.fromkeys(("s0", "s4", "s1", "s2", "s6", "s5"), 2)
    for target, nontarget in zip(trials[::2], trials[1::2], strict=True):
        assert target.test == nontarget.test
        enroll, absent = by_id[target.enroll], by_id[nontarget.enroll]
        assert enroll.gender == absent.gender
        [mixed] = [
            s.utterance
            for s in mixtures[target.test].sources
            if s.spk_id == enroll.spk_id
        ]
        assert by_id[mixed].session != enroll.session


def test_law_a_longer_list_begins_with_the_shorter_and_ends():
    first = draw_presence_trials(ROWS, MIXTURES, 7, seed=3)
    assert len(first) == 6
    random.seed(1)
    np.random.seed(1)
    everything = draw_presence_trials(ROWS, MIXTURES, 10**6, seed=3)
    assert everything[:6] == first
    # Two enrolments of the other session for each of six mixed speakers.
    assert len(everything) == 24
    assert draw_presence_trials(ROWS, MIXTURES, 7, seed=4) != first


def test_fact_the_other_gender_where_nobody_else_is_absent():
    rows = paper_rows("ffm", n_sessions=1, n_each=2)
    trials = draw_presence_trials(rows, [mixture("m0", "s0-0-0", "s1-0-0")], 4)
    assert {t.enroll[:2] for t in trials if not t.is_target} == {"s2"}
    # One session alone: the other utterance of it.
    targets = [t.enroll for t in trials if t.is_target]
    assert sorted(targets) == ["s0-0-1", "s1-0-1"]


@pytest.mark.parametrize(
    ("rows", "n_trials"),
    [
        (ROWS, 1),
        (paper_rows("fm"), 10),
        (paper_rows("fmf", n_sessions=1, n_each=1), 10),
    ],
)
def test_nothing_to_draw(rows, n_trials):
    mixtures = [mixture("m0", "s0-0-0", "s1-0-0")]
    with pytest.raises(ValueError, match=f"No trials can.*: {n_trials} are"):
        draw_presence_trials(rows, mixtures, n_trials)


def test_mixtures_of_another_manifest():
    with pytest.raises(ValueError, match=r"1 utterances .* \(first: z-0\)"):
        draw_presence_trials(ROWS, [mixture("m0", "s0-0-0", "z-0")], 4)
