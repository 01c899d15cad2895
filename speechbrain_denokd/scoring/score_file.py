"""Score files (the arrow ``scores -> scores.txt``), and back.

The first line is ``# {JSON}``: where the scores come from. Then one line per
trial, ``label enroll test score``, the score with as many digits as it takes
to read the very same float64 back: a metric of the file equals the metric of
the scores in memory to the last digit.
"""

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from speechbrain_denokd.data.files import first_offenders, write_whole
from speechbrain_denokd.data.trials import TRIAL_LABELS, Trial, trials_text


class ScoreFile(NamedTuple):
    """Scored trials and where the scores come from.

    Attributes
    ----------
    trials : list of Trial
        In the file's order.
    scores : (N,) numpy.ndarray of float64
        One per trial.
    provenance : dict
        JSON values of the first line, empty when it has none.

    Example
    -------
    >>> ScoreFile([Trial(True, "u1", "u2")], np.array([0.5]), {}).scores
    array([0.5])
    """

    trials: list[Trial]
    scores: np.ndarray
    provenance: dict


class _Layout(NamedTuple):
    """Columns of a score file: which word of a line is what."""

    text: str
    n_words: int
    enroll: int
    test: int
    score: int
    label: int | None


_OWN = _Layout("label enroll test score", 4, 1, 2, 3, 0)
_WESPEAKER = _Layout("enroll test score label", 4, 0, 1, 2, 3)
_SPEECHBRAIN = _Layout("enroll test label score", 4, 0, 1, 3, 2)
_UNLABELLED = _Layout("enroll test score", 3, 0, 1, 2, None)


def write_scores(
    path: str | Path,
    trials: Sequence[Trial],
    scores: np.ndarray,
    provenance: Mapping,
) -> None:
    r"""Write a score file whole or not at all.

    Arguments
    ---------
    path : str or Path
        Text file to write.
    trials : sequence of Trial
        Names must not contain white space.
    scores : (N,) array_like of float
        One per trial.
    provenance : mapping
        JSON values: hashes of model, list and cohort (see `fingerprints`),
        the back-end, versions; whatever tells these scores from others.

    Raises
    ------
    ValueError
        If there is not one finite score per trial, a name has white space,
        or the provenance is not JSON.

    Example
    -------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "scores.txt"
    >>> write_scores(path, [Trial(True, "u1", "u2")], [0.1], {"model": "a9"})
    >>> path.read_text()
    '# {"model": "a9"}\n1 u1 u2 0.1\n'
    """
    scores = np.asarray(scores, dtype=np.float64)
    if scores.shape != (len(trials),):
        raise ValueError(
            f"scores have shape {scores.shape}, but there are {len(trials)} "
            "trials: pass one score per trial."
        )
    finite = np.isfinite(scores)
    if not finite.all():
        first = int(np.argmin(finite))
        raise ValueError(
            f"{(~finite).sum()} of {len(scores)} scores are NaN or infinite, "
            f"first {scores[first]} at trial {first}: look for silent or "
            "empty recordings."
        )
    try:
        header = json.dumps(dict(provenance), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"The provenance cannot be written as JSON ({error}): pass "
            "texts, finite numbers, lists and dicts."
        ) from error
    lines = trials_text(trials).splitlines()
    # repr() is the shortest text that float() turns into the same number.
    scored = [
        f"{line} {score!r}\n"
        for line, score in zip(lines, scores.tolist(), strict=True)
    ]
    write_whole(path, "".join([f"# {header}\n", *scored]))


def read_scores(
    path: str | Path, trials: Iterable[Trial] | None = None
) -> ScoreFile:
    r"""Read a score file, this toolkit's or another's.

    The first scored line tells the layout, which all others must share:
    ``label enroll test score`` (here), ``enroll test score label``
    (wespeaker), ``enroll test label score`` (SpeechBrain's recipes) or
    ``enroll test score`` (Kaldi). Labels are 1, 0, target or nontarget; in
    wespeaker's layout only the latter two. The line of provenance may be
    missing.

    Arguments
    ---------
    path : str or Path
        Text file.
    trials : iterable of Trial, optional
        Trial list with the file's names. It gives a file without labels its
        labels; a file with labels must agree with it. Either way, list and
        file must hold the same pairs, in any order.

    Returns
    -------
    ScoreFile
        In the file's order.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If lines are malformed or disagree with ``trials`` (the first five
        are named and all counted), if the file has no labels and there are
        no ``trials``, or if it has no scores at all.

    Example
    -------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "scores.txt"
    >>> _ = path.write_text("a.wav b.wav 0.25 target\n")
    >>> read_scores(path).trials
    [Trial(is_target=True, enroll='a.wav', test='b.wav')]
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no score file {path}: correct the path or score the "
            "trials first."
        )
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    lines = text.splitlines()
    provenance = {}
    if lines and lines[0].startswith("#"):
        provenance, lines[0] = _parse_header(path, lines[0]), ""
    numbers, scored, scores, layout = _parse_lines(path, lines)
    if trials is not None:
        scored = _labelled_by(path, trials, numbers, scored)
    elif layout.label is None:
        raise ValueError(
            f"{path} has lines '{layout.text}' without labels: pass the "
            "trial list too, read_scores(path, trials=read_trials(...))."
        )
    return ScoreFile(scored, np.array(scores), provenance)


def _parse_header(path: Path, line: str) -> dict:
    """JSON object of the first line."""
    try:
        provenance = json.loads(line[1:])
    except ValueError as error:
        raise ValueError(
            f"{path}, line 1: the text after '#' is not JSON ({error}): "
            "correct or delete this line."
        ) from error
    if not isinstance(provenance, dict):
        raise ValueError(
            f"{path}, line 1: the JSON after '#' is a "
            f"{type(provenance).__name__}, not an object: correct or delete "
            "this line."
        )
    return provenance


def _parse_lines(path: Path, lines: Sequence[str]):
    """Line numbers, trials, scores and layout of the lines that have words.

    Trials of a file without labels have the label None.
    """
    layout = None
    numbers, trials, scores, problems = [], [], [], []
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words:
            continue
        layout = layout or _layout(path, number, words)
        try:
            trial, score = _parse(words, layout)
        except ValueError as error:
            problems.append(f"line {number}: {error}")
        else:
            numbers.append(number)
            trials.append(trial)
            scores.append(score)
    if problems:
        raise ValueError(
            f"{path}: {len(problems)} line(s) are not '{layout.text}' as the "
            f"first one is: {first_offenders(problems)}. Correct these lines."
        )
    if layout is None:
        raise ValueError(f"{path} has no scores: score the trials again.")
    return numbers, trials, scores, layout


def _layout(path: Path, number: int, words: Sequence[str]) -> _Layout:
    """Layout of a file by its first scored line."""
    if len(words) == 3:
        return _UNLABELLED
    if len(words) == 4:
        if words[3] in ("target", "nontarget"):
            return _WESPEAKER
        if words[0] in TRIAL_LABELS:
            return _OWN
        if words[2] in TRIAL_LABELS:
            return _SPEECHBRAIN
    known = (_OWN, _WESPEAKER, _SPEECHBRAIN, _UNLABELLED)
    raise ValueError(
        f"{path}, line {number}: '{' '.join(words)[:80]}' is in none of the "
        f"layouts {', '.join(repr(layout.text) for layout in known)}: "
        "convert the file to the first of them."
    )


def _parse(words: Sequence[str], layout: _Layout) -> tuple[Trial, float]:
    """Trial and score of a line; ValueError with a clause when it is wrong."""
    if len(words) != layout.n_words:
        raise ValueError(f"{len(words)} words, not {layout.n_words}")
    is_target = None
    if layout.label is not None:
        is_target = TRIAL_LABELS.get(words[layout.label])
        if is_target is None:
            raise ValueError(f"unknown label '{words[layout.label]}'")
    try:
        score = float(words[layout.score])
    except ValueError:
        raise ValueError(
            f"score '{words[layout.score]}' is not a number"
        ) from None
    if not math.isfinite(score):
        raise ValueError(f"score {score} is not finite")
    # The same few utterances recur in half a million trials.
    enroll, test = words[layout.enroll], words[layout.test]
    return Trial(is_target, sys.intern(enroll), sys.intern(test)), score


def _labelled_by(
    path: Path,
    trials: Iterable[Trial],
    numbers: Sequence[int],
    scored: Sequence[Trial],
) -> list[Trial]:
    """Scored trials with the labels of a list that holds the same pairs."""
    labels, problems = {}, []
    for trial in trials:
        pair = trial[1:]
        if labels.setdefault(pair, trial.is_target) != trial.is_target:
            problems.append(f"the list labels {' '.join(pair)} both ways")
    labelled, unscored = [], dict.fromkeys(labels)
    for number, trial in zip(numbers, scored, strict=True):
        pair = trial[1:]
        label = labels.get(pair)
        unscored.pop(pair, None)
        if label is None:
            problems.append(f"line {number}: {' '.join(pair)} is not listed")
        elif trial.is_target not in (None, label):
            problems.append(f"line {number}: its label is not the list's")
        labelled.append(Trial(label, trial.enroll, trial.test))
    problems += [f"{' '.join(pair)} has no score" for pair in unscored]
    if problems:
        raise ValueError(
            f"{path} and the trial list disagree in {len(problems)} places: "
            f"{first_offenders(problems)}. Pass the list that was scored."
        )
    return labelled
