"""``denokd demo``: what it starts, and what it says without gradio."""

import importlib.util

import pytest
import typer
from typer.testing import CliRunner

from speechbrain_denokd.cli.demo import demo
from speechbrain_denokd.demo import app


@pytest.fixture
def run():
    """The command on its own."""
    shell = typer.Typer()
    shell.command()(demo)
    return lambda *words: CliRunner().invoke(shell, [str(w) for w in words])


@pytest.fixture
def gradio(monkeypatch):
    """Have gradio, or not; whether it is installed does not matter."""
    find = importlib.util.find_spec

    def have(found):
        monkeypatch.setattr(
            importlib.util,
            "find_spec",
            lambda name: found if name == "gradio" else find(name),
        )

    return have


@pytest.fixture
def served(monkeypatch, gradio):
    """What the page would be built and served with."""
    calls = {}
    gradio(True)
    monkeypatch.setattr(
        app, "build_app", lambda *given: calls.update(built=given) or "page"
    )
    monkeypatch.setattr(app, "serve", lambda *given: calls.update(served=given))
    return calls


def test_fact_without_gradio_the_extra_is_named(run, gradio):
    gradio(None)
    result = run()
    assert result.exit_code == 2
    assert result.stderr == (
        "error: the demo needs gradio, which is not installed; run `pip "
        'install "speechbrain-denokd[demo]"`\n'
    )


def test_fact_only_this_computer_is_let_in_unless_asked(run, served, place):
    assert run("--model", place.model).exit_code == 0
    assert served["served"] == ("page", "127.0.0.1", 7860)
    run("--model", place.model, "--host", "0.0.0.0", "--port", 7999)
    assert served["served"] == ("page", "0.0.0.0", 7999)


def test_fact_the_bundled_model_comes_with_a_warning(run, served, place):
    assert run().exit_code == 0
    _, name, note = served["built"]
    assert name == "pretrained/sample_teacher" and "synthetic" in note
    run("--model", place.model)
    _, name, note = served["built"]
    assert name == place.model and note == ""


def test_fact_a_pages_code_is_run_only_when_trusted(run, served, place):
    page = place.folder / "model" / "hyperparams.yaml"
    trap = f"x: !apply:os.mkdir ['{place.folder / 'ran'}']\n"
    page.write_text(trap + page.read_text(encoding="utf-8"), encoding="utf-8")
    result = run("--model", place.model)
    assert result.exit_code == 2 and "--trust" in result.stderr
    assert not (place.folder / "ran").exists() and not served
    assert run("--model", place.model, "--trust").exit_code == 0
    assert (place.folder / "ran").is_dir()


def test_fact_no_model_ends_with_2(run, served):
    result = run("--model", "results/none/model")
    assert result.exit_code == 2
    assert "no model folder at results/none/model" in result.stderr
    assert not served
