"""A corpus, an untrained model and a shell for the commands."""

import shutil
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from speechbrain_denokd.cli.app import app
from tests.tiny_setup import write_corpus, write_teacher


class Place(NamedTuple):
    """What a command is pointed at."""

    corpus: str
    model: str
    folder: object


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    write_corpus(folder / "corpus", n_utterances=4)
    write_teacher(folder / "model")
    return folder


@pytest.fixture
def place(made, tmp_path):
    """The corpus, and a copy of the model that a command may change."""
    model = shutil.copytree(made / "model", tmp_path / "model")
    return Place(str(made / "corpus"), str(model), tmp_path)


@pytest.fixture
def denokd():
    """Run a command; its result has exit_code, stdout and stderr."""

    def run(*words):
        return CliRunner().invoke(app, [str(word) for word in words])

    return run
