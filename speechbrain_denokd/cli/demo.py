"""``denokd demo``: a page to try a model on."""

import importlib.util
from pathlib import Path
from typing import Annotated

import typer

from speechbrain_denokd.cli.options import Device, Trust
from speechbrain_denokd.cli_errors import exit_on_user_error

_SAMPLE = "pretrained/sample_teacher"
_SAMPLE_NOTE = (
    "It is bundled for trials and knows synthetic voices only: for real ones, "
    "start this page with `--model` and a model that was trained on them."
)


@exit_on_user_error
def demo(
    model: Annotated[
        str, typer.Option("--model", help="Model folder, or user/name.")
    ] = _SAMPLE,
    host: Annotated[
        str,
        typer.Option(
            "--host",
            help="Address to listen at. 127.0.0.1 is this computer alone; "
            "others also need https for their microphone.",
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=1, max=65535, help="Port of the page.")
    ] = 7860,
    device: Device = "cpu",
    trust: Trust = False,
):
    """Compare recordings in the browser: score, decision, spectrograms.

    Record or upload two; nothing leaves the computer that runs this. Ctrl-C
    ends it. Needs gradio: pip install "speechbrain-denokd[demo]".

    Example: denokd demo --model pretrained/sample_teacher --port 7860
    """
    if importlib.util.find_spec("gradio") is None:
        raise ValueError(
            "the demo needs gradio, which is not installed; run `pip install "
            '"speechbrain-denokd[demo]"`'
        )
    from speechbrain_denokd.demo.app import build_app, serve
    from speechbrain_denokd.inference import SpeakerEmbedder

    embedder = SpeakerEmbedder.from_hparams(
        model, trust=trust, run_opts={"device": device}
    )
    note = _SAMPLE_NOTE if Path(model) == Path(_SAMPLE) else ""
    serve(build_app(embedder, model, note), host, port)
