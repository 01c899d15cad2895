"""``denokd identify``: who of a gallery is speaking?"""

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
def identify(
    file: Annotated[str, typer.Argument(help="Audio file.")],
    gallery: Annotated[
        str, typer.Option("--gallery", help="Written by `denokd enroll`.")
    ] = "gallery.safetensors",
    model: Annotated[
        str, typer.Option("--model", help="Model folder, or user/name.")
    ] = _SAMPLE,
    n: Annotated[int, typer.Option("--n", help="Speakers to list.")] = 5,
    p_target: PTarget = None,
    c_miss: CMiss = 1.0,
    c_fa: CFa = 1.0,
    device: Device = "cpu",
    trust: Trust = False,
    as_json: AsJson = False,
):
    """List the nearest speakers of a gallery, and say who it is, or nobody.

    Prior and costs are those the model was calibrated for, unless --p_target
    says otherwise: how likely any one name is, so the chance that the speaker
    is enrolled at all, divided by the number of names.

    Example: denokd identify tests/samples/audio/test0000/s2_0.opus
    --gallery people.safetensors
    """
    from speechbrain_denokd.inference.embedder import (
        SpeakerEmbedder,
        local_folder,
    )
    from speechbrain_denokd.inference.gallery import Gallery
    from speechbrain_denokd.metrics import OperatingPoint

    folder = local_folder(model)
    people = Gallery.load(gallery, folder)
    embedder = SpeakerEmbedder.from_hparams(
        folder, trust=trust, run_opts={"device": device}
    )
    point = None
    if p_target is not None:
        point = OperatingPoint("given", p_target, c_miss, c_fa)
    matches = people.search(embedder.encode_file(file), n, point)
    threshold = people.threshold(point)
    if as_json:
        record = {
            "name": matches[0].name if matches[0].same_speaker else None,
            "threshold": threshold,
            "matches": [match._asdict() for match in matches],
        }
        print(json.dumps(record))
        return
    print(_table(matches))
    print(_verdict(matches[0], threshold))


def _table(matches) -> str:
    from speechbrain_denokd.tables import markdown_table

    rows = [
        [
            match.name,
            f"{match.score:.4f}",
            "–" if match.llr is None else f"{match.llr:+.2f}",
        ]
        for match in matches
    ]
    return markdown_table(["speaker", "score", "log-likelihood ratio"], rows)


def _verdict(best, threshold: float | None) -> str:
    if threshold is None:
        return (
            "no decision: this model is not calibrated; run "
            "`denokd calibrate MODEL` on development trials first"
        )
    if best.same_speaker:
        return f"it is {best.name}"
    return f"nobody of the gallery: none reaches {threshold:+.2f}"
