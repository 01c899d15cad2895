"""A score file gives back what went in, and says which line is wrong."""

import json

import numpy as np
import pytest

from speechbrain_denokd.data.trials import Trial
from speechbrain_denokd.metrics import eer, min_dcf
from speechbrain_denokd.scoring.score_file import read_scores, write_scores

TRIALS = [Trial(True, "a", "b"), Trial(False, "a", "c")]


def write(tmp_path, text):
    path = tmp_path / "scores.txt"
    path.write_text(text)
    return path


def random_trials(n_trials, seed=0):
    rng = np.random.default_rng(seed)
    trials = [Trial(i % 3 == 0, f"u{i % 7}", f"v{i}") for i in range(n_trials)]
    is_target = np.array([trial.is_target for trial in trials])
    return trials, rng.normal(size=n_trials) + is_target, is_target


# Writing


def test_fact_the_written_text(tmp_path):
    provenance = {"model": "a9", "cohort": None, "n": [1, 2.5]}
    write_scores(tmp_path / "s.txt", TRIALS, [0.1, -2e-9], provenance)
    header, *lines = (tmp_path / "s.txt").read_text().splitlines()
    assert header.startswith("# ") and json.loads(header[2:]) == provenance
    assert lines == ["1 a b 0.1", "0 a c -2e-09"]


def test_law_written_is_read(tmp_path):
    trials, scores, _ = random_trials(100)
    provenance = {"text": "two\nlines, \u00e4 # {}", "nested": {"a": [True]}}
    write_scores(tmp_path / "s.txt", trials, scores, provenance)
    found = read_scores(tmp_path / "s.txt")
    assert found.trials == trials
    assert found.provenance == provenance
    # Bit for bit, not close.
    assert found.scores.tobytes() == scores.tobytes()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_law_metrics_of_the_file_are_those_in_memory(tmp_path, dtype):
    trials, scores, is_target = random_trials(3000)
    # Neighbouring floats: fewer digits would make ties of them.
    scores = np.nextafter(scores[0].astype(dtype), dtype(9)) * (
        1 + np.argsort(scores).astype(dtype) * np.finfo(dtype).eps
    ).astype(dtype)
    assert len(np.unique(scores)) > 2000
    write_scores(tmp_path / "s.txt", trials, scores, {})
    found = read_scores(tmp_path / "s.txt")
    labels = [trial.is_target for trial in found.trials]
    assert eer(found.scores, labels) == eer(scores, is_target)
    assert min_dcf(found.scores, labels) == min_dcf(scores, is_target)


@pytest.mark.parametrize(
    "scores, provenance, match",
    [
        ([0.1], {}, r"shape \(1,\), but there are 2 trials"),
        ([0.1, np.nan], {}, "1 of 2 scores are NaN .* nan at trial 1"),
        ([-np.inf, np.inf], {}, "2 of 2 .* -inf at trial 0"),
        ([0.1, 0.2], {"a": {1}}, "cannot be written as JSON .*set"),
        ([0.1, 0.2], {"a": float("nan")}, "cannot be written as JSON"),
    ],
)
def test_what_cannot_be_written(tmp_path, scores, provenance, match):
    with pytest.raises(ValueError, match=match):
        write_scores(tmp_path / "s.txt", TRIALS, scores, provenance)
    assert not (tmp_path / "s.txt").exists()


def test_names_with_spaces_cannot_be_written(tmp_path):
    with pytest.raises(ValueError, match="'a b' cannot stand"):
        write_scores(tmp_path / "s.txt", [Trial(True, "a b", "c")], [1], {})
    assert not (tmp_path / "s.txt").exists()


# Layouts


@pytest.mark.parametrize(
    "text",
    [
        "1 a b 0.5\n0 a c -1\n",
        "target a b 5e-1\n\n  nontarget\ta c -1.0",
        "a b 0.5 target\na c -1 nontarget\n",
        "a b 1 0.500000\na c 0 -1.000000\n",
        "\ufeff1 a b 0.5\r\n0 a c -1\r\n",
    ],
)
def test_fact_layouts_with_labels(tmp_path, text):
    found = read_scores(write(tmp_path, text))
    assert found.trials == TRIALS
    assert found.scores.tolist() == [0.5, -1]
    assert found.provenance == {}


def test_fact_a_plain_file_with_a_header_of_another_tool(tmp_path):
    path = write(tmp_path, '# {"tool": "other"}\na b 0.5 target\n')
    assert read_scores(path).provenance == {"tool": "other"}


def test_fact_one_class_can_be_read(tmp_path):
    assert read_scores(write(tmp_path, "1 a b 3\n")).scores.tolist() == [3]


# Files without labels


def test_without_labels_the_trial_list_is_asked_for(tmp_path):
    path = write(tmp_path, "a b 0.5\na c -1\n")
    with pytest.raises(ValueError, match="without labels: pass the trial list"):
        read_scores(path)


def test_fact_a_trial_list_labels_in_the_order_of_the_file(tmp_path):
    path = write(tmp_path, "a c -1\na b 0.5\n")
    found = read_scores(path, trials=TRIALS)
    assert found.trials == TRIALS[::-1]
    assert found.scores.tolist() == [-1, 0.5]


@pytest.mark.parametrize(
    "text, match",
    [
        ("a b 1\nb a 2\na c 3", "in 1 places: line 2: b a is not listed"),
        ("a c 3", "in 1 places: a b has no score"),
        ("1 a b 1\n1 a c 3", "line 2: its label is not the list's"),
    ],
)
def test_a_trial_list_of_other_trials(tmp_path, text, match):
    with pytest.raises(ValueError, match=match):
        read_scores(write(tmp_path, text), trials=TRIALS)


def test_a_trial_list_that_contradicts_itself(tmp_path):
    trials = [*TRIALS, Trial(False, "a", "b")]
    with pytest.raises(ValueError, match="the list labels a b both ways"):
        read_scores(write(tmp_path, "a b 1\na c 2"), trials=trials)


# Malformed files


def test_malformed_lines_are_counted_and_five_named(tmp_path):
    text = "# {}\n1 a b 1\n1 a b\n2 a b 1\n1 a b x\n\n1 a b nan\n1 a b inf\nx\n"
    with pytest.raises(ValueError, match=r"6 line\(s\) are not") as caught:
        read_scores(write(tmp_path, text))
    assert (
        "'label enroll test score' as the first one is: "
        "line 3: 3 words, not 4; line 4: unknown label '2'; "
        "line 5: score 'x' is not a number; line 7: score nan is not finite; "
        "line 8: score inf is not finite; and 1 more"
    ) in str(caught.value)


@pytest.mark.parametrize(
    "text, match",
    [
        ("", "has no scores"),
        ("# {}\n\n", "has no scores"),
        ("\na b\n", "line 2: 'a b' is in none of the layouts 'label enroll"),
        ("a b c d\n", "line 1: 'a b c d' is in none"),
        ("# about\n1 a b 1\n", "line 1: the text after '#' is not JSON"),
        ("# [1]\n1 a b 1\n", "line 1: the JSON after '#' is a list"),
    ],
)
def test_files_of_another_kind(tmp_path, text, match):
    with pytest.raises(ValueError, match=match):
        read_scores(write(tmp_path, text))


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="no score file"):
        read_scores(tmp_path / "absent.txt")
