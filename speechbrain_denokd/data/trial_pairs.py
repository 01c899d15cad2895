"""Draw verification trials from utterances: manifest -> trial list."""

from collections.abc import Sequence
from itertools import combinations, zip_longest

import numpy as np

from speechbrain_denokd.data.manifest import Utterance
from speechbrain_denokd.data.trials import Trial

# A speaker with 10,000 utterances has 50 million pairs; 1,770 are plenty.
_MAX_UTTERANCES = 60
# Draws of a nontarget partner before its target trial is given up.
_MAX_DRAWS = 100


def draw_trials(
    utterances: Sequence[Utterance], n_trials: int, seed: int = 0
) -> list[Trial]:
    """Draw as many target as nontarget trials, evenly over speakers.

    Targets pair different sessions wherever a speaker has several, since
    pairs of one session also share room and microphone. Each nontarget keeps
    the enrolment side of a target and takes a test side of another speaker,
    of the same gender where genders are known.

    Arguments
    ---------
    utterances : sequence of Utterance
        At least two speakers, one of them with two utterances.
    n_trials : int
        Upper bound of the number of trials; fewer when there are not enough
        distinct pairs.
    seed : int
        Seed of the draw.

    Returns
    -------
    list of Trial
        Targets and nontargets in turn; no pair occurs twice.

    Raises
    ------
    ValueError
        If no target or no nontarget trial can be formed.

    Example
    -------
    >>> rows = [
    ...     Utterance(f"{s}{n}", 1.0, f"{s}{n}.wav", 0, 16000, s)
    ...     for s in "ab"
    ...     for n in (1, 2)
    ... ]
    >>> trials = draw_trials(rows, n_trials=4)
    >>> [trial.is_target for trial in trials]
    [True, False, True, False]
    """
    rng = np.random.default_rng(seed)
    partners = _partners(utterances)
    trials, used = [], set()
    for enroll, test in _target_pairs(utterances, rng):
        if len(trials) + 2 > n_trials:
            break
        nontarget = _nontarget(enroll, partners, used, rng)
        if nontarget is None:
            continue
        used.add(frozenset((enroll.id, nontarget.id)))
        trials.append(Trial(True, enroll.id, test.id))
        trials.append(Trial(False, enroll.id, nontarget.id))
    if not trials:
        n_speakers = len({row.spk_id for row in utterances})
        raise ValueError(
            f"No trials can be drawn: {n_trials} are asked for from "
            f"{len(utterances)} utterances of {n_speakers} speaker(s). Ask "
            "for at least 2 trials and give at least 2 speakers, one of them "
            "with 2 utterances."
        )
    return trials


def _target_pairs(
    utterances: Sequence[Utterance], rng: np.random.Generator
) -> list[tuple[Utterance, Utterance]]:
    """Pairs of equal speakers, the speakers taking turns."""
    by_speaker = {}
    for row in utterances:
        by_speaker.setdefault(row.spk_id, []).append(row)
    pairs = []
    for rows in by_speaker.values():
        order = rng.permutation(len(rows))[:_MAX_UTTERANCES]
        own = list(combinations([rows[index] for index in order], 2))
        across = [pair for pair in own if pair[0].session != pair[1].session]
        own = across or own
        pairs.append([own[index] for index in rng.permutation(len(own))])
    turns = zip_longest(*pairs)
    return [pair for turn in turns for pair in turn if pair is not None]


def _partners(
    utterances: Sequence[Utterance],
) -> dict[str, Sequence[Utterance]]:
    """Candidates for a nontarget's test side, by the enrolment's gender."""
    by_gender = {}
    for row in utterances:
        by_gender.setdefault(row.gender, []).append(row)
    return {
        gender: (rows if len({row.spk_id for row in rows}) > 1 else utterances)
        for gender, rows in by_gender.items()
    }


def _nontarget(
    enroll: Utterance,
    partners: dict[str, Sequence[Utterance]],
    used: set[frozenset],
    rng: np.random.Generator,
) -> Utterance | None:
    """An utterance of another speaker not yet paired with this one."""
    candidates = partners[enroll.gender]
    for _ in range(_MAX_DRAWS):
        row = candidates[int(rng.integers(len(candidates)))]
        pair = frozenset((enroll.id, row.id))
        if row.spk_id != enroll.spk_id and pair not in used:
            return row
    return None
