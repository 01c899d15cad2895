"""``denokd verify``: is it the same speaker?"""

import json
from typing import Annotated

import typer

from speechbrain_denokd.cli.options import (
    AsJson,
    CFa,
    CMiss,
    Device,
    PTarget,
    Trust,
)
from speechbrain_denokd.cli_errors import exit_on_user_error

_SAMPLE = "pretrained/sample_teacher"


@exit_on_user_error
def verify(
    enroll: Annotated[str, typer.Argument(help="Audio file.")],
    test: Annotated[str, typer.Argument(help="Audio file.")],
    model: Annotated[
        str, typer.Option("--model", help="Model folder, or user/name.")
    ] = _SAMPLE,
    p_target: PTarget = None,
    c_miss: CMiss = 1.0,
    c_fa: CFa = 1.0,
    device: Device = "cpu",
    trust: Trust = False,
    as_json: AsJson = False,
):
    """Compare two recordings: score, log-likelihood ratio, decision.

    Prior and costs are those the model was calibrated for, unless --p_target
    says otherwise. The bundled model knows synthetic voices only.

    Example: denokd verify tests/samples/audio/a.opus
    tests/samples/audio/b.opus
    """
    from speechbrain_denokd.inference import SpeakerEmbedder
    from speechbrain_denokd.metrics import OperatingPoint

    embedder = SpeakerEmbedder.from_hparams(
        model, trust=trust, run_opts={"device": device}
    )
    point = None
    if p_target is not None:
        point = OperatingPoint("given", p_target, c_miss, c_fa)
    answer = embedder.verify_files(enroll, test, point)
    if as_json:
        print(json.dumps(answer._asdict()))
        return
    print(f"score {answer.score:.4f}")
    if answer.llr is None:
        print(
            "no decision: this model is not calibrated; run "
            "`denokd calibrate MODEL` on development trials first"
        )
        return
    verdict = "same speaker" if answer.same_speaker else "different speakers"
    print(
        f"log-likelihood ratio {answer.llr:+.2f}, threshold "
        f"{answer.threshold:+.2f}: {verdict}"
    )
