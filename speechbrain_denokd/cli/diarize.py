"""``denokd diarize``: who spoke when?"""

import json
from pathlib import Path
from typing import Annotated

import typer

from speechbrain_denokd.cli.options import AsJson, Device, Trust
from speechbrain_denokd.cli_errors import exit_on_user_error

_SAMPLE = "pretrained/sample_teacher"


@exit_on_user_error
def diarize(
    file: Annotated[str, typer.Argument(help="Audio file.")],
    output: Annotated[
        str | None,
        typer.Option(
            "--output", help="RTTM file; default: FILE's name with .rttm, here."
        ),
    ] = None,
    model: Annotated[
        str, typer.Option("--model", help="Model folder, or user/name.")
    ] = _SAMPLE,
    n_speakers: Annotated[
        int | None,
        typer.Option("--n_speakers", help="If known; it helps much."),
    ] = None,
    threshold: Annotated[
        float,
        typer.Option(
            "--threshold",
            help="Log-likelihood ratio; lower finds fewer speakers.",
        ),
    ] = 0.0,
    method: Annotated[
        str, typer.Option("--method", help="agglomerative or spectral.")
    ] = "agglomerative",
    window_s: Annotated[
        float, typer.Option("--window_s", help="Stretch that is embedded.")
    ] = 1.5,
    hop_s: Annotated[
        float, typer.Option("--hop_s", help="From one stretch to the next.")
    ] = 0.75,
    device: Device = "cpu",
    trust: Trust = False,
    as_json: AsJson = False,
):
    """Say who spoke when, and write it as RTTM.

    What is loud counts as speech, and where two speak at once, one of them is
    named. The bundled model knows synthetic voices only.

    Example: denokd diarize tests/samples/audio/test0000/s0_0.opus --output
    call.rttm
    """
    from speechbrain_denokd import diarization
    from speechbrain_denokd.inference import SpeakerEmbedder

    plan = diarization.Plan(
        window_s=window_s,
        hop_s=hop_s,
        n_speakers=n_speakers,
        threshold=threshold,
        method=method,
    )
    embedder = SpeakerEmbedder.from_hparams(
        model, trust=trust, run_opts={"device": device}
    )
    segments = diarization.diarize(embedder, file, plan)
    # White space ends a field of RTTM.
    file_id = "_".join(Path(file).stem.split())
    output = output or f"{file_id}.rttm"
    diarization.write_rttm(output, file_id, segments)
    if as_json:
        turns = [segment._asdict() for segment in segments]
        print(json.dumps({"output": output, "segments": turns}))
        return
    print(_summary(segments))
    print(f"\n{len(segments)} segment(s): {output}")


def _summary(segments) -> str:
    from speechbrain_denokd.tables import markdown_table

    if not segments:
        return "nobody speaks: nothing stands out from the silence"
    seconds: dict[str, float] = {}
    for start_s, stop_s, speaker in segments:
        seconds[speaker] = seconds.get(speaker, 0.0) + stop_s - start_s
    rows = [[name, f"{spoken:.1f}"] for name, spoken in seconds.items()]
    return markdown_table(["speaker", "speech (s)"], rows)
