"""A published folder of a tiny model, and ways to tamper with it."""

import json
import os
import pickle
import shutil

import numpy as np
import pytest

from speechbrain_denokd.publish.card import Details
from speechbrain_denokd.publish.checksums import write_checksums
from speechbrain_denokd.publish.publish import publish
from speechbrain_denokd.scoring.backend import cosine_backend
from speechbrain_denokd.scoring.system import ScoringSystem
from tests.tiny_setup import write_teacher

DETAILS = Details("Tiny", "apache-2.0", "tones in noise", synthetic=True)


@pytest.fixture(scope="session")
def source(tmp_path_factory):
    """A model folder with a centred cosine."""
    folder = write_teacher(tmp_path_factory.mktemp("source") / "model")
    vectors = np.random.default_rng(0).normal(size=(20, 12))
    ScoringSystem(cosine_backend().fit(vectors)).save(folder)
    return folder


@pytest.fixture(scope="session")
def made(source, tmp_path_factory):
    return publish(source, tmp_path_factory.mktemp("made") / "tiny", DETAILS)


@pytest.fixture
def folder(made, tmp_path):
    """A copy that a test may damage."""
    return shutil.copytree(made, tmp_path / "copy" / "tiny")


@pytest.fixture
def reseal():
    """Bring the list of hashes up to date, as an attacker would."""
    return write_checksums


@pytest.fixture
def edit_json(reseal):
    """Change a JSON file, and its hash."""

    def edit(folder, name, change):
        path = folder / name
        values = json.loads(path.read_text(encoding="utf-8"))
        changed = change(values)
        values = values if changed is None else changed
        path.write_text(json.dumps(values), encoding="utf-8")
        reseal(folder)

    return edit


class _Payload:
    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (self.folder,)


@pytest.fixture
def payload(tmp_path):
    """A pickle that makes a folder, the folder, and proof that it works."""
    ran = tmp_path / "ran"
    content = pickle.dumps(_Payload(str(ran)))
    pickle.loads(content)
    assert ran.is_dir()
    ran.rmdir()
    return content, ran
