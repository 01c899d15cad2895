"""What a folder may run when it is loaded: nothing, or what one allows."""

import pytest
import torch
from speechbrain.inference.classifiers import EncoderClassifier

from speechbrain_denokd.inference import SpeakerEmbedder
from speechbrain_denokd.inference import source as module
from speechbrain_denokd.model_folder import read_model_folder
from speechbrain_denokd.publish.card import Details
from speechbrain_denokd.publish.checksums import write_checksums
from speechbrain_denokd.publish.publish import publish
from tests.tiny_setup import write_teacher


@pytest.fixture
def plain(tmp_path):
    """A model folder as training leaves it."""
    return write_teacher(tmp_path / "model")


@pytest.fixture
def published(plain, tmp_path):
    return publish(plain, tmp_path / "out", Details("Tiny", "mit", "tones"))


@pytest.fixture
def booby_trap(tmp_path):
    """Make a folder's YAML run a command; what the command leaves."""
    ran = tmp_path / "ran"

    def set_trap(folder):
        page = folder / "hyperparams.yaml"
        text = page.read_text(encoding="utf-8")
        trap = f"x: !apply:os.mkdir ['{ran}']\n"
        page.write_text(trap + text, encoding="utf-8")
        return ran

    return set_trap


WAVS = 0.1 * torch.randn(2, 9000, generator=torch.Generator().manual_seed(0))
LENS = torch.tensor([1.0, 0.7])


def test_reference_a_published_folder_embeds_as_speechbrain_does(published):
    expected = EncoderClassifier.from_hparams(source=str(published))
    found = SpeakerEmbedder.from_hparams(published)
    embeddings = found.encode_batch(WAVS, LENS)
    assert torch.equal(embeddings, expected.encode_batch(WAVS, LENS)[:, 0])
    assert found.scoring.describe()["norm"] == {"kind": "none", "top_n": None}
    alone = found.encode_batch(WAVS[:1])
    torch.testing.assert_close(alone, embeddings[:1], rtol=0, atol=1e-5)


def test_a_published_folders_yaml_is_not_run(published, booby_trap):
    ran = booby_trap(published)
    with pytest.raises(ValueError, match="hyperparams.yaml has another SHA"):
        SpeakerEmbedder.from_hparams(published)
    write_checksums(published)
    SpeakerEmbedder.from_hparams(published)
    read_model_folder(published)
    assert not ran.exists()


@pytest.mark.parametrize(
    "load", [SpeakerEmbedder.from_hparams, read_model_folder]
)
def test_another_folders_yaml_is_run_only_when_trusted(plain, booby_trap, load):
    load(plain)
    ran = booby_trap(plain)
    with pytest.raises(ValueError, match=r"would run .*os.mkdir.*trust=True"):
        load(plain)
    assert not ran.exists()
    load(plain, trust=True)
    assert ran.is_dir()


def test_what_comes_from_the_hub_is_no_exception(
    plain, booby_trap, monkeypatch
):
    ran = booby_trap(plain)
    monkeypatch.setattr(module, "snapshot_download", lambda name: str(plain))
    with pytest.raises(ValueError, match="would run"):
        SpeakerEmbedder.from_hparams("ann/tiny")
    assert not ran.exists()
