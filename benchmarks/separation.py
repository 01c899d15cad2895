r"""The table of speaker-conditioned separation: MIRNet, Table 2.

    python train.py hparams/voicefilter_enrolled.yaml
    python train.py hparams/mirnet.yaml
    python train.py hparams/voicefilter_mirnet.yaml
    python train.py hparams/upit.yaml
    python -m benchmarks.separation

Reads ``results/<page>/<setup>/<seed>/metrics.json`` of the three pages, of
every seed that is there, and prints them beside each other; pages that are
not trained yet are named. ``--genders`` adds a row for each pair of genders.

Intervals are 95 % bootstrap intervals over speakers of one seed; of several
seeds the mean is shown, with the deviation over seeds instead.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from speechbrain_denokd.cli_errors import exit_on_user_error
from speechbrain_denokd.separation.evaluation import TITLES, metric_cells
from speechbrain_denokd.tables import markdown_table

# Rows of MIRNet's Table 2, in its order.
ROWS = {
    "voicefilter_enrolled": "enrolled speaker (VoiceFilter)",
    "voicefilter_mirnet": "identities of the mixture (MIRNet)",
    "upit": "none (uPIT)",
}
_METRICS = (("sdr_i", 2, 1), ("pesq_i", 3, 1), ("si_sdr_i", 2, 1))
_METRICS += (("improved", 0, 100),)


@exit_on_user_error
def main(argv: Sequence[str] | None = None) -> str:
    """Command line: see ``--help``.

    Arguments
    ---------
    argv : sequence of str, optional

    Returns
    -------
    str
        The table.

    Raises
    ------
    FileNotFoundError
        If no page has been trained.
    """
    args = _arguments(sys.argv[1:] if argv is None else argv)
    records = {
        page: read_records(Path(args.results) / page / args.setup)
        for page in ROWS
    }
    missing = [page for page, found in records.items() if not found]
    if len(missing) == len(ROWS):
        raise FileNotFoundError(
            f"no metrics.json in {args.results}/*/{args.setup}/*; train a page "
            "first: python train.py hparams/upit.yaml"
        )
    tests = dict.fromkeys(
        name for found in records.values() for r in found for name in r["tests"]
    )
    test = args.test or next(iter(tests))
    if test not in tests:
        raise ValueError(f"no test {test!r}; use one of: {', '.join(tests)}")
    table = separation_rows(records, test, args.genders)
    text = f"Test set: {test}, set-up: {args.setup}.\n\n{table}"
    if missing:
        commands = [f"python train.py hparams/{page}.yaml" for page in missing]
        text += f"\n\nNot trained yet: {'; '.join(commands)}"
    print(text)
    return text


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.separation",
        description="MIRNet's Table 2; see the head of this file.",
        allow_abbrev=False,
    )
    parser.add_argument("--results", default="results", help="folder of runs")
    parser.add_argument("--setup", default="samples")
    parser.add_argument("--test", help="default: the first")
    parser.add_argument("--genders", action="store_true")
    return parser.parse_args(argv)


def read_records(folder: str | Path) -> list[dict]:
    """``metrics.json`` of every seed of a page and set-up.

    Arguments
    ---------
    folder : str or Path
        ``results/<page>/<setup>``.

    Returns
    -------
    list of dict
        Empty where there is none.
    """
    return [
        json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(Path(folder).glob("*/metrics.json"))
    ]


def separation_rows(
    records: Mapping[str, Sequence[Mapping]], test: str, genders: bool
) -> str:
    """Markdown of the pages beside each other.

    Arguments
    ---------
    records : mapping of str to sequence of dict
        Of `read_records`, by page.
    test : str
    genders : bool
        Whether each pair of genders has its row.

    Returns
    -------
    str
    """
    rows = []
    for page, title in ROWS.items():
        runs = [r["tests"][test] for r in records[page] if test in r["tests"]]
        if not runs:
            continue
        conditions = list(runs[0]) if genders else ["all"]
        for condition in conditions:
            found = [run[condition] for run in runs if condition in run]
            rows.append([title, condition, len(found), *_cells(found)])
    return markdown_table(
        ["conditioned on", "speakers", "seeds", *TITLES], rows
    )


def _cells(found: Sequence[Mapping]) -> list[str]:
    if len(found) == 1:
        return metric_cells(found[0])
    cells = []
    for name, n_decimals, scale in _METRICS:
        values = [run[name] for run in found]
        if None in values:
            cells.append("–")
            continue
        mean = scale * statistics.fmean(values)
        deviation = scale * statistics.stdev(values)
        cells.append(f"{mean:.{n_decimals}f} ± {deviation:.{n_decimals}f}")
    return cells


if __name__ == "__main__":
    main()
