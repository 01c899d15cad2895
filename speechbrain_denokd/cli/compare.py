"""``denokd compare``: do two systems differ on the same trials?"""

import json
from typing import Annotated

import typer

from speechbrain_denokd.cli.options import AsJson, DataRoot, Manifest
from speechbrain_denokd.cli_errors import exit_on_user_error


@exit_on_user_error
def compare(
    first: Annotated[
        str, typer.Argument(help="Score file, or folder of a run.")
    ],
    second: Annotated[
        str, typer.Argument(help="Score file, or folder of a run.")
    ],
    manifest: Manifest = None,
    data_root: DataRoot = ".",
    test: Annotated[
        str, typer.Option("--test", help="Test of a run's folder.")
    ] = "test",
    condition: Annotated[
        str, typer.Option("--condition", help="Duration: full, 4s, 3s, 2s.")
    ] = "full",
    as_json: AsJson = False,
):
    """Difference of two systems, its interval and p-value, over speakers.

    Both must have scored the same trials. Speakers are resampled, the same
    ones for both systems, so that what is hard for both cancels.

    Example: denokd compare results/ecapa/samples/1 results/kd_frame/samples/1
    """
    from speechbrain_denokd import score_report, score_tables
    from speechbrain_denokd.known_scores import open_scores, score_file_of

    sides = [
        open_scores(
            score_file_of(source, test, condition),
            manifest,
            data_root,
        )
        for source in (first, second)
    ]
    found = score_report.compare_scores(*sides)
    if as_json:
        print(json.dumps({name: row._asdict() for name, row in found.items()}))
        return
    print(score_tables.comparison_table(found, first, second))
