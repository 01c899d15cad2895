"""Lists of fixed mixtures: CSV -> mixtures, by reference to a manifest.

A list has no audio of its own. Each row says which stretches of which
utterances of a manifest are added up, so that anybody who has the corpus
hears the same mixtures. The columns are ``ID,duration,sources,starts_s,
durations_s,offsets_s,gains_db,spk_ids``; all but the first two have one value
for each source, separated by ``|``:

- ``sources``: ID of the utterance;
- ``starts_s``, ``durations_s``: the stretch of the utterance, in seconds;
- ``offsets_s``: where it begins in the mixture, in seconds;
- ``gains_db``: what it is amplified by, in dB;
- ``spk_ids``: its speaker, as in the manifest.
"""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from speechbrain_denokd.data.files import first_offenders, write_whole
from speechbrain_denokd.data.manifest import Utterance
from speechbrain_denokd.data.table import (
    ManifestError,
    parse_duration,
    read_rows,
)
from speechbrain_denokd.overlap.mix import overlap_ratio

COLUMNS = (
    "ID",
    "duration",
    "sources",
    "starts_s",
    "durations_s",
    "offsets_s",
    "gains_db",
    "spk_ids",
)

# As in manifests: of rows without ``stop`` the length is only nearly known.
_DURATION_TOLERANCE_S = 0.1


@dataclass(frozen=True, slots=True)
class Source:
    """What one speaker contributes to a mixture.

    Attributes
    ----------
    utterance : str
        ID in the manifest.
    spk_id : str
        Speaker.
    start_s, duration_s : float
        Stretch of the utterance, in seconds.
    offset_s : float
        Where it begins in the mixture, in seconds.
    gain_db : float
        What it is amplified by.

    Example
    -------
    >>> Source("u1", "ann", 0.5, 3.0, 0.0, -6.0).offset_s
    0.0
    """

    utterance: str
    spk_id: str
    start_s: float
    duration_s: float
    offset_s: float
    gain_db: float


@dataclass(frozen=True, slots=True)
class Mixture:
    """One row of a list of mixtures.

    Attributes
    ----------
    id : str
        Unique name, without white space, as trial lists need it.
    duration : float
        Seconds until the last source ends.
    sources : tuple of Source
        One for each speaker.

    Example
    -------
    >>> ann = Source("u1", "ann", 0.0, 3.0, 0.0, 0.0)
    >>> bob = Source("u2", "bob", 0.0, 3.0, 1.0, 0.0)
    >>> Mixture("m1", 4.0, (ann, bob)).overlap
    0.5
    """

    id: str
    duration: float
    sources: tuple[Source, ...]

    @property
    def overlap(self) -> float:
        """Share of the duration in which two sources are present."""
        return overlap_ratio(
            [source.duration_s for source in self.sources],
            [source.offset_s for source in self.sources],
        )

    @property
    def spk_ids(self) -> tuple[str, ...]:
        """Speaker of each source."""
        return tuple(source.spk_id for source in self.sources)


def read_mixtures(
    path: str | Path,
    utterances: Sequence[Utterance],
    sample_rate: int = 16000,
) -> list[Mixture]:
    r"""Read a list of mixtures and hold it against the manifest it refers to.

    Arguments
    ---------
    path : str or Path
        CSV file.
    utterances : sequence of Utterance
        Rows of the manifest; `read_manifest` looks at their audio.
    sample_rate : int
        Rate that the rows' ``start`` and ``stop`` count in, in Hz.

    Returns
    -------
    list of Mixture
        In the file's order.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ManifestError
        If columns are missing or rows are wrong: one error that names the
        first five by line number and counts them all.

    Example
    -------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "mixtures.csv"
    >>> rows = [
    ...     Utterance("u1", 2.0, "1.wav", 0, 32000, "ann"),
    ...     Utterance("u2", 2.0, "2.wav", 0, 32000, "bob"),
    ... ]
    >>> _ = path.write_text(
    ...     ",".join(COLUMNS) + "\nm1,1.5,u1|u2,0|0.5,1|1,0|0.5,0|-3,ann|bob\n"
    ... )
    >>> read_mixtures(path, rows)[0].sources[1].gain_db
    -3.0
    """
    by_id = {row.id: row for row in utterances}
    mixtures, problems, first_line = [], [], {}
    rows = read_rows(path, COLUMNS)
    for line, row in rows:
        try:
            mixture = _parse(row)
            _check_sources(mixture, by_id, sample_rate)
            first = first_line.setdefault(mixture.id, line)
            if first != line:
                raise ValueError(f"ID {mixture.id} is also on line {first}")
            mixtures.append(mixture)
        except ValueError as error:
            problems.append(f"line {line}: {error}")
    if problems:
        raise ManifestError(
            f"{path}: {len(problems)} of {len(rows)} row(s) are wrong: "
            f"{first_offenders(problems)}. Give the manifest that the list "
            "was drawn from, or draw it again."
        )
    return mixtures


def write_mixtures(path: str | Path, mixtures: Sequence[Mixture]) -> None:
    """Write a list of mixtures whole or not at all.

    Arguments
    ---------
    path : str or Path
        CSV file to write.
    mixtures : sequence of Mixture
        Rows.

    Raises
    ------
    ValueError
        If the ID of an utterance or speaker has a ``|``, which separates
        sources.

    Example
    -------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "mixtures.csv"
    >>> ann = Source("u1", "ann", 0.0, 1.0, 0.0, 0.0)
    >>> bob = Source("u2", "bob", 0.25, 1.0, 0.5, -3.5)
    >>> write_mixtures(path, [Mixture("m1", 1.5, (ann, bob))])
    >>> path.read_text().splitlines()[1]
    'm1,1.5,u1|u2,0|0.25,1|1,0|0.5,0|-3.5,ann|bob'
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for mixture in mixtures:
        parts = mixture.sources
        columns = (
            [source.utterance for source in parts],
            [_decimal(source.start_s, 7) for source in parts],
            [_decimal(source.duration_s, 7) for source in parts],
            [_decimal(source.offset_s, 7) for source in parts],
            [_decimal(source.gain_db, 4) for source in parts],
            [source.spk_id for source in parts],
        )
        for name in (*columns[0], *columns[-1]):
            if "|" in name:
                raise ValueError(
                    f"The ID '{name}' of mixture {mixture.id} has a '|', "
                    "which separates sources: rename it in the manifest."
                )
        writer.writerow(
            (
                mixture.id,
                _decimal(mixture.duration, 7),
                *("|".join(values) for values in columns),
            )
        )
    write_whole(path, text.getvalue())


def source_rows(
    mixtures: Iterable[Mixture], utterances: Iterable[Utterance]
) -> dict[str, Utterance]:
    """Rows of the manifest that mixtures are made of.

    Arguments
    ---------
    mixtures : iterable of Mixture
    utterances : iterable of Utterance
        Rows of the manifest.

    Returns
    -------
    dict of str to Utterance
        By ID.

    Raises
    ------
    ValueError
        If an utterance is not in the manifest.

    Example
    -------
    >>> rows = [Utterance(n, 1.0, "x.wav", 0, 16000, n) for n in "abc"]
    >>> sources = tuple(Source(n, n, 0.0, 1.0, 0.0, 0.0) for n in "ca")
    >>> list(source_rows([Mixture("m1", 1.0, sources)], rows))
    ['a', 'c']
    """
    used = {s.utterance for mixture in mixtures for s in mixture.sources}
    rows = {row.id: row for row in utterances if row.id in used}
    absent = sorted(used - set(rows))
    if absent:
        raise ValueError(
            f"{len(absent)} utterances of the mixtures are not in the "
            f"manifest (first: {absent[0]}): give the manifest that the list "
            "was drawn from."
        )
    return rows


def _decimal(number: float, n_decimals: int) -> str:
    """Number without exponent; at 16 kHz a sample is 0.0000625 s exactly."""
    text = f"{number:.{n_decimals}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _parse(row: dict) -> Mixture:
    """Mixture of a CSV row; ValueError with a clause when it is wrong."""
    if None in row:
        raise ValueError(
            "more values than columns (quote a value that has a comma)"
        )
    absent = [name for name in COLUMNS if not (row[name] or "").strip()]
    if absent:
        raise ValueError(f"no value for {', '.join(absent)}")
    text = {name: row[name].strip() for name in COLUMNS}
    if len(text["ID"].split()) != 1:
        raise ValueError(f"ID '{text['ID']}' has white space")
    values = {name: text[name].split("|") for name in COLUMNS[2:]}
    n_sources = len(values["sources"])
    for name, several in values.items():
        if len(several) != n_sources:
            raise ValueError(
                f"{name} has {len(several)} values for {n_sources} sources"
            )
    if n_sources < 2:
        raise ValueError("a mixture needs two sources, this one has 1")
    sources = tuple(
        Source(utterance.strip(), spk_id.strip(), *numbers)
        for utterance, spk_id, *numbers in zip(
            values["sources"],
            values["spk_ids"],
            *(_numbers(name, values[name]) for name in COLUMNS[3:-1]),
            strict=True,
        )
    )
    return Mixture(text["ID"], parse_duration(text["duration"]), sources)


def _numbers(name: str, texts: Sequence[str]) -> list[float]:
    """Finite numbers of a column; times are at least 0."""
    numbers = []
    for text in texts:
        try:
            number = float(text)
        except ValueError:
            raise ValueError(f"{name} '{text}' is not a number") from None
        if not math.isfinite(number):
            raise ValueError(f"{name} {text} is not a finite number")
        if name.endswith("_s") and number < 0:
            raise ValueError(f"{name} {text} is below 0")
        numbers.append(number)
    return numbers


def _check_sources(
    mixture: Mixture, utterances: Mapping[str, Utterance], sample_rate: int
) -> None:
    """Refuse a mixture that contradicts itself or the manifest."""
    sample_s = 1 / sample_rate
    for source in mixture.sources:
        if source.duration_s < sample_s:
            raise ValueError(f"{source.utterance} lasts no sample")
        row = utterances.get(source.utterance)
        if row is None:
            raise ValueError(f"{source.utterance} is not in the manifest")
        if row.spk_id != source.spk_id:
            raise ValueError(
                f"{row.id} is of speaker {row.spk_id}, not {source.spk_id}"
            )
        length = row.duration + _DURATION_TOLERANCE_S
        if row.stop is not None:
            length = (row.stop - row.start) * sample_s
        stop = source.start_s + source.duration_s
        if stop > length + sample_s / 2:
            raise ValueError(
                f"{row.id} lasts {row.duration:g} s, but the row reads "
                f"{source.start_s:g} to {stop:g} s"
            )
    if len(set(mixture.spk_ids)) < len(mixture.spk_ids):
        raise ValueError(
            f"speakers {'|'.join(mixture.spk_ids)} are not all different"
        )
    if mixture.id in utterances:
        raise ValueError(f"ID {mixture.id} is also an utterance's")
    end = max(source.offset_s + source.duration_s for source in mixture.sources)
    if abs(end - mixture.duration) > sample_s / 2:
        raise ValueError(
            f"duration is {mixture.duration:g} s, but the sources end at "
            f"{end:g} s"
        )
