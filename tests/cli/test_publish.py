"""``denokd publish``: a folder for others; nothing is sent unasked."""

import json
import shutil
from pathlib import Path

import pytest

from speechbrain_denokd.publish import hub
from speechbrain_denokd.publish.checksums import check_files
from tests.publish.test_hub import Api
from tests.publish.test_record import RATES

SAID = ("--licence", "mit", "--title", "Tiny")
DATA = ("--data", "tones in noise")


@pytest.fixture(autouse=True)
def api(monkeypatch):
    """A hub that takes everything, in place of the real one."""
    api = Api(existing=["ann/old"])
    monkeypatch.setattr(hub, "HfApi", lambda: api)
    return api


@pytest.fixture
def experiment(place):
    """An experiment folder of the bundled corpus."""
    folder = place.folder / "run"
    shutil.copytree(place.model, folder / "model")
    record = {
        "setup": "samples",
        "description": "synthetic voices of the corpus",
        "tests": {"test": {"full": RATES}},
    }
    (folder / "metrics.json").write_text(json.dumps(record))
    return folder


def test_fact_files_and_json(denokd, place, api):
    output = place.folder / "out"
    result = denokd(
        "publish", place.model, *SAID, *DATA, "--output", output, "--json"
    )
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["folder"] == str(output)
    assert found["address"] is None
    assert found["files"]["config.json"] == (
        (output / "config.json").stat().st_size
    )
    assert set(check_files(output)) | {"sha256.txt"} == set(found["files"])
    assert api.calls == []
    card = (output / "README.md").read_text("utf-8")
    assert "# Tiny" in card and "tones in noise" in card
    assert "Synthetic" not in card


def test_the_bundled_corpus_is_called_synthetic(denokd, place, experiment):
    output = place.folder / "out"
    result = denokd("publish", experiment, *SAID, "--output", output)
    assert result.exit_code == 0, result.stderr
    assert "not uploaded" in result.stdout
    card = (output / "README.md").read_text("utf-8")
    assert "**Synthetic voices only.**" in card
    assert "synthetic voices of the corpus" in card
    assert "5.84 [2.91 – 9.37]" in card


def test_other_data_can_be_called_synthetic(denokd, place):
    output = place.folder / "out"
    words = (*SAID, *DATA, "--synthetic", "--notes", "Once only.")
    result = denokd("publish", place.model, *words, "--output", output)
    assert result.exit_code == 0, result.stderr
    card = (output / "README.md").read_text("utf-8")
    assert "**Synthetic voices only.**" in card and "Once only." in card


def test_push_to_uploads_what_was_written(denokd, place, api):
    output = place.folder / "out"
    words = (*SAID, *DATA, "--output", output, "--push_to", "ann/tiny")
    result = denokd("publish", place.model, *words, "--private")
    assert result.exit_code == 0, result.stderr
    assert "uploaded: https://huggingface.co/ann/tiny" in result.stdout
    (_, created, private), (_, sent) = api.calls
    assert (created, private) == ("ann/tiny", True)
    assert Path(sent["folder_path"]) == output
    assert 'from_hparams("ann/tiny")' in (output / "README.md").read_text()


def test_a_refused_upload_leaves_the_folder(denokd, place):
    output = place.folder / "out"
    words = (*SAID, *DATA, "--output", output, "--push_to", "ann/old")
    result = denokd("publish", place.model, *words)
    assert result.exit_code == 2
    assert "ann/old was not uploaded" in result.stderr
    assert check_files(output)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((*SAID,), "error: the model card needs the data: --data TEXT"),
        (("--licence", "MIT", "--title", "a", *DATA), "'MIT' is no licence"),
        ((*SAID, *DATA, "--push_to", "tiny"), "'tiny' is no name on the hub"),
        ((*SAID, *DATA, "--metrics", "no.json"), "there is no no.json"),
    ],
)
def test_errors_are_one_sentence_and_nothing_is_written(
    denokd, place, words, message
):
    output = place.folder / "out"
    result = denokd("publish", place.model, "--output", output, *words)
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not output.exists()


def test_force_is_needed_to_replace(denokd, place):
    words = (*SAID, *DATA, "--output", place.folder / "out")
    assert denokd("publish", place.model, *words).exit_code == 0
    result = denokd("publish", place.model, *words)
    assert result.exit_code == 2
    assert "exists already" in result.stderr
    assert denokd("publish", place.model, *words, "--force").exit_code == 0
