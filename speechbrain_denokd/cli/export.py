"""``denokd export``: a model folder in, a file for a product out."""

import json
from typing import Annotated

import typer

from speechbrain_denokd.cli.inputs import open_trial_set
from speechbrain_denokd.cli.options import (
    AsJson,
    DataRoot,
    Manifest,
    Model,
    Trials,
    Trust,
)
from speechbrain_denokd.cli_errors import exit_on_user_error


@exit_on_user_error
def export(
    model: Model,
    output: Annotated[
        str, typer.Option("--output", help="Folder that receives the files.")
    ] = "results/export",
    format: Annotated[
        str, typer.Option("--format", help="onnx, pt2 or torchscript.")
    ] = "onnx",
    int8: Annotated[
        str,
        typer.Option("--int8", help="none, weights, dynamic or static."),
    ] = "none",
    data_root: DataRoot = "tests/samples",
    manifest: Manifest = None,
    trials: Trials = None,
    train_manifest: Annotated[
        str | None,
        typer.Option(
            "--train_manifest",
            help="What static int8 learns ranges from; default train.csv.",
        ),
    ] = None,
    trust: Trust = False,
    as_json: AsJson = False,
):
    """Export a model: waveforms in, embeddings out, any batch and length.

    The file is kept only if it agrees with the model on recordings of the
    manifest, 0.5 s to 10 s, alone and padded. For ONNX, a run-time that needs
    onnxruntime and numpy alone is put beside it. With --int8 a second, small
    file is written, and its error rates are printed beside those of the first.

    Example: denokd export pretrained/sample_teacher --int8 static
    """
    from speechbrain_denokd.data.manifest import read_manifest
    from speechbrain_denokd.export.run import Wish, export_model

    wish = Wish(format, int8)
    wish.check()
    rows = read_manifest(manifest or f"{data_root}/test.csv", data_root)
    trial_set, calibration_rows = None, []
    if int8 != "none":
        trial_set = open_trial_set(data_root, manifest, trials)
    if int8 == "static":
        path = train_manifest or f"{data_root}/train.csv"
        calibration_rows = read_manifest(path, data_root)
    report = export_model(
        model, output, wish, rows, trial_set, calibration_rows, trust
    )
    if as_json:
        print(json.dumps(report))
        return
    _show(report, int8)


def _show(report: dict, int8: str) -> None:
    """Print files, agreement, and what 8 bits cost."""
    from speechbrain_denokd.comparison import Comparison
    from speechbrain_denokd.score_tables import comparison_table, rates_table

    for path, size in report["files"].items():
        print(f"{path}: {size / 1e6:.2f} MB")
    parity = report["parity"]
    print(
        f"agrees with the model on {parity['n_recordings']} recordings: "
        f"largest difference {parity['max_difference']:.1e}, smallest cosine "
        f"{parity['min_cosine']:.7f}"
    )
    if report["metadata"]["calibration"] is None:
        print("no calibration in the file: scores, but no decisions")
    if "cost" not in report:
        return
    cost = report["cost"]
    name = f"int8 {int8}"
    print()
    print(rates_table({"float32": cost["before"], name: cost["after"]}))
    print()
    found = {
        metric: Comparison(**row) for metric, row in cost["difference"].items()
    }
    print(comparison_table(found, name, "float32"))
