"""The page's parts; those that need gradio are skipped without it."""

import socket
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from speechbrain_denokd.demo.app import build_app, prior_choices, serve
from speechbrain_denokd.metrics import OperatingPoint
from tests.demo.test_compare import Oracle


def model(p_target, llr=None):
    found = Oracle(llr=llr)
    point = None if p_target is None else OperatingPoint("own", p_target)
    found.scoring = SimpleNamespace(point=point)
    return found


def test_fact_the_models_own_prior_is_among_the_choices():
    common = [("1 in 10", 0.1), ("1 in 100", 0.01), ("1 in 1000", 0.001)]
    choices, own = prior_choices(model(0.5))
    assert own == 0.5
    assert choices == [("1 in 2 (the model’s own)", 0.5), *common]
    choices, own = prior_choices(model(0.05))
    assert own == 0.05
    assert choices[2] == ("1 in 20 (the model’s own)", 0.05)
    choices, _ = prior_choices(model(0.7))
    assert choices[0] == ("70 % (the model’s own)", 0.7)
    assert prior_choices(model(None)) == ([("1 in 2", 0.5), *common], None)


def built(found):
    """The app, and its components by what they are labelled."""
    pytest.importorskip("gradio")
    app = build_app(found, "a/model", "A note.")
    parts = [part["props"] for part in app.config["components"]]
    return app, {part["label"]: part for part in parts if part.get("label")}


def test_facts_of_the_page():
    app, parts = built(model(0.1, llr=1.0))
    for number in (1, 2):
        recording = parts[f"Recording {number}"]
        assert recording["sources"] == ["upload", "microphone"]
        assert recording["buttons"] == []  # nothing is published
    [prior] = [part for name, part in parts.items() if "Prior" in name]
    assert prior["value"] == 0.1 and prior["visible"]
    texts = [part["props"].get("value") for part in app.config["components"]]
    assert any("`a/model`. A note." in str(text) for text in texts)
    assert not app.analytics_enabled
    assert app.delete_cache[1] <= 3600


def test_fact_without_calibration_there_is_no_prior_to_choose():
    _, parts = built(model(None))
    [prior] = [part for name, part in parts.items() if "Prior" in name]
    assert not prior["visible"]


def test_fact_the_button_compares_and_other_recordings_clear(tmp_path):
    app, _ = built(model(0.5, llr=3.0))
    wav = np.random.default_rng(0).normal(size=16_000)
    path = str(tmp_path / "a.wav")
    soundfile.write(path, 0.1 * wav, 16_000)
    compare, clear = (event.fn for event in app.fns.values())
    assert "<h2>Same speaker</h2>" in compare(path, path, 0.5)
    assert "<h2>Different speakers</h2>" in compare(path, path, 0.001)
    assert "<h2>No answer yet</h2>" in compare(path, None, 0.5)
    assert "<h2>" not in clear()


def test_fact_a_port_that_is_taken_is_named():
    app, _ = built(model(0.5))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"127.0.0.1:{port}.*--port"):
            serve(app, "127.0.0.1", port)
