"""``denokd publish``: make a folder for others, and upload it if asked."""

import json
from typing import Annotated

import typer

from speechbrain_denokd.cli.options import AsJson
from speechbrain_denokd.cli_errors import exit_on_user_error


@exit_on_user_error
def publish(
    source: Annotated[
        str,
        typer.Argument(help="Experiment folder, or its model folder."),
    ],
    licence: Annotated[
        str,
        typer.Option(
            "--licence",
            "--license",
            help="Of the weights: apache-2.0, cc-by-4.0, ... or other.",
        ),
    ],
    title: Annotated[
        str, typer.Option("--title", help="Name on the model card.")
    ],
    output: Annotated[
        str, typer.Option("--output", help="Folder to write.")
    ] = "results/published",
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            help="What it was trained on; default: the set-up's description.",
        ),
    ] = None,
    synthetic: Annotated[
        bool,
        typer.Option("--synthetic", help="The data is no real speech."),
    ] = False,
    notes: Annotated[
        str, typer.Option("--notes", help="More for the card, in Markdown.")
    ] = "",
    metrics: Annotated[
        str | None,
        typer.Option(
            "--metrics", help="metrics.json; default: the source's own."
        ),
    ] = None,
    push_to: Annotated[
        str | None,
        typer.Option("--push_to", help="Upload to user/name on the hub."),
    ] = None,
    private: Annotated[
        bool, typer.Option("--private", help="Make that repository private.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace an older one.")
    ] = False,
    as_json: AsJson = False,
):
    """Make a folder that others load without trusting you.

    It holds the weights as safetensors, a description, a model card, the
    scoring system and a list of hashes; and SpeechBrain's own files, so that
    from_hparams loads it too. Nothing is uploaded without --push_to; the
    token is the one of `hf auth login`.

    Example: denokd publish results/ecapa/samples/1 --licence apache-2.0
    --title "Small ECAPA-TDNN"
    """
    from speechbrain_denokd.publish.card import Details
    from speechbrain_denokd.publish.hub import check_repo_id, upload
    from speechbrain_denokd.publish.publish import find_record
    from speechbrain_denokd.publish.publish import publish as write

    if push_to is not None:
        check_repo_id(push_to)
    record = find_record(source, metrics) or {}
    details = Details(
        title=title,
        licence=licence,
        data=data or record.get("description", ""),
        # The bundled corpus is a synthesiser's.
        synthetic=synthetic or record.get("setup") == "samples",
        notes=notes,
        repo_id=push_to,
    )
    folder = write(source, output, details, metrics, force)
    address = None
    if push_to is not None:
        address = upload(folder, push_to, private, replace=force)
    files = {
        path.name: path.stat().st_size for path in sorted(folder.iterdir())
    }
    if as_json:
        found = {"folder": str(folder), "address": address, "files": files}
        print(json.dumps(found))
        return
    for name, size in files.items():
        print(f"{size:>12,}  {name}")
    print(f"\n{folder}: loads as SpeakerEmbedder.from_hparams({str(folder)!r})")
    print(f"uploaded: {address}" if address else "not uploaded")
