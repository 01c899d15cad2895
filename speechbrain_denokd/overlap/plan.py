"""Make fixed mixtures: utterances of speakers -> rows of a list of mixtures.

A plan is drawn without touching audio; making it reads the sources once, to
set their levels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from speechbrain_denokd.data.audio import load_audio
from speechbrain_denokd.data.files import threaded_map
from speechbrain_denokd.data.manifest import Utterance
from speechbrain_denokd.overlap.levels import active_power, gains_for_sir
from speechbrain_denokd.overlap.mix import gains_without_clipping, stagger
from speechbrain_denokd.overlap.mixtures import Mixture, Source
from speechbrain_denokd.overlap.speakers import n_samples


class MixturePlan(NamedTuple):
    """What is drawn of a mixture.

    Attributes
    ----------
    id : str
        Name of the mixture.
    rows : tuple of Utterance
        One of each speaker.
    length : int
        Samples of each source.
    starts : tuple of int
        Where each source begins within its utterance, in samples.
    offsets : tuple of int
        Where it begins in the mixture, in samples.
    sir_db : tuple of float
        Level of the first source over each of the others.

    Example
    -------
    >>> MixturePlan("m1", (), 48000, (0, 0), (0, 16000), (5.0,)).length
    48000
    """

    id: str
    rows: tuple[Utterance, ...]
    length: int
    starts: tuple[int, ...]
    offsets: tuple[int, ...]
    sir_db: tuple[float, ...]


@dataclass(frozen=True)
class MixtureShape:
    """What the mixtures of a list have in common.

    Attributes
    ----------
    duration_s : float
        Length of the mixtures; shorter utterances take no part.
    overlaps : tuple of float
        Shares of a mixture in which two sources are present; as many
        mixtures have each.
    sir_db : (float, float)
        Range of the level of the first source over each of the others.
    sample_rate : int
        In Hz.

    Raises
    ------
    ValueError
        If there is no overlap to choose, one is no share, or the range of
        ratios is none.

    Example
    -------
    >>> MixtureShape(overlaps=(0.5, 1.0)).duration_s
    3.0
    """

    duration_s: float = 3.0
    overlaps: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0)
    sir_db: tuple[float, float] = (-5.0, 5.0)
    sample_rate: int = 16000

    def __post_init__(self):
        if not self.overlaps:
            raise ValueError("overlaps is empty: give at least one share.")
        for overlap in self.overlaps:
            stagger(round(self.duration_s * self.sample_rate), 2, overlap)
        low, high = self.sir_db
        if not -np.inf < low <= high < np.inf:
            raise ValueError(
                f"sir_db is {low} to {high}: give a low and a high value in "
                "order."
            )

    def plan(
        self,
        mixture_id: str,
        rows: Sequence[Utterance],
        overlap: float,
        rng: np.random.Generator,
    ) -> MixturePlan:
        """Draw order, places and levels of the speakers of a mixture.

        Arguments
        ---------
        mixture_id : str
        rows : sequence of Utterance
            One of each speaker, at least ``duration_s`` long.
        overlap : float
        rng : numpy.random.Generator

        Returns
        -------
        MixturePlan
        """
        total = round(self.duration_s * self.sample_rate)
        length, offsets = stagger(total, len(rows), overlap)
        rows = [rows[i] for i in rng.permutation(len(rows))]
        starts = [
            int(rng.integers(n_samples(row) - length + 1)) for row in rows
        ]
        sir_db = rng.uniform(*self.sir_db, size=len(rows) - 1)
        return MixturePlan(
            mixture_id,
            tuple(rows),
            length,
            tuple(starts),
            tuple(offsets),
            tuple(sir_db.tolist()),
        )


def make_mixtures(
    plans: Sequence[MixturePlan], sample_rate: int = 16000, n_threads: int = 8
) -> list[Mixture]:
    """Set the levels of planned mixtures.

    Arguments
    ---------
    plans : sequence of MixturePlan
    sample_rate : int
        In Hz.
    n_threads : int
        Mixtures worked on at a time.

    Returns
    -------
    list of Mixture
        With gains that give the planned ratios, all lowered alike where the
        mixture would clip.

    Raises
    ------
    ValueError
        If a source is silent, or a file cannot be used.
    FileNotFoundError
        If there is no such file.

    Example
    -------
    >>> import soundfile, tempfile
    >>> rows = []
    >>> for name, level in (("ann", 0.4), ("bob", 0.04)):
    ...     path = f"{tempfile.mkdtemp()}/{name}.wav"
    ...     soundfile.write(path, np.full(800, level), 16000, "FLOAT")
    ...     rows.append(Utterance(name, 0.05, path, 0, 800, name))
    >>> plan = MixturePlan("m1", tuple(rows), 800, (0, 0), (0, 0), (0.0,))
    >>> [source.gain_db for source in make_mixtures([plan])[0].sources]
    [0.0, 20.0]
    """
    return threaded_map(lambda plan: _make(plan, sample_rate), plans, n_threads)


def _make(plan: MixturePlan, sample_rate: int) -> Mixture:
    """One mixture of a plan."""
    wavs = []
    for row, start in zip(plan.rows, plan.starts, strict=True):
        first = row.start + start
        wavs.append(
            load_audio(row.wav, first, first + plan.length, sample_rate)
        )
        if not active_power(wavs[-1]):
            raise ValueError(
                f"{row.wav} is silent from sample {first} to "
                f"{first + plan.length}, so it can be given no level: take "
                f"{row.id} out of the manifest."
            )
    gains_db = gains_without_clipping(
        wavs, plan.offsets, gains_for_sir(wavs, plan.offsets, plan.sir_db)
    )
    sources = tuple(
        Source(
            row.id,
            row.spk_id,
            start / sample_rate,
            plan.length / sample_rate,
            offset / sample_rate,
            float(gain_db),
        )
        for row, start, offset, gain_db in zip(
            plan.rows, plan.starts, plan.offsets, gains_db, strict=True
        )
    )
    duration = (plan.offsets[-1] + plan.length) / sample_rate
    return Mixture(plan.id, duration, sources)
