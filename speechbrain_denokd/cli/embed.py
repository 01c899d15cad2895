"""``denokd embed``: the embeddings of many recordings in a file."""

import os
from typing import Annotated

import typer

from speechbrain_denokd.cli.options import AsJson, Device, Trust
from speechbrain_denokd.cli_errors import exit_on_user_error

_N_SHOWN = 5


@exit_on_user_error
def embed(
    model: Annotated[
        str,
        typer.Argument(
            help="Model folder, user/name, or .onnx file of denokd export."
        ),
    ],
    source: Annotated[
        str,
        typer.Argument(
            help="Folder, manifest (.csv), wav.scp, or list of paths."
        ),
    ],
    output: Annotated[
        str,
        typer.Option("--output", help="File: .npz, .ark (with .scp), .parquet"),
    ] = "results/embeddings.npz",
    data_root: Annotated[
        str,
        typer.Option(
            "--data_root",
            help="Folder that {data_root} and relative paths stand for.",
        ),
    ] = ".",
    window_s: Annotated[
        float,
        typer.Option(
            "--window_s",
            help="Longer recordings are cut into windows of this length, "
            "whose embeddings are averaged.",
        ),
    ] = 120.0,
    overlap_s: Annotated[
        float, typer.Option("--overlap_s", help="Least overlap of windows.")
    ] = 0.0,
    precision: Annotated[
        str,
        typer.Option(
            "--precision",
            help="Of a model folder: fp32, or bf16 (mixed, faster).",
        ),
    ] = "fp32",
    batch_s: Annotated[
        float | None,
        typer.Option(
            "--batch_s",
            help="Seconds of audio per batch; default: 20, on a GPU 300.",
        ),
    ] = None,
    n_threads: Annotated[
        int | None,
        typer.Option(
            "--n_threads",
            help="Batches (of an .onnx file, recordings) that are embedded "
            "at a time, one core each; default: the cores.",
        ),
    ] = None,
    device: Device = "cpu",
    trust: Trust = False,
    as_json: AsJson = False,
):
    """Embed a folder, a manifest or a list of recordings.

    What cannot be read is skipped and named in OUTPUT.report.json; the exit
    code is then 1. The same command after a kill goes on where it stopped.
    On several GPUs: torchrun --nproc_per_node=4 -m speechbrain_denokd.cli.app
    embed MODEL SOURCE --device cuda

    An .onnx file embeds as it was exported, in float32 or int8, on the CPU
    and without the code of the model folder.

    Example: denokd embed pretrained/sample_teacher tests/samples/audio
    --output results/embeddings.npz

    Example: denokd embed exported/model.int8.onnx tests/samples/audio
    """
    import torch

    from speechbrain_denokd import extraction

    job = extraction.Job(
        model,
        source,
        output,
        data_root,
        _own_device(device),
        precision,
        extraction.Windowing(window_s, overlap_s),
        trust,
    )
    effort = extraction.Effort(
        batch_s or (20.0 if device == "cpu" else 300.0),
        n_threads or extraction.default_threads(),
    )
    share = extraction.Share.from_environment()
    extraction.keep_freed_memory()
    try:
        report = extraction.run_job(job, effort, share, progress=not as_json)
    except torch.OutOfMemoryError as error:
        raise ValueError(
            f"{job.device} has too little memory for batches of "
            f"{effort.batch_s:g} s; lower --batch_s or --window_s (what is "
            "done is kept)"
        ) from error
    if report is None:
        return
    if as_json:
        print(job.report.read_text(encoding="utf-8"), end="")
    else:
        _print(job, report)
    if report.skipped:
        raise typer.Exit(1)


def _own_device(device: str) -> str:
    """Under torchrun, ``cuda`` is this process's GPU."""
    rank = os.environ.get("LOCAL_RANK")
    return f"cuda:{rank}" if device == "cuda" and rank else device


def _print(job, report):
    if report.n_embedded:
        print(f"{report.n_embedded} embeddings: {job.output}")
    if not report.skipped:
        return
    print(f"{len(report.skipped)} recordings skipped: {job.report}")
    for skipped in report.skipped[:_N_SHOWN]:
        print(f"- {skipped.id}: {skipped.reason}")
    if len(report.skipped) > _N_SHOWN:
        print(f"- and {len(report.skipped) - _N_SHOWN} more")
