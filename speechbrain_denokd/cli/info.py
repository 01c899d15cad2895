"""``denokd info``: what a model folder is."""

import json

import typer

from speechbrain_denokd.cli.options import AsJson, Model
from speechbrain_denokd.cli_errors import exit_on_user_error


@exit_on_user_error
def info(model: Model, as_json: AsJson = False):
    """Say what a model folder, or user/name on the hub, holds.

    Nothing of it is run and no weights are loaded. The exit code is 1 if a
    hash is wrong, or the folder asks for code that this package does not
    know.

    Example: denokd info pretrained/sample_teacher
    """
    from speechbrain_denokd.inference.source import local_folder
    from speechbrain_denokd.publish.describe import describe_folder

    found = describe_folder(local_folder(model))
    if as_json:
        print(json.dumps(found))
    else:
        _show(found)
    if found["problem"] is not None:
        raise typer.Exit(1)


def _show(found: dict) -> None:
    from speechbrain_denokd.publish.card import scoring_phrase
    from speechbrain_denokd.publish.record import record_table, table_note

    kind = "published" if found["is_published"] else "not published"
    print(f"{found['folder']}: {kind}, SHA-256 {found['sha256']}")
    if found["problem"] is not None:
        print(f"do not load it: {found['problem']}")
        return
    if found["is_published"]:
        print("hashes: every file is as sha256.txt says")
    print("\n".join(found["classes"]))
    print(
        f"{found['n_parameters']:,} parameters, embeddings of "
        f"{found['embedding_dim']} values, {found['sample_rate_hz']} Hz, "
        f"{found['n_speakers']:,} training speakers\n"
        f"scores: {scoring_phrase(found['scoring'])}"
    )
    if found["metrics"] is None:
        print("error rates: not in the folder")
        return
    print(f"\n{record_table(found['metrics'])}")
    print(f"\n{table_note(found['metrics'])}")
