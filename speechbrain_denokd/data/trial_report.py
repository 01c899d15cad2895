"""What is known about a trial list, as text (``trial list -> report``)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from speechbrain_denokd.tables import markdown_table

_HEADINGS = MappingProxyType({"error": "Errors", "warning": "Warnings"})
_N_EXAMPLES = 5


class Finding(NamedTuple):
    """One thing to know about a trial list.

    Attributes
    ----------
    severity : str
        "error": error rates of this list are wrong or cannot be computed;
        "warning": they may mislead; "fact": neither.
    name : str
        Such as "same_file"; unique in a report.
    text : str
        For people.
    values : mapping of str to JSON value
        The numbers of the text, for programs; ``count`` and ``of`` of an
        error or warning.

    Example
    -------
    >>> Finding("error", "same_file", "2 of 9 ...", {"count": 2, "of": 9}).name
    'same_file'
    """

    severity: str
    name: str
    text: str
    values: Mapping


def counted(
    severity: str,
    name: str,
    offenders: Sequence,
    total: int,
    units: str,
    sentence: str,
    clause: Callable[..., str] = str,
) -> Iterator[Finding]:
    """A finding about offenders, the first five of them named.

    Arguments
    ---------
    severity, name : str
        As in `Finding`.
    offenders : sequence
        Trials, files, ... that have the problem; without any there is no
        finding.
    total : int
        How many there are with and without the problem.
    units : str
        What they are, in the plural.
    sentence : str
        What the problem is.
    clause : callable
        Text of one offender.

    Yields
    ------
    Finding

    Example
    -------
    >>> [found] = counted("error", "missing", "ab", 3, "files", "Not on disk")
    >>> found.text
    '2 of 3 files. Not on disk: a; b.'
    """
    if len(offenders):
        # Only the shown ones are put into words: there may be half a million.
        shown = [clause(offender) for offender in offenders[:_N_EXAMPLES]]
        if len(offenders) > _N_EXAMPLES:
            shown.append(f"and {len(offenders) - _N_EXAMPLES:,} more")
        yield Finding(
            severity,
            name,
            f"{len(offenders):,} of {total:,} {units}. {sentence}: "
            f"{'; '.join(shown)}.",
            {"count": len(offenders), "of": total},
        )


@dataclass(frozen=True)
class TrialReport:
    """Findings of `examine_trials`.

    Attributes
    ----------
    findings : tuple of Finding
        Errors, warnings and facts, in the order they were looked for.

    Example
    -------
    >>> report = TrialReport((Finding("fact", "trials", "2 trials", {}),))
    >>> report.has_errors
    False
    """

    findings: tuple[Finding, ...]

    @property
    def has_errors(self) -> bool:
        """Whether results on this list would be wrong."""
        return bool(self.of("error"))

    def of(self, severity: str) -> list[Finding]:
        """Findings of one severity: "error", "warning" or "fact"."""
        return [
            finding for finding in self.findings if finding.severity == severity
        ]

    def values(self, name: str) -> Mapping | None:
        """Numbers of the finding of that name, None where there is none.

        Arguments
        ---------
        name : str
            As in ``Finding.name``.

        Example
        -------
        >>> report = TrialReport((Finding("fact", "a", "", {"n": 2}),))
        >>> report.values("a"), report.values("b")
        ({'n': 2}, None)
        """
        for finding in self.findings:
            if finding.name == name:
                return finding.values
        return None

    def as_dict(self) -> dict:
        """The report as JSON values.

        Example
        -------
        >>> TrialReport(()).as_dict()
        {'has_errors': False, 'findings': []}
        """
        return {
            "has_errors": self.has_errors,
            "findings": [finding._asdict() for finding in self.findings],
        }

    def as_markdown(self) -> str:
        """The report as a page: errors and warnings, then a table of facts.

        Example
        -------
        >>> fact = Finding("fact", "trials", "2", {})
        >>> print(TrialReport((fact,)).as_markdown())
        # Trial list
        <BLANKLINE>
        Errors: 0. Warnings: 0.
        <BLANKLINE>
        | fact   | value |
        | ------ | ----- |
        | trials | 2     |
        <BLANKLINE>
        """
        counts = [
            f"{heading}: {len(self.of(severity))}."
            for severity, heading in _HEADINGS.items()
        ]
        parts = ["# Trial list", " ".join(counts)]
        for severity, heading in _HEADINGS.items():
            if found := self.of(severity):
                lines = [f"- **{_title(f)}**: {f.text}" for f in found]
                parts += [f"## {heading}", "\n".join(lines)]
        rows = [[_title(fact), fact.text] for fact in self.of("fact")]
        if rows:
            parts.append(markdown_table(["fact", "value"], rows))
        return "\n\n".join(parts) + "\n"


def _title(finding: Finding) -> str:
    """Name in words."""
    return finding.name.replace("_", " ")
