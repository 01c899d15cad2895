"""From an experiment to a folder for others."""

import json
import shutil

import pytest
import torch
from hyperpyyaml import load_hyperpyyaml
from speechbrain.inference.classifiers import EncoderClassifier
from speechbrain.lobes.models.ECAPA_TDNN import Classifier

from speechbrain_denokd.model_folder import write_model_folder
from speechbrain_denokd.publish import publish as module
from speechbrain_denokd.publish.checksums import check_files
from speechbrain_denokd.publish.publish import publish
from speechbrain_denokd.publish.safe_folder import read_published
from speechbrain_denokd.scoring.system import ScoringSystem
from tests.publish.conftest import DETAILS
from tests.publish.test_config import PAGES
from tests.publish.test_record import RATES

RECORD = {
    "setup": "samples",
    "description": "tones",
    "command": "/home/ann/train.py",
    "tests": {"test": {"full": RATES}},
}


@pytest.fixture
def experiment(source, tmp_path):
    """What training leaves."""
    folder = tmp_path / "run"
    shutil.copytree(source, folder / "model")
    (folder / "hyperparams.yaml").write_text("x: !apply:os.system [ls]")
    (folder / "metrics.json").write_text(json.dumps(RECORD))
    return folder


def test_fact_an_experiment_is_its_model_and_its_metrics(experiment, tmp_path):
    folder = publish(experiment, tmp_path / "out" / "tiny", DETAILS)
    assert "metrics.json" in check_files(folder)
    assert "5.84 [2.91 – 9.37]" in (folder / "README.md").read_text("utf-8")
    for path in folder.iterdir():
        content = path.read_bytes()
        assert b"/home/ann" not in content, path
        assert str(tmp_path).encode() not in content, path
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["tiny"]


def test_law_publishing_again_changes_nothing(made, tmp_path):
    again = publish(made, tmp_path / "again", DETAILS)
    for path in made.iterdir():
        assert (again / path.name).read_bytes() == path.read_bytes(), path


def test_fact_the_files_that_speechbrain_reads_are_the_source_s(made, source):
    for name in (
        "embedding_model.ckpt",
        "classifier.ckpt",
        "label_encoder.ckpt",
        "scoring.safetensors",
    ):
        assert (made / name).read_bytes() == (source / name).read_bytes()
    pages = [
        (folder / "hyperparams.yaml").read_text("utf-8").split()
        for folder in (made, source)
    ]
    assert pages[0] == pages[1]  # but for indents
    found = ScoringSystem.load(made).describe()
    assert found == ScoringSystem.load(source).describe()


@pytest.mark.parametrize("name", ["wavlm", "ssrfnet", "redimnet B0"])
def test_reference_other_encoders_go_the_same_way(tmp_path, name):
    torch.manual_seed(0)
    encoder = load_hyperpyyaml(PAGES[name])["encoder"].eval()
    dim = encoder.embedding_dim
    head = Classifier(dim, lin_neurons=dim, out_neurons=2)
    names = ["ann", "王"]
    write_model_folder(
        tmp_path / "model", PAGES[name], encoder, head, names, 30, 0.2
    )
    folder = publish(tmp_path / "model", tmp_path / "out", DETAILS)
    found = read_published(folder).model
    assert found.speakers == names
    wavs = 0.1 * torch.randn(2, 12000)
    lens = torch.tensor([1.0, 0.6])
    stock = EncoderClassifier.from_hparams(source=str(folder))
    expected = stock.encode_batch(wavs, lens)[:, 0]
    assert torch.equal(found.encoder(wavs, lens).embedding, expected)
    with torch.no_grad():
        trained = encoder(wavs, lens).embedding
    torch.testing.assert_close(trained, expected, rtol=0, atol=1e-6)


def test_a_model_without_scoring_gets_plain_cosine(source, tmp_path):
    bare = shutil.copytree(source, tmp_path / "bare")
    for name in ("scoring.json", "scoring.safetensors"):
        (bare / name).unlink()
    folder = publish(bare, tmp_path / "out", DETAILS)
    settings = read_published(folder).scoring.describe()
    assert settings["backend"]["scorer"] == {"kind": "Cosine"}
    assert settings["calibration"] is None


def test_metrics_may_come_from_elsewhere(source, experiment, tmp_path):
    path = experiment / "metrics.json"
    folder = publish(source, tmp_path / "out", DETAILS, metrics=path)
    assert json.loads((folder / "metrics.json").read_text())["tests"] == {
        "test": {"full": RATES}
    }


# -- refusals --------------------------------------------------------------


def test_nothing_is_overwritten_unasked(source, made, tmp_path):
    folder = shutil.copytree(made, tmp_path / "out")
    (folder / "README.md").write_text("mine")
    with pytest.raises(ValueError, match="out exists already; give another"):
        publish(source, folder, DETAILS)
    assert (folder / "README.md").read_text() == "mine"
    publish(source, folder, DETAILS, force=True)
    assert check_files(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_force_replaces_published_folders_only(source, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").touch()
    with pytest.raises(ValueError, match="home is no published folder, so"):
        publish(source, tmp_path / "home", DETAILS, force=True)
    assert (tmp_path / "home" / "thesis.tex").exists()


def test_a_failure_leaves_nothing(source, made, tmp_path, monkeypatch):
    folder = shutil.copytree(made, tmp_path / "out")
    before = {p.name: p.read_bytes() for p in folder.iterdir()}

    def fail(*args):
        raise OSError("disk full")

    monkeypatch.setattr(module, "write_checksums", fail)
    with pytest.raises(OSError, match="disk full"):
        publish(source, folder, DETAILS, force=True)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_model_that_loads_as_another_is_not_published(
    source, tmp_path, monkeypatch
):
    config = module.describe_page(source)
    config["encoder"]["arguments"]["front_end"]["arguments"]["hop_ms"] = 12
    monkeypatch.setattr(module, "describe_page", lambda folder: config)
    with pytest.raises(ValueError, match="gives other embeddings than the mod"):
        publish(source, tmp_path / "out", DETAILS)
    assert not (tmp_path / "out").exists()


def test_pages_that_run_something_else_are_not_published(source, tmp_path):
    folder = shutil.copytree(source, tmp_path / "bad")
    page = folder / "hyperparams.yaml"
    text = page.read_text(encoding="utf-8")
    ran = tmp_path / "ran"
    page.write_text(f"{text}x: !apply:os.mkdir ['{ran}']\n")
    with pytest.raises(ValueError, match=r"would run .*!apply:os.mkdir"):
        publish(folder, tmp_path / "out", DETAILS)
    assert not ran.exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("n_mels: 20", "n_mels: twenty", "cannot be published: encoder.front_"),
        ("scale: 16", "scales: 16", "has no scale; it is no page"),
    ],
)
def test_other_pages_are_not_published(source, tmp_path, old, new, message):
    folder = shutil.copytree(source, tmp_path / "bad")
    page = folder / "hyperparams.yaml"
    page.write_text(page.read_text(encoding="utf-8").replace(old, new))
    with pytest.raises(ValueError, match=message):
        publish(folder, tmp_path / "out", DETAILS)


def test_a_folder_without_a_model_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no model: give an exp"):
        publish(tmp_path, tmp_path / "out", DETAILS)


def test_a_card_is_checked_before_anything_is_made(source, tmp_path):
    with pytest.raises(ValueError, match="no licence identifier"):
        publish(source, tmp_path / "out", DETAILS._replace(licence="?"))
    assert list(tmp_path.iterdir()) == []
