"""``denokd separate``: who says what, where several speak at once?"""

import json
from typing import Annotated

import typer

from speechbrain_denokd.cli.options import AsJson, Device
from speechbrain_denokd.cli_errors import exit_on_user_error


@exit_on_user_error
def separate(
    mixture: Annotated[
        str, typer.Argument(help="Audio file in which several people speak.")
    ],
    model: Annotated[
        str,
        typer.Option(
            "--model",
            help="Model folder of a page voicefilter_* or upit.",
        ),
    ],
    output: Annotated[
        str, typer.Option("--output", help="Folder for the wav files.")
    ],
    enroll: Annotated[
        str | None,
        typer.Option(
            "--enroll",
            help="Another recording of the speaker wanted (its first minute); "
            "for models of voicefilter_enrolled.",
        ),
    ] = None,
    window_s: Annotated[
        float,
        typer.Option(
            "--window_s", help="Longer recordings are separated in windows."
        ),
    ] = 30.0,
    overlap_s: Annotated[
        float,
        typer.Option("--overlap_s", help="What neighbouring windows share."),
    ] = 3.0,
    device: Device = "cpu",
    as_json: AsJson = False,
):
    """Separate overlapped speech into one wav file for each speaker.

    With an enrolled speaker, that one alone. The files are mono at 16 kHz,
    whatever the mixture is. The model says how many speakers there are.

    Example: denokd separate call.wav --model results/upit/samples/1/model
    --output results/separated
    """
    from speechbrain_denokd.separation.model_folder import (
        read_separator_folder,
    )
    from speechbrain_denokd.separation.recording import separate_file

    loaded = read_separator_folder(model, device)
    files = separate_file(loaded, mixture, output, enroll, window_s, overlap_s)
    names = [str(file) for file in files]
    if as_json:
        print(json.dumps({"mixture": mixture, "files": names}))
        return
    print("\n".join(names))
