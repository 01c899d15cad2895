"""Who may speak in a mixture: manifest -> speakers of a gender, utterances."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from speechbrain_denokd.data.audio import read_header
from speechbrain_denokd.data.manifest import Utterance


class SpeakerPool:
    """Speakers to draw from, with their utterances.

    Arguments
    ---------
    utterances : sequence of Utterance
    shortest_s : float
        Utterances shorter than this many seconds are left out.
    sample_rate : int
        In Hz.

    Example
    -------
    >>> rows = [
    ...     Utterance(f"{name}{n}", 4.0, "x.wav", 0, 64000, name, gender="f")
    ...     for name, n_utterances in (("ann", 2), ("eve", 1))
    ...     for n in range(n_utterances)
    ... ]
    >>> pool = SpeakerPool(rows)
    >>> pool.draw(["f"], [2], np.random.default_rng(0))
    ['ann']
    """

    def __init__(
        self,
        utterances: Sequence[Utterance],
        shortest_s: float = 0.0,
        sample_rate: int = 16000,
    ):
        self.rows_of: dict[str, list[Utterance]] = {}
        self.gender_of = speaker_genders(utterances)
        shortest = round(shortest_s * sample_rate)
        for row in utterances:
            if not shortest or n_samples(row) >= shortest:
                self.rows_of.setdefault(row.spk_id, []).append(row)

    @property
    def genders(self) -> list[str]:
        """Genders to balance, sorted: [""] where none is known at all.

        Speakers of unknown gender are drawn with gender None alone, where
        others' genders are known: any pair with them may be of any kind.
        """
        found = {self.gender_of[speaker] for speaker in self.rows_of}
        return sorted(found - {""}) or sorted(found)

    def can_draw(
        self, genders: Sequence[str | None], n_needed: Sequence[int]
    ) -> bool:
        """Whether `draw` with these arguments finds enough speakers.

        Arguments
        ---------
        genders, n_needed
            As `draw` takes them.

        Returns
        -------
        bool

        Example
        -------
        >>> SpeakerPool([]).can_draw(["f"], [1])
        False
        """
        for needed in set(n_needed):
            wanted = Counter(
                gender
                for gender, n in zip(genders, n_needed, strict=True)
                if n >= needed
            )
            for gender, count in wanted.items():
                if len(self._candidates(gender, needed)) < count:
                    return False
        return True

    def draw(
        self,
        genders: Sequence[str | None],
        n_needed: Sequence[int],
        rng: np.random.Generator,
    ) -> list[str]:
        """Different speakers, all that fit equally likely.

        Arguments
        ---------
        genders : sequence of str or None
            Gender of each speaker, or None for any in all places.
        n_needed : sequence of int
            Utterances that each must have.
        rng : numpy.random.Generator

        Returns
        -------
        list of str

        Raises
        ------
        ValueError
            If there are too few speakers of a kind; `can_draw` tells before.

        Example
        -------
        >>> rows = [Utterance("u1", 4.0, "x.wav", 0, 64000, "ann")]
        >>> SpeakerPool(rows).draw([None], [1], np.random.default_rng(0))
        ['ann']
        """
        chosen: dict[int, str] = {}
        # The demanding first: others could take the few speakers they need.
        for place in sorted(range(len(genders)), key=lambda k: -n_needed[k]):
            left = [
                name
                for name in self._candidates(genders[place], n_needed[place])
                if name not in chosen.values()
            ]
            if not left:
                raise ValueError(
                    f"There are too few speakers of gender {genders[place]!r} "
                    f"with {n_needed[place]} utterance(s) for "
                    f"{len(genders)} different ones: add speakers."
                )
            chosen[place] = left[int(rng.integers(len(left)))]
        return [chosen[place] for place in range(len(genders))]

    def utterance(
        self,
        speaker: str,
        rng: np.random.Generator,
        besides: Utterance | None = None,
    ) -> Utterance:
        """An utterance of a speaker, of another session where there is one.

        Arguments
        ---------
        speaker : str
        rng : numpy.random.Generator
        besides : Utterance, optional
            One that it must not be, and whose session it should not share.

        Returns
        -------
        Utterance

        Raises
        ------
        ValueError
            If the speaker has no other.

        Example
        -------
        >>> rows = [Utterance(n, 4.0, "x", 0, 64000, "ann") for n in "ab"]
        >>> rng = np.random.default_rng(0)
        >>> SpeakerPool(rows).utterance("ann", rng, besides=rows[0]).id
        'b'
        """
        rows = self.rows_of[speaker]
        if besides is not None:
            rows = [row for row in rows if row.id != besides.id]
            across = [row for row in rows if row.session != besides.session]
            rows = across or rows
        if not rows:
            raise ValueError(
                f"Speaker {speaker} has one utterance alone: take speakers "
                "with at least two."
            )
        return rows[int(rng.integers(len(rows)))]

    def _candidates(self, gender: str | None, n_needed: int) -> list[str]:
        """Speakers of a gender with enough utterances, in a fixed order."""
        return [
            speaker
            for speaker, rows in self.rows_of.items()
            if len(rows) >= n_needed
            and gender in (None, self.gender_of[speaker])
        ]


def speaker_genders(utterances: Iterable[Utterance]) -> dict[str, str]:
    """Gender of each speaker, from any row that has it.

    Arguments
    ---------
    utterances : iterable of Utterance

    Returns
    -------
    dict of str to str
        By speaker; "" where no row says.

    Example
    -------
    >>> rows = [
    ...     Utterance("u1", 1.0, "1.wav", 0, 16000, "ann"),
    ...     Utterance("u2", 1.0, "2.wav", 0, 16000, "ann", gender="f"),
    ... ]
    >>> speaker_genders(rows)
    {'ann': 'f'}
    """
    genders: dict[str, str] = {}
    for row in utterances:
        genders[row.spk_id] = genders.get(row.spk_id) or row.gender
    return genders


def n_samples(row: Utterance) -> int:
    """Length of an utterance; of rows without ``stop``, the file knows it.

    Arguments
    ---------
    row : Utterance

    Returns
    -------
    int

    Example
    -------
    >>> n_samples(Utterance("u1", 1.0, "x.wav", 8000, 24000, "ann"))
    16000
    """
    stop = read_header(row.wav).n_samples if row.stop is None else row.stop
    return stop - row.start
