"""What the bundled corpus consists of: its utterances and its trials.

Made from names and a seed alone, before any audio exists; `samples` turns the
plan into files.
"""

import itertools
from dataclasses import dataclass

import numpy as np

from speechbrain_denokd.data.seeds import named_rng

SAMPLE_RATE_HZ = 16000
NONTARGETS_PER_TARGET = 4


@dataclass(frozen=True)
class Split:
    """Size of one part of the corpus.

    Attributes
    ----------
    name : str
        "train", "dev" or "test".
    n_speakers : int
        Voices; even ones are male, odd ones female.
    n_sessions : int
        Sessions per voice.
    n_utterances : int
        Utterances per session.
    seconds : tuple of (float, float)
        Shortest and longest utterance.
    """

    name: str
    n_speakers: int
    n_sessions: int
    n_utterances: int
    seconds: tuple[float, float]


@dataclass(frozen=True)
class Utterance:
    """One recording, before it is made.

    Attributes
    ----------
    split, speaker, gender : str
        Whose it is.
    session, index : int
        The how-manieth session of the speaker, and utterance therein.
    n_samples : int
        Length at 16 kHz; a multiple of 10 ms.
    """

    split: str
    speaker: str
    gender: str
    session: int
    index: int
    n_samples: int

    @property
    def path(self) -> str:
        """Where it lies in the corpus folder."""
        return f"audio/{self.speaker}/s{self.session}_{self.index}.opus"


def plan_split(split: Split, seed: int) -> list[Utterance]:
    """The utterances of a split, in order of speaker, session and index.

    Arguments
    ---------
    split : Split
        How many there are.
    seed : int
        Seed of the corpus.

    Example
    -------
    >>> small = plan_split(Split("train", 2, 2, 1, (2.5, 4.0)), seed=1)
    >>> [utterance.path for utterance in small][-1]
    'audio/train0001/s1_0.opus'
    >>> big = plan_split(Split("train", 3, 2, 2, (2.5, 4.0)), seed=1)
    >>> set(small) <= set(big)
    True
    """
    plan = []
    for number, session, index in itertools.product(
        range(split.n_speakers),
        range(split.n_sessions),
        range(split.n_utterances),
    ):
        speaker = f"{split.name}{number:04d}"
        rng = named_rng(seed, speaker, session, index, "length")
        seconds = round(rng.uniform(*split.seconds), 2)
        n_samples = round(seconds * SAMPLE_RATE_HZ)
        gender = "mf"[number % 2]
        plan.append(
            Utterance(split.name, speaker, gender, session, index, n_samples)
        )
    return plan


def draw_trials(
    plan: list[Utterance], rng: np.random.Generator
) -> list[tuple[int, str, str]]:
    """Pairs to verify: all across sessions of a voice, some across voices.

    Arguments
    ---------
    plan : list of Utterance
        Utterances of one split.
    rng : numpy.random.Generator
        Chooses among the pairs of two voices of one gender.

    Returns
    -------
    list of (label, enroll, test)
        1 and 0 for target and nontarget, then two paths.

    Example
    -------
    >>> plan = plan_split(Split("dev", 4, 2, 1, (2.5, 4.0)), seed=1)
    >>> trials = draw_trials(plan, np.random.default_rng(0))
    >>> [label for label, _, _ in trials].count(1)
    4
    """
    targets, nontargets = [], []
    for one, two in itertools.combinations(plan, 2):
        if one.speaker == two.speaker:
            if one.session != two.session:
                targets.append((1, one.path, two.path))
        elif one.gender == two.gender:
            nontargets.append((0, one.path, two.path))
    n_nontargets = min(NONTARGETS_PER_TARGET * len(targets), len(nontargets))
    chosen = rng.choice(len(nontargets), n_nontargets, replace=False)
    return targets + [nontargets[n] for n in sorted(chosen)]
