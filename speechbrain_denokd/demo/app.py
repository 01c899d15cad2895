"""The page itself (the arrow ``model -> page in a browser``).

Gradio is an extra, so it is imported where it is used. The page loads nothing
from other computers and reports to none.
"""

from speechbrain_denokd.demo.compare import compare
from speechbrain_denokd.demo.page import CSS, answer_html
from speechbrain_denokd.inference import SpeakerEmbedder

_PRIORS = (0.5, 0.1, 0.01, 0.001)
_EMPTY = (
    "<p>Upload two recordings, or record them (microphone below each), then "
    "press Compare.</p>"
)
_KEPT_S = 3600  # recordings of voices are personal: none stays for long
_LARGEST_FILE = "100mb"


def build_app(model: SpeakerEmbedder, name: str, note: str = ""):
    """A page that compares two recordings with a model.

    Arguments
    ---------
    model : SpeakerEmbedder
    name : str
        Of the model, for the page.
    note : str
        What visitors should know of the model.

    Returns
    -------
    gradio.Blocks

    Raises
    ------
    ImportError
        If gradio is not installed.

    Example
    -------
    >>> model = SpeakerEmbedder.from_hparams("pretrained/sample_teacher")
    >>> build_app(model, "sample").title  # doctest: +SKIP
    'denokd: same speaker?'
    """
    import gradio

    def answer(enroll, test, p_target):
        return answer_html(compare(model, enroll, test, p_target))

    choices, own = prior_choices(model)
    with gradio.Blocks(
        title="denokd: same speaker?",
        analytics_enabled=False,
        delete_cache=(_KEPT_S, _KEPT_S),
    ) as app:
        gradio.Markdown(f"# Same speaker?\nModel: `{name}`. {note}")
        with gradio.Row():
            recordings = [
                gradio.Audio(
                    label=f"Recording {number}",
                    sources=["upload", "microphone"],
                    type="filepath",
                    editable=False,
                    buttons=[],  # one of Gradio's publishes the recording
                )
                for number in (1, 2)
            ]
        prior = gradio.Radio(
            choices,
            value=own,
            label="Prior: how many such pairs are of one speaker?",
            info="The rarer they are, the more evidence a match takes.",
            visible=own is not None,
        )
        button = gradio.Button("Compare", variant="primary")
        shown = gradio.HTML(_EMPTY, padding=False)
        gradio.on(
            [button.click, prior.input],
            answer,
            [*recordings, prior],
            shown,
            api_visibility="private",
        )
        # An answer to other recordings than those above it would mislead.
        gradio.on(
            [recording.change for recording in recordings],
            lambda: _EMPTY,
            None,
            shown,
            api_visibility="private",
        )
    return app


def prior_choices(model: SpeakerEmbedder):
    """Priors to choose from, among them the model's own.

    Arguments
    ---------
    model : SpeakerEmbedder

    Returns
    -------
    choices : list of (str, float)
        Label and prior, the most frequent first.
    own : float, optional
        What the model was calibrated for; None if it is not calibrated.

    Example
    -------
    >>> model = SpeakerEmbedder.from_hparams("pretrained/sample_teacher")
    >>> choices, own = prior_choices(model)
    >>> own, choices[0], choices[2]
    (0.5, ('1 in 2 (the model’s own)', 0.5), ('1 in 100', 0.01))
    """
    point = model.scoring.point
    own = None if point is None else point.p_target
    priors = sorted({*_PRIORS, *([] if own is None else [own])}, reverse=True)
    return [(_label(p, p == own), p) for p in priors], own


def _label(p_target: float, is_own: bool) -> str:
    one_in = 1 / p_target
    whole = abs(one_in - round(one_in)) < 1e-6
    text = f"1 in {round(one_in)}" if whole else f"{100 * p_target:g} %"
    return f"{text} (the model’s own)" if is_own else text


def serve(app, host: str, port: int) -> None:
    """Serve the page until Ctrl-C.

    Arguments
    ---------
    app : gradio.Blocks
        As `build_app` returns it.
    host : str
        Address to listen at; 127.0.0.1 lets nobody else in.
    port : int

    Raises
    ------
    OSError
        If the port is taken or the address not of this computer.
    """
    import gradio

    try:
        app.launch(
            server_name=host,
            server_port=port,
            share=False,
            quiet=True,  # it would advertise share=True
            prevent_thread_lock=True,
            max_file_size=_LARGEST_FILE,
            css=CSS,
            # Gradio 6.31's own semi-bold font lacks most letters, and its grey
            # hints are too pale to read.
            theme=gradio.themes.Default(font=["system-ui", "sans-serif"]).set(
                block_info_text_color="*neutral_500"
            ),
            # No traces in the browser, and none of Gradio's own pages.
            run_history=False,
            enable_monitoring=False,
            footer_links=[],
        )
    except OSError as error:
        raise OSError(
            f"cannot listen at {host}:{port}: the port is taken, or the "
            "address is not of this computer; choose others with --port and "
            "--host"
        ) from error
    print(f"open {app.local_url} in a browser; Ctrl-C ends it", flush=True)
    app.block_thread()
