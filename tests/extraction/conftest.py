"""One tiny model and its ``.onnx`` file, exported once."""

from typing import NamedTuple

import pytest

from tests.extraction.exported import write_graph
from tests.tiny_setup import write_teacher


class Made(NamedTuple):
    """A model folder and the file made of it."""

    folder: str
    graph: str


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    model = write_teacher(folder / "model")
    return Made(str(model), str(write_graph(model, folder)))
