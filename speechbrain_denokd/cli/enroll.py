"""``denokd enroll``: a speaker's recordings into a gallery."""

import json
from pathlib import Path
from typing import Annotated

import typer

from speechbrain_denokd.cli.options import AsJson, Device, Trust
from speechbrain_denokd.cli_errors import exit_on_user_error

_SAMPLE = "pretrained/sample_teacher"


@exit_on_user_error
def enroll(
    name: Annotated[str, typer.Argument(help="Speaker.")],
    files: Annotated[list[str], typer.Argument(help="Audio files.")],
    gallery: Annotated[
        str, typer.Option("--gallery", help="File; made when missing.")
    ] = "gallery.safetensors",
    model: Annotated[
        str, typer.Option("--model", help="Model folder, or user/name.")
    ] = _SAMPLE,
    device: Device = "cpu",
    trust: Trust = False,
    as_json: AsJson = False,
):
    """Add recordings of a speaker to a gallery, all of them or none.

    Several recordings, now or later, make the speaker easier to recognise.
    The bundled model knows synthetic voices only.

    Example: denokd enroll ann tests/samples/audio/test0000/s0_0.opus
    tests/samples/audio/test0000/s1_0.opus --gallery people.safetensors
    """
    import numpy as np

    from speechbrain_denokd.inference.embedder import (
        SpeakerEmbedder,
        local_folder,
    )
    from speechbrain_denokd.inference.gallery import Gallery

    folder = local_folder(model)
    people = Gallery.of_model(folder)
    if Path(gallery).exists():
        people = Gallery.load(gallery, folder)
    embedder = SpeakerEmbedder.from_hparams(
        folder, trust=trust, run_opts={"device": device}
    )
    # One at a time: the longest recording bounds the memory.
    people.add(name, np.stack([embedder.encode_file(path) for path in files]))
    people.save(gallery)
    n_recordings = people.n_recordings(name)
    if as_json:
        record = {
            "gallery": gallery,
            "name": name,
            "n_recordings": n_recordings,
            "n_names": len(people),
        }
        print(json.dumps(record))
        return
    print(
        f"{name}: {n_recordings} recording(s) in {gallery}, which has "
        f"{len(people)} speaker(s)\n"
        f"who is it: denokd identify FILE --gallery {gallery}"
    )
