"""``denokd score``: a model and a trial list in, a score file out."""

import json
from typing import Annotated

import typer

from speechbrain_denokd.cli.inputs import open_enrolled_set, open_trial_set
from speechbrain_denokd.cli.options import (
    AsJson,
    Crop,
    DataRoot,
    Device,
    Manifest,
    Model,
    ScoreMode,
    Trials,
    Trust,
    Workers,
)
from speechbrain_denokd.cli_errors import exit_on_user_error


@exit_on_user_error
def score(
    model: Model,
    data_root: DataRoot = "tests/samples",
    manifest: Manifest = None,
    trials: Trials = None,
    output: Annotated[
        str, typer.Option("--output", help="Score file to write.")
    ] = "results/scores.txt",
    enrollment: Annotated[
        str | None,
        typer.Option(
            "--enrollment",
            help="Lines `model recording [recording ...]`; trials then have "
            "models on their enrolment side.",
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind",
            help="llr, normalised or raw; default: the last the model has.",
        ),
    ] = None,
    crop_s: Crop = None,
    score_mode: ScoreMode = "single",
    device: Device = "cpu",
    n_workers: Workers = 0,
    trust: Trust = False,
    as_json: AsJson = False,
):
    """Score a trial list with a model folder, by its own back-end.

    The score file says which model, trials, back-end, normalisation and
    cohort it comes from.

    Example: denokd score pretrained/sample_teacher --output scores.txt
    """
    from speechbrain_denokd.evaluation import extract_embeddings
    from speechbrain_denokd.model_folder import read_model_folder
    from speechbrain_denokd.score_mode import (
        CropAverager,
        crops_averaged_system,
        describe_score_mode,
        parse_score_mode,
    )
    from speechbrain_denokd.scoring import run
    from speechbrain_denokd.scoring.enrolled import score_enrolled
    from speechbrain_denokd.scoring.score_file import write_scores

    mode = parse_score_mode(score_mode)
    manifest = manifest or f"{data_root}/test.csv"
    if enrollment is None:
        trial_set, models = open_trial_set(data_root, manifest, trials), None
    else:
        trial_set, models = open_enrolled_set(
            data_root, manifest, trials, enrollment
        )
    encoder = read_model_folder(model, device, trust).encoder
    if mode is None:
        system = run.scoring_of(model)
    else:
        encoder, system = CropAverager(encoder, mode), crops_averaged_system()
    embeddings = extract_embeddings(
        encoder,
        trial_set.utterances,
        crop_s,
        n_workers=n_workers,
        progress=not as_json,
    )
    if models is None:
        durations_s = run.durations_of(trial_set.utterances, crop_s)
        scored = system.score_trials(embeddings, trial_set.trials, durations_s)
    else:
        scored = score_enrolled(system, embeddings, models, trial_set.trials)
    chosen = run.choose(scored, kind)
    origin = run.provenance(model, trial_set, system, chosen.kind)
    origin |= {
        "crop_s": crop_s,
        "score_mode": describe_score_mode(mode),
        "manifest": manifest,
        "data_root": data_root,
        "enrollment": enrollment,
    }
    write_scores(output, trial_set.trials, chosen.scores, origin)
    if as_json:
        print(json.dumps({"output": output, **origin}))
        return
    print(
        f"{len(chosen.scores)} trials scored ({chosen.kind}): {output}\n"
        f"error rates: denokd evaluate {output}"
    )
