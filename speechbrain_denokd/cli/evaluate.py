"""``denokd evaluate``: score files in, error rates and plots out."""

import json
from pathlib import Path
from typing import Annotated

import typer

from speechbrain_denokd.cli.options import AsJson, DataRoot, Manifest
from speechbrain_denokd.cli_errors import exit_on_user_error


@exit_on_user_error
def evaluate(
    score_files: Annotated[
        list[str], typer.Argument(help="Written by `denokd score`.")
    ],
    manifest: Manifest = None,
    data_root: DataRoot = ".",
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by",
            help="Break down by gender, duration or session; may be repeated.",
        ),
    ] = None,
    operating_point: Annotated[
        str,
        typer.Option(
            "--operating_point",
            help="Of minDCF and actDCF: denokd (a target prior of 0.01), "
            "voxsrc or ssrfnet (0.05), sre08 or sre16.",
        ),
    ] = "denokd",
    plots: Annotated[
        str | None,
        typer.Option("--plots", help="Folder for DET and calibration plots."),
    ] = None,
    as_json: AsJson = False,
):
    """Print error rates of score files, side by side.

    Intervals are over speakers, whom the manifest names; score files of
    `denokd score` remember theirs. Costs at the Bayes threshold (actDCF) and
    Cllr are given for log-likelihood ratios only.

    Example: denokd evaluate results/scores.txt --by gender --plots results/det
    """
    from speechbrain_denokd import score_report, score_tables
    from speechbrain_denokd.known_scores import open_scores
    from speechbrain_denokd.metrics import preset

    points = preset(operating_point)
    scored = {
        path: open_scores(path, manifest, data_root) for path in score_files
    }
    rates = {
        path: score_report.rates_of(one, points=points)
        for path, one in scored.items()
    }
    parts = {
        path: score_report.breakdown(one, by) if by else {}
        for path, one in scored.items()
    }
    if plots:
        score_report.draw(scored, Path(plots))
    if as_json:
        found = {
            path: {**rates[path], "conditions": parts[path]} for path in rates
        }
        print(json.dumps(found))
        return
    print(score_tables.rates_table(rates))
    for path, conditions in parts.items():
        if conditions:
            print(f"\n{path}\n\n{score_tables.breakdown_table(conditions)}")
    if plots:
        print(f"\nplots: {plots}")
