"""Rows against the reference, from the score files of their cells."""

import numpy as np
import pytest

from speechbrain_denokd.comparison import compare_systems
from speechbrain_denokd.data.trials import Trial
from speechbrain_denokd.metrics import eer
from speechbrain_denokd.scoring.score_file import write_scores
from speechbrain_denokd.table.significance import (
    compare_rows,
    read_row_scores,
)
from tests.table.conftest import write_corpus


@pytest.fixture
def corpus(tmp_path):
    """Trials of the tiny corpus, and what a score file says of them."""
    write_corpus(tmp_path / "corpus")
    lines = (tmp_path / "corpus" / "test.txt").read_text().splitlines()
    trials = [Trial(w[0] == "1", *w[1:]) for w in map(str.split, lines)]
    root = str(tmp_path / "corpus")
    return trials, {"manifest": f"{root}/test.csv", "data_root": root}


def scores_of(trials, gain, seed):
    is_target = np.array([trial.is_target for trial in trials])
    return gain * is_target + np.random.default_rng(seed).normal(
        size=len(trials)
    )


def record(folder, corpus, row, seed, gain, shuffled=False, noise=None):
    """A cell: its score file, and its record as of one test."""
    trials, origin = corpus
    scores = scores_of(trials, gain, seed if noise is None else noise)
    order = np.arange(len(trials))
    if shuffled:
        np.random.default_rng(0).shuffle(order)
    own = folder / row / str(seed)
    own.mkdir(parents=True)
    listed = [trials[n] for n in order]
    write_scores(own / "scores_full.txt", listed, scores[order], origin)
    return {
        "row": row,
        "seed": seed,
        "scores": str(own),
        "conditions": {"full": {}},
    }


# Facts


def test_fact_trials_are_matched_by_their_names(tmp_path, corpus):
    a = record(tmp_path, corpus, "a", 1, gain=2)
    b = record(tmp_path, corpus, "b", 1, gain=2, shuffled=True)
    found = read_row_scores([a, b], "full")
    assert (found.scores["a"][0] == found.scores["b"][0]).all()


def test_fact_a_row_has_the_mean_over_its_seeds(tmp_path, corpus):
    records = [record(tmp_path, corpus, "a", s, gain=1) for s in (1, 2)]
    is_target = [trial.is_target for trial in corpus[0]]
    expected = np.mean(
        [eer(scores_of(corpus[0], 1, s), is_target) for s in (1, 2)]
    )
    result = compare_rows(records, n_resamples=99)["a"]["full"]
    assert result.eer == pytest.approx(expected)
    assert result.interval[0] < expected < result.interval[1]
    assert result.against is None


def test_fact_seeds_are_paired_and_others_left_out(tmp_path, corpus):
    base = [record(tmp_path, corpus, "base", s, gain=1) for s in (1, 2, 3)]
    row = [
        record(tmp_path, corpus, "row", s, gain=1 + (s == 3), noise=s + 10)
        for s in (3, 4)
    ]
    alone = [
        record(tmp_path, corpus, "alone", s, gain=1, noise=s + 20) for s in (8,)
    ]
    found = compare_rows([*base, *row, *alone], "base", n_resamples=99)
    against = found["row"]["full"].against
    assert against.n_seeds == 1
    is_target = [trial.is_target for trial in corpus[0]]
    speakers = [
        [name.split("-")[0] for name in side]
        for side in list(zip(*corpus[0], strict=True))[1:]
    ]
    expected = compare_systems(
        scores_of(corpus[0], 2, 13),
        scores_of(corpus[0], 1, 3),
        is_target,
        *speakers,
        n_resamples=99,
    )
    assert against[:3] == expected[:3]
    assert found["alone"]["full"].against is None


def test_fact_an_evaluated_model_stands_against_every_seed(tmp_path, corpus):
    base = [record(tmp_path, corpus, "base", s, gain=1) for s in (1, 2, 3)]
    teacher = record(tmp_path, corpus, "teacher", None, gain=4, noise=9)
    found = compare_rows([teacher, *base], "base", n_resamples=199)
    against = found["teacher"]["full"].against
    assert against.n_seeds == 3 and against.relative_high < 0


# Laws


def test_law_a_row_against_itself_and_a_shifted_copy(tmp_path, corpus):
    records = [
        record(tmp_path, corpus, row, seed, gain)
        for row, gain in (("base", 1), ("copy", 1), ("better", 1.7))
        for seed in (1, 2, 3)
    ]
    found = compare_rows(records, "base")
    for row in ("base", "copy"):
        against = found[row]["full"].against
        assert (against.difference, against.low, against.high) == (0, 0, 0)
        assert against.relative == 0 and against.p_value == 1
    assert found["better"]["full"].against.relative_high < 0
    assert found["better"]["full"].against.p_value < 0.05
    back = compare_rows(records, "better")["base"]["full"].against
    assert back.low > 0
    assert back.difference == -found["better"]["full"].against.difference


# Errors


def test_error_cells_of_other_trials(tmp_path, corpus):
    a = record(tmp_path, corpus, "a", 1, gain=1)
    b = record(tmp_path, (corpus[0][1:], corpus[1]), "b", 1, gain=1)
    with pytest.raises(ValueError, match=r"b/1.* 149 trials, 0 .* holds 150"):
        compare_rows([a, b])
    flipped = [corpus[0][0]._replace(is_target=False), *corpus[0][1:]]
    c = record(tmp_path, (flipped, corpus[1]), "c", 1, gain=1)
    with pytest.raises(ValueError, match="c/1.* labels trials otherwise"):
        compare_rows([a, c])


def test_error_scores_that_do_not_lead_to_speakers(tmp_path, corpus):
    a = record(tmp_path, (corpus[0], {}), "a", 1, gain=1)
    with pytest.raises(ValueError, match="does not say in which manifest"):
        compare_rows([a])
