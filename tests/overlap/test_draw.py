from collections import Counter

import numpy as np
import pytest

from speechbrain_denokd.overlap.conditions import mixture_conditions
from speechbrain_denokd.overlap.draw import draw_mixtures
from speechbrain_denokd.overlap.plan import MixtureShape
from speechbrain_denokd.overlap.trial_set import Trial
from tests.overlap.voices import voices

SHAPE = MixtureShape(duration_s=0.2, overlaps=(0.5, 1.0))


@pytest.fixture
def rows(tmp_path):
    return voices(tmp_path, "ffmm", 1, 2)


def conditions(mixtures, rows):
    trials = [Trial(True, mixture.id, mixture.id) for mixture in mixtures]
    labels = mixture_conditions(trials, mixtures, rows)
    return list(zip(labels["gender"], labels["overlap"], strict=True))


def test_law_as_many_of_each_kind(rows):
    mixtures = draw_mixtures(rows, 18, SHAPE)
    expected = {
        (genders, overlap): 3
        for genders in ("f-f", "f-m", "m-m")
        for overlap in ("50 %", "100 %")
    }
    assert Counter(conditions(mixtures, rows)) == expected
    assert len({mixture.id for mixture in mixtures}) == 18
    assert all(len(set(mixture.spk_ids)) == 2 for mixture in mixtures)
    speakers = {name for mixture in mixtures for name in mixture.spk_ids}
    assert speakers == {"s0", "s1", "s2", "s3"}


def test_law_a_longer_list_begins_with_the_shorter(rows):
    np.random.seed(0)
    first = draw_mixtures(rows, 4, SHAPE, seed=5)
    np.random.seed(1)
    assert draw_mixtures(rows, 9, SHAPE, seed=5, n_threads=1)[:4] == first
    assert draw_mixtures(rows, 4, SHAPE, seed=6) != first


def test_fact_pairs_without_speakers_are_left_out(tmp_path):
    rows = voices(tmp_path, "ffm", 1, 1)
    kinds = conditions(draw_mixtures(rows, 4, SHAPE), rows)
    assert {genders for genders, _ in kinds} == {"f-f", "f-m"}
    # Unknown beside known ones: left out.
    rows = voices(tmp_path, "f mf ", 1, 1)
    mixtures = draw_mixtures(rows, 20, SHAPE)
    assert {s for m in mixtures for s in m.spk_ids} == {"s0", "s2", "s3"}
    # Gender unknown: one kind of all.
    rows = voices(tmp_path, "  ", 1, 1)
    kinds = conditions(draw_mixtures(rows, 2, SHAPE), rows)
    assert kinds == [("unknown", "50 %"), ("unknown", "100 %")]


def test_fact_three_speakers(rows):
    mixtures = draw_mixtures(rows, 4, SHAPE, n_sources=3)
    kinds = [genders for genders, _ in conditions(mixtures, rows)]
    assert kinds == ["f-f-m", "f-m-m", "f-f-m", "f-m-m"]


def test_too_few_speakers(rows):
    with pytest.raises(ValueError, match="of 5 speakers .* from 4 speakers"):
        draw_mixtures(rows, 4, SHAPE, n_sources=5)
    with pytest.raises(ValueError, match="0 speakers .* at least 9 s: add"):
        draw_mixtures(rows, 4, MixtureShape(duration_s=9))
