"""``denokd trials check``: what is wrong with a trial list."""

import json
from typing import Annotated

import typer

from speechbrain_denokd.cli.options import AsJson, DataRoot
from speechbrain_denokd.cli_errors import exit_on_user_error

trials = typer.Typer(help="Trial lists.", no_args_is_help=True)


@trials.callback()
def _group():
    """Keeps ``check`` a word of the command while it is the only one."""


@trials.command()
@exit_on_user_error
def check(
    trial_list: Annotated[str, typer.Argument(help="label enroll test.")],
    manifest: Annotated[
        str, typer.Option("--manifest", help="CSV of the utterances.")
    ],
    data_root: DataRoot = ".",
    train_manifest: Annotated[
        str | None,
        typer.Option("--train_manifest", help="CSV of what was trained on."),
    ] = None,
    original: Annotated[
        str | None,
        typer.Option(
            "--original", help="Another version of the list, to compare."
        ),
    ] = None,
    as_json: AsJson = False,
):
    """Report what a trial list holds, and what is wrong with it.

    Ends with exit code 1 if the list has errors.

    Example: denokd trials check tests/samples/trials_test.txt --manifest
    tests/samples/test.csv --data_root tests/samples --train_manifest
    tests/samples/train.csv
    """
    from speechbrain_denokd.data.manifest import read_manifest
    from speechbrain_denokd.data.trial_doctor import examine_trials
    from speechbrain_denokd.data.trials import parse_trials

    found, malformed = parse_trials(trial_list)
    trained_on = ()
    if train_manifest:
        rows = read_manifest(train_manifest, data_root, check_audio=False)
        trained_on = {row.spk_id for row in rows}
    report = examine_trials(
        found,
        read_manifest(manifest, data_root, check_audio=False),
        trained_on,
        data_root,
        malformed,
        parse_trials(original)[0] if original else None,
    )
    if as_json:
        print(json.dumps(report.as_dict()))
    else:
        print(report.as_markdown(), end="")
    if report.has_errors:
        raise typer.Exit(1)
