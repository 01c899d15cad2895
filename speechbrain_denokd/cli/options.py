"""Options that several commands share, declared once."""

from typing import Annotated

import typer

Model = Annotated[
    str, typer.Argument(help="Model folder, such as results/.../model.")
]
DataRoot = Annotated[
    str,
    typer.Option(
        "--data_root",
        help="Folder that {data_root} and the trials' paths stand for.",
    ),
]
Manifest = Annotated[
    str | None,
    typer.Option(
        "--manifest", help="CSV of the utterances; names their speakers."
    ),
]
Trials = Annotated[
    str | None,
    typer.Option("--trials", help="Trial list: label enroll test."),
]
Device = Annotated[
    str, typer.Option("--device", help="Where the network runs: cpu, cuda:0.")
]
Trust = Annotated[
    bool,
    typer.Option(
        "--trust",
        help="Run whatever the model's hyperparams.yaml names; only if you "
        "trust its author.",
    ),
]
Workers = Annotated[
    int, typer.Option("--n_workers", help="Processes that read audio.")
]
Crop = Annotated[
    float | None,
    typer.Option("--crop_s", help="Crop of each utterance, in seconds."),
]
ScoreMode = Annotated[
    str,
    typer.Option(
        "--score_mode",
        help="single, or NxS (such as 10x3): the mean of the cosines of N "
        "crops of S seconds of each side; without the model's back-end.",
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print JSON instead of a table.")
]
PTarget = Annotated[
    float | None,
    typer.Option("--p_target", help="Prior of a target trial, in (0, 1)."),
]
CMiss = Annotated[
    float, typer.Option("--c_miss", help="Cost of rejecting a target.")
]
CFa = Annotated[
    float, typer.Option("--c_fa", help="Cost of accepting a nontarget.")
]
