from collections import Counter

import numpy as np
import pytest

from speechbrain_denokd.overlap.conditions import mixture_conditions
from speechbrain_denokd.overlap.plan import MixtureShape
from speechbrain_denokd.overlap.trial_set import check_mixture_trials
from speechbrain_denokd.overlap.triples import draw_triples
from tests.overlap.voices import voices

SHAPE = MixtureShape(duration_s=0.2, overlaps=(0.5, 1.0))


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return voices(tmp_path_factory.mktemp("voices"), "fffffmmmmm", 2, 2)


def sides(mixtures):
    """{speaker: utterance} of each mixture, three at a time."""
    parts = [{s.spk_id: s.utterance for s in m.sources} for m in mixtures]
    return zip(parts[::3], parts[1::3], parts[2::3], strict=True)


@pytest.mark.parametrize("match_genders", [True, False])
def test_law_who_is_in_a_triple(rows, match_genders):
    session_of = {row.id: row.session for row in rows}
    mixtures, trials = draw_triples(rows, 30, SHAPE, match_genders)
    assert len(mixtures) == 90 and len(trials) == 60
    check_mixture_trials(trials, rows, mixtures)
    for ab, ac, cd in sides(mixtures):
        [a] = ab.keys() & ac.keys()
        [c] = ac.keys() & cd.keys()
        assert not ab.keys() & cd.keys()
        assert len(ab.keys() | ac.keys() | cd.keys()) == 4
        assert session_of[ab[a]] != session_of[ac[a]]
        assert session_of[ac[c]] != session_of[cd[c]]
    names = [mixture.id for mixture in mixtures]
    expected = [
        (is_target, names[3 * n], names[3 * n + other])
        for n in range(30)
        for is_target, other in ((True, 1), (False, 2))
    ]
    assert trials == expected


def test_law_as_many_of_each_kind_and_gender_tells_nothing(rows):
    mixtures, trials = draw_triples(rows, 12, SHAPE)
    labels = mixture_conditions(trials, mixtures, rows)
    kinds = zip(labels["gender"], labels["overlap"], strict=True)
    expected = {
        (genders, overlap): 4
        for genders in ("f-f", "f-m", "m-m")
        for overlap in ("50 %", "100 %")
    }
    assert Counter(kinds) == expected


def test_law_either_gender_comes_back_in_mixed_pairs(rows):
    gender_of = {row.spk_id: row.gender for row in rows}
    mixtures, _ = draw_triples(rows, 60, SHAPE)
    returning = Counter()
    for ab, ac, _ in sides(mixtures):
        [a] = ab.keys() & ac.keys()
        if len({gender_of[name] for name in ab}) == 2:
            returning[gender_of[a]] += 1
    assert set(returning) == {"f", "m"}


def test_fact_genders_at_random_may_differ_within_a_triple(rows):
    mixtures, trials = draw_triples(rows, 20, SHAPE, match_genders=False)
    genders = mixture_conditions(trials, mixtures, rows)["gender"]
    assert any(" / " in label for label in genders)


def test_law_a_longer_list_begins_with_the_shorter(rows):
    np.random.seed(0)
    mixtures, trials = draw_triples(rows, 3, SHAPE, seed=4)
    np.random.seed(1)
    more, more_trials = draw_triples(rows, 8, SHAPE, seed=4, n_threads=1)
    assert more[:9] == mixtures and more_trials[:6] == trials
    assert draw_triples(rows, 3, SHAPE, seed=5)[0] != mixtures


@pytest.mark.parametrize(
    ("genders", "n_each", "match_genders", "kinds"),
    [
        ("ffmm", 2, True, {"f-m"}),
        ("ffff", 2, True, {"f-f"}),
        ("fffm", 2, False, {"f-f", "f-m", "f-f / f-m"}),
        ("    ", 2, True, {"unknown"}),
        ("fffm", 2, True, None),
        ("ffmm", 1, True, None),
    ],
)
def test_fact_what_four_speakers_allow(
    tmp_path, genders, n_each, match_genders, kinds
):
    rows = voices(tmp_path, genders, 1, n_each)
    if kinds is None:
        with pytest.raises(ValueError, match="No triple .* from 4 speakers"):
            draw_triples(rows, 4, SHAPE, match_genders)
        return
    mixtures, trials = draw_triples(rows, 8, SHAPE, match_genders)
    found = mixture_conditions(trials, mixtures, rows)["gender"]
    found = {" / ".join(sorted(label.split(" / "))) for label in found}
    assert found <= kinds
    check_mixture_trials(trials, rows, mixtures)
