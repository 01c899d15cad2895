"""Score files joined with the manifest that they remember."""

import numpy as np
import pytest

from speechbrain_denokd.data.corpus import TrialSet
from speechbrain_denokd.data.manifest import write_manifest
from speechbrain_denokd.data.trials import Trial
from speechbrain_denokd.known_scores import (
    known_trials,
    open_scores,
    score_file_of,
)
from speechbrain_denokd.scoring.score_file import write_scores
from tests.tiny import voice_rows


@pytest.fixture
def rows(tmp_path):
    rows = voice_rows(tmp_path, n_speakers=2, n_each=2)
    write_manifest(tmp_path / "test.csv", rows, tmp_path)
    return rows


@pytest.fixture
def trials(rows):
    return [
        Trial(True, rows[0].id, rows[1].id),
        Trial(False, rows[0].id, rows[2].id),
    ]


def scores_at(path, trials, **origin):
    write_scores(path, trials, [0.5, -0.5], origin)
    return path


def test_fact_the_remembered_manifest_names_the_speakers(
    rows, trials, tmp_path
):
    path = scores_at(
        tmp_path / "scores.txt",
        trials,
        kind="llr",
        manifest=str(tmp_path / "test.csv"),
        data_root=str(tmp_path),
    )
    scored = open_scores(path, None, ".")
    assert scored.speakers == (
        [rows[0].spk_id, rows[0].spk_id],
        [rows[1].spk_id, rows[2].spk_id],
    )
    assert scored.is_calibrated
    assert scored.pairs[1] == (rows[0].id, rows[2].id)
    np.testing.assert_array_equal(scored.scores, [0.5, -0.5])
    np.testing.assert_array_equal(scored.is_target, [True, False])


def test_fact_a_given_manifest_comes_before_the_remembered_one(
    rows, trials, tmp_path
):
    other = tmp_path / "other.csv"
    text = (tmp_path / "test.csv").read_text()
    other.write_text(text.replace(f",{rows[0].spk_id}", ",somebody"))
    path = scores_at(
        tmp_path / "scores.txt",
        trials,
        manifest=str(tmp_path / "test.csv"),
        data_root=str(tmp_path),
    )
    assert open_scores(path, other, tmp_path).speakers[0] == ["somebody"] * 2


def test_fact_a_manifest_that_is_gone_leaves_speakers_unknown(trials, tmp_path):
    path = scores_at(tmp_path / "scores.txt", trials, manifest="gone.csv")
    scored = open_scores(path, None, ".")
    assert scored.speakers is None
    assert not scored.is_calibrated


def test_fact_runs_hold_their_scores_by_test_and_duration(tmp_path):
    (tmp_path / "Vox1-O").mkdir()
    wanted = tmp_path / "Vox1-O" / "scores_3s.txt"
    wanted.touch()
    assert score_file_of(tmp_path, "Vox1-O", "3s") == wanted
    assert score_file_of(wanted) == wanted
    with pytest.raises(FileNotFoundError, match=r"test/scores_full\.txt"):
        score_file_of(tmp_path)


def test_reference_a_trial_set_gives_the_same_as_its_file(
    rows, trials, tmp_path
):
    known = known_trials([0.5, -0.5], TrialSet("toy", rows, trials))
    path = scores_at(tmp_path / "scores.txt", trials)
    read = open_scores(path, tmp_path / "test.csv", tmp_path)
    assert known.pairs == read.pairs
    assert known.speakers == read.speakers
    np.testing.assert_array_equal(known.scores, read.scores)
    np.testing.assert_array_equal(known.is_target, read.is_target)
