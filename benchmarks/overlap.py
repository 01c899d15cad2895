r"""The pages of MIRNet beside the encoder of single speakers that each beats.

    python train.py hparams/mirnet_masks.yaml --seed=1   # and 2, 3; any page
    python -m benchmarks.overlap

Reads ``results/<page>/<setup>/<seed>/metrics.json`` of every page and seed
that is there. Rates are EERs in percent by the distance that the page chose
its checkpoint by; of one seed with the 95 % interval over speakers, of several
the mean and the deviation over seeds.
"""

import argparse
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.separation import read_records
from speechbrain_denokd.cli_errors import exit_on_user_error
from speechbrain_denokd.tables import markdown_table

PAGES = ("mirnet", "mirnet_kd", "mirnet_ecapa", "mirnet_ecapa_kd")
PAGES += ("mirnet_masks",)
KINDS = {
    "mixtures": "mixture against mixture",
    "presence": "is this person in it?",
}


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
        for page in PAGES
    }
    records = {page: found for page, found in records.items() if found}
    if not records:
        raise FileNotFoundError(
            f"no metrics.json in {args.results}/mirnet*/{args.setup}/*; train "
            "a page first: python train.py hparams/mirnet_masks.yaml"
        )
    text = f"Set-up: {args.setup}. EER in percent ({args.distance}).\n\n"
    text += overlap_rows(records, args.distance)
    print(text)
    return text


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.overlap",
        description="MIRNet's pages side by side; see the head of this file.",
        allow_abbrev=False,
    )
    parser.add_argument("--results", default="results", help="folder of runs")
    parser.add_argument("--setup", default="samples")
    parser.add_argument(
        "--distance", default="cosine", choices=("cosine", "euclidean")
    )
    return parser.parse_args(argv)


def overlap_rows(
    records: Mapping[str, Sequence[Mapping]], distance: str
) -> str:
    """Markdown of pages and baselines, a column for each test and kind.

    Arguments
    ---------
    records : mapping of str to sequence of dict
        ``metrics.json`` of each seed, by page.
    distance : str

    Returns
    -------
    str
    """
    tests = dict.fromkeys(
        name for found in records.values() for r in found for name in r["tests"]
    )
    columns = [(test, kind) for kind in KINDS for test in tests]
    rows = []
    for page, found in records.items():
        for system in ("baseline", page):
            runs = [
                r for r in found if system in next(iter(r["tests"].values()))
            ]
            if system == "baseline":
                runs = runs[:1]  # the same model and trials for every seed
            if runs:
                name = f"single speakers, for {page}"
                name = name if system == "baseline" else f"`{page}`"
                cells = [
                    _cell(
                        [r["tests"][test][system] for r in runs], kind, distance
                    )
                    for test, kind in columns
                ]
                rows.append([name, len(runs), *cells])
    titles = [f"{test}, {KINDS[kind]}" for test, kind in columns]
    return markdown_table(["system", "seeds", *titles], rows)


def _cell(systems: Sequence[Mapping], kind: str, distance: str) -> str:
    rates = [system[kind][distance] for system in systems]
    values = [100 * rate["eer"] for rate in rates]
    if len(values) > 1:
        deviation = statistics.stdev(values)
        return f"{statistics.fmean(values):.1f} ± {deviation:.1f}"
    low, high = (100 * limit for limit in rates[0]["eer_interval"])
    return f"{values[0]:.1f} [{low:.1f}, {high:.1f}]"


if __name__ == "__main__":
    main()
