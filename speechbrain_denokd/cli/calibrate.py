"""``denokd calibrate``: give a model folder its back-end and its threshold."""

import json
from functools import partial
from typing import Annotated

import typer

from speechbrain_denokd.cli.inputs import open_trial_set
from speechbrain_denokd.cli.options import (
    AsJson,
    CFa,
    CMiss,
    DataRoot,
    Device,
    Manifest,
    Model,
    Trials,
    Trust,
    Workers,
)
from speechbrain_denokd.cli_errors import exit_on_user_error


@exit_on_user_error
def calibrate(
    model: Model,
    data_root: DataRoot = "tests/samples",
    manifest: Manifest = None,
    trials: Trials = None,
    backend: Annotated[
        str,
        typer.Option(
            "--backend", help="cosine, centred_cosine, lda, plda or psda."
        ),
    ] = "cosine",
    n_components: Annotated[
        int | None,
        typer.Option("--n_components", help="Of LDA, alone or before PLDA."),
    ] = None,
    norm: Annotated[
        str, typer.Option("--norm", help="none, z, t, s or as.")
    ] = "none",
    top_n: Annotated[
        int, typer.Option("--top_n", help="Cohort scores that AS-norm keeps.")
    ] = 300,
    cohort: Annotated[
        str,
        typer.Option("--cohort", help="Of speakers' means, or utterances."),
    ] = "speakers",
    train_manifest: Annotated[
        str | None,
        typer.Option(
            "--train_manifest",
            help="What back-end and cohort learn from; default train.csv.",
        ),
    ] = None,
    quality: Annotated[
        bool,
        typer.Option(
            "--quality", help="Let durations and magnitudes shift the LLR."
        ),
    ] = False,
    p_target: Annotated[
        float, typer.Option("--p_target", help="Prior that decisions assume.")
    ] = 0.5,
    c_miss: CMiss = 1.0,
    c_fa: CFa = 1.0,
    device: Device = "cpu",
    n_workers: Workers = 0,
    trust: Trust = False,
    as_json: AsJson = False,
):
    """Fit back-end, score norm and calibration, and store them in the folder.

    Trials are development trials: by default dev.csv and trials_dev.txt of
    the data folder. Afterwards `denokd verify`, `denokd score` and
    SpeakerEmbedder answer with calibrated log-likelihood ratios.

    Example: denokd calibrate results/ecapa/samples/1/model --backend plda
    --norm as --top_n 20
    """
    from speechbrain_denokd.data.manifest import read_manifest
    from speechbrain_denokd.evaluation import extract_embeddings
    from speechbrain_denokd.metrics import OperatingPoint
    from speechbrain_denokd.model_folder import read_model_folder
    from speechbrain_denokd.publish.checksums import (
        is_published,
        write_checksums,
    )
    from speechbrain_denokd.score_report import calibration_rates
    from speechbrain_denokd.score_tables import calibration_table
    from speechbrain_denokd.scoring import fitting

    point = OperatingPoint("calibration", p_target, c_miss, c_fa)
    plan = fitting.Plan(
        backend=backend,
        n_components=n_components,
        norm=norm,
        top_n=top_n,
        cohort=cohort,
        quality=quality,
    )
    embed = partial(
        extract_embeddings,
        read_model_folder(model, device, trust).encoder,
        n_workers=n_workers,
        progress=not as_json,
    )
    dev = open_trial_set(data_root, manifest, trials, "dev")
    train = None
    if plan.learns:
        path = train_manifest or f"{data_root}/train.csv"
        rows = read_manifest(path, data_root)
        train = fitting.Embedded.of(embed(rows), rows, path)
    system, scores = fitting.fit_system(
        plan, train, dev, embed(dev.utterances), point
    )
    system.save(model)
    if is_published(model):
        write_checksums(model)
    rates = calibration_rates(scores, dev.trials, point)
    if as_json:
        print(json.dumps({"rates": rates, **system.describe()}))
        return
    print(calibration_table(rates))
    print(f"\nstored in {model}: scoring.json, scoring.safetensors")
