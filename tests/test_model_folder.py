"""A trained student as SpeechBrain's inference classes see it."""

import shutil

import pytest
import torch
from hyperpyyaml import load_hyperpyyaml
from speechbrain.inference.classifiers import EncoderClassifier
from speechbrain.inference.speaker import SpeakerRecognition
from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN, Classifier

from speechbrain_denokd.config import load_page
from speechbrain_denokd.model_folder import (
    encoder_yaml,
    read_model_folder,
    write_model_folder,
)
from tests.tiny import CHANNELS, ENCODER_TEXT, tiny_encoder

SPEAKERS = ["id10", "o'neil", "ann bob", "王", "1001"]
LENGTHS = (16000, 9000, 12345, 8001)


@pytest.fixture(scope="module")
def trained():
    """Encoder and head in eval mode."""
    encoder = tiny_encoder()
    head = Classifier(16, lin_neurons=16, out_neurons=len(SPEAKERS))
    return encoder, head.eval()


@pytest.fixture(scope="module")
def written(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "model"
    write_model_folder(
        folder, ENCODER_TEXT, *trained, SPEAKERS, scale=20.0, margin=0.3
    )
    return folder


@pytest.fixture
def folder(written, tmp_path):
    """A copy that a test may damage."""
    return shutil.copytree(written, tmp_path / "copy" / "model")


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Another working directory, and no network."""
    place = tmp_path / "elsewhere"
    place.mkdir()
    monkeypatch.chdir(place)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def refuse(*args, **kwargs):
        raise AssertionError("a model folder needs no network")

    monkeypatch.setattr("socket.socket.connect", refuse)
    return place


def mixed_batch():
    generator = torch.Generator().manual_seed(0)
    wavs = torch.zeros(len(LENGTHS), max(LENGTHS))
    for row, length in zip(wavs, LENGTHS, strict=True):
        row[:length] = 0.1 * torch.randn(length, generator=generator)
    return wavs, torch.tensor(LENGTHS) / max(LENGTHS)


@pytest.mark.parametrize("kind", [EncoderClassifier, SpeakerRecognition])
def test_reference_speechbrain_loads_it_anywhere(
    trained, written, elsewhere, kind
):
    model = kind.from_hparams(source=str(written))
    wavs, lens = mixed_batch()
    with torch.no_grad():
        expected = trained[0](wavs, lens).embedding
    found = model.encode_batch(wavs, lens)
    assert found.shape == (len(LENGTHS), 1, 16)
    torch.testing.assert_close(found[:, 0], expected, rtol=0, atol=1e-6)
    # And each of them alone, without a length.
    for i, length in enumerate(LENGTHS):
        alone = model.encode_batch(wavs[i, :length])
        torch.testing.assert_close(alone[0, 0], expected[i], rtol=0, atol=1e-4)
    normalized = model.encode_batch(wavs, lens, normalize=True)
    assert torch.equal(normalized, found)
    assert list(elsewhere.iterdir()) == []


def test_reference_classify_batch_names_the_speakers(
    trained, written, elsewhere
):
    encoder, head = trained
    model = EncoderClassifier.from_hparams(source=str(written))
    wavs, lens = mixed_batch()
    with torch.no_grad():
        cosines = head(encoder(wavs, lens).embedding[:, None]).squeeze(1)
    scores, best, index, names = model.classify_batch(wavs, lens)
    torch.testing.assert_close(scores, cosines, rtol=0, atol=1e-6)
    assert index.tolist() == cosines.argmax(dim=1).tolist()
    assert names == [SPEAKERS[i] for i in index.tolist()]
    torch.testing.assert_close(best, cosines.max(dim=1).values)


def test_reference_verify_batch_is_the_cosine(trained, written, elsewhere):
    model = SpeakerRecognition.from_hparams(source=str(written))
    wavs, lens = mixed_batch()
    with torch.no_grad():
        embedding = trained[0](wavs, lens).embedding
    score, same = model.verify_batch(wavs[:2], wavs[2:], lens[:2], lens[2:])
    expected = torch.cosine_similarity(embedding[:2], embedding[2:])
    torch.testing.assert_close(score[:, 0], expected, rtol=0, atol=1e-5)
    assert same[:, 0].tolist() == (expected > 0.25).tolist()
    score, same = model.verify_batch(wavs[:1], wavs[:1])
    assert score.item() == pytest.approx(1, abs=1e-5)
    assert same.item()


def test_reference_weights_are_speechbrains_own(trained, written):
    encoder, _ = trained
    stock = ECAPA_TDNN(24, lin_neurons=16, channels=CHANNELS).eval()
    weights = torch.load(written / "embedding_model.ckpt", weights_only=True)
    stock.load_state_dict(weights, strict=True)
    wavs = 0.1 * torch.randn(2, 9000)
    features, _ = encoder.front_end(wavs, torch.tensor([9000, 9000]))
    with torch.no_grad():
        expected = encoder(wavs, torch.ones(2)).embedding
        found = stock(features).squeeze(1)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


def test_fact_the_folder_holds_the_student_alone(trained, written):
    assert sorted(p.name for p in written.iterdir()) == [
        "classifier.ckpt",
        "embedding_model.ckpt",
        "hyperparams.yaml",
        "label_encoder.ckpt",
    ]
    weights = torch.load(written / "embedding_model.ckpt", weights_only=True)
    assert set(weights) == set(trained[0].network.state_dict())
    centres = torch.load(written / "classifier.ckpt", weights_only=True)
    assert set(centres) == {"weight"}
    text = (written / "hyperparams.yaml").read_text(encoding="utf-8")
    for word in ("distill", "teacher", "diffusion", "augment", "/tmp"):
        assert word not in text


def test_fact_reading_gives_everything_back(trained, written):
    model = read_model_folder(written)
    assert model.speakers == SPEAKERS
    assert (model.scale, model.margin) == (20.0, 0.3)
    assert torch.equal(model.classifier.weight, trained[1].weight)
    assert not model.encoder.training
    wavs, lens = mixed_batch()
    with torch.no_grad():
        found = model.encoder(wavs, lens)
        expected = trained[0](wavs, lens)
    torch.testing.assert_close(found.frames, expected.frames)
    assert torch.equal(found.n_frames, expected.n_frames)


def test_fact_a_relative_path_will_do(written, monkeypatch):
    monkeypatch.chdir(written.parent)
    assert read_model_folder("model").speakers == SPEAKERS
    assert [p.name for p in written.parent.iterdir()] == ["model"]


def test_fact_classes_of_perturbed_speed_are_left_out(trained, tmp_path):
    encoder, _ = trained
    head = Classifier(16, lin_neurons=16, out_neurons=3 * len(SPEAKERS))
    write_model_folder(
        tmp_path / "model", ENCODER_TEXT, encoder, head, SPEAKERS, 32, 0.2
    )
    model = read_model_folder(tmp_path / "model")
    expected = head.weight[: len(SPEAKERS)]
    assert torch.equal(model.classifier.weight, expected)
    # Not a view: the file would hold the rows that were left out.
    size = (tmp_path / "model" / "classifier.ckpt").stat().st_size
    assert size < 4 * 16 * len(SPEAKERS) + 2000


def test_fact_an_older_folder_is_replaced_whole(trained, folder):
    encoder, _ = trained
    (folder / "notes.txt").write_text("of the older model")
    unfinished = folder.with_name("model.unfinished")
    unfinished.mkdir()
    (unfinished / "junk").write_text("of a killed run")
    head = Classifier(16, lin_neurons=16, out_neurons=1)
    write_model_folder(folder, ENCODER_TEXT, encoder, head, ["joe"], 32, 0.2)
    assert read_model_folder(folder).speakers == ["joe"]
    assert len(list(folder.iterdir())) == 4
    assert not unfinished.exists()


def test_law_a_page_becomes_a_folder(tmp_path):
    """The encoder is cut out of a whole experiment, without augmentation."""
    page = load_page("hparams/ecapa.yaml")
    encoder = page.hparams["student"]["encoder"].eval()
    text = encoder_yaml(page.resolved, ["student", "encoder"])
    assert "feature_augment" not in text
    assert "!ref" not in text
    head = Classifier(64, lin_neurons=64, out_neurons=2)
    write_model_folder(
        tmp_path / "model", text, encoder, head, ["a", "b"], 32, 0.2
    )
    loaded = read_model_folder(tmp_path / "model").encoder
    wavs, lens = mixed_batch()
    with torch.no_grad():
        torch.testing.assert_close(
            loaded(wavs, lens).embedding, encoder(wavs, lens).embedding
        )


# -- damage ----------------------------------------------------------------


def test_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no hyperparams.yaml; give"):
        read_model_folder(tmp_path)


def change(path, function):
    weights = torch.load(path, weights_only=True)
    function(weights)
    torch.save(weights, path)


def rename_one(weights):
    weights["distiller.x"] = weights.pop("fc.conv.bias")


def widen_one(weights):
    weights["fc.conv.bias"] = torch.zeros(17)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda w: w.pop("fc.conv.bias"), r"1 keys missing .*fc.conv.bias"),
        (lambda w: w.update(extra=torch.ones(1)), r"1 unexpected .*'extra'"),
        (rename_one, r"1 keys missing .*1 unexpected .*distiller.x"),
        (widen_one, r"fc.conv.bias of shape \(17,\), but .* is \(16,\)"),
    ],
)
def test_other_weights_are_refused(folder, function, message):
    change(folder / "embedding_model.ckpt", function)
    with pytest.raises(ValueError, match=message):
        read_model_folder(folder)


@pytest.mark.parametrize("name", ["embedding_model", "classifier"])
@pytest.mark.parametrize("kept", [0, 0.5, 0.99])
def test_truncated_files_are_named(folder, name, kept):
    path = folder / f"{name}.ckpt"
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(
        ValueError, match=f"{name}.ckpt cannot be read as weights .*truncated"
    ):
        read_model_folder(folder)


@pytest.mark.parametrize("kept", [0, 0.3])
def test_truncated_speaker_names_are_noticed(folder, kept):
    path = folder / "label_encoder.ckpt"
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(ValueError, match="label_encoder.ckpt"):
        read_model_folder(folder)


@pytest.mark.parametrize(
    "name", ["embedding_model", "classifier", "label_encoder"]
)
def test_missing_files_are_named(folder, name):
    (folder / f"{name}.ckpt").unlink()
    with pytest.raises((ValueError, OSError), match=f"{name}.ckpt"):
        read_model_folder(folder)


def test_law_a_folder_holds_every_weight_of_a_fusion_encoder(tmp_path):
    # Its pre-trained model and stem lie beside the backbone.
    text = """\
encoder: !new:speechbrain_denokd.encoders.fusion_encoder.FusionEncoder
    ptm: !new:speechbrain_denokd.encoders.sv_mixer.SvMixer
        front_end: !new:speechbrain_denokd.encoders.waveform_conv.WaveformConv
            hidden_dim: 16
            conv_dim: 8
        n_layers: 4
        n_tokens: 24
        n_groups: 4
    front_end: !new:speechbrain_denokd.encoders.fbank.FbankFrontEnd
        n_mels: 24
    stem: !new:speechbrain_denokd.encoders.spectrogram_stem.SpectrogramStem
        n_mels: 24
        channels: 32
    backbone: !new:speechbrain_denokd.encoders.ssrfnet.SSRFNet
        fusion: !new:speechbrain_denokd.encoders.fusion.StateFusion
            n_states: 4
            n_groups: 2
            width: 2
            input_dim: 16
            output_dim: 32
        trunk: !new:speechbrain_denokd.encoders.redimnet_trunk.ReDimNetTrunk
            n_mels: 8
            channels: 4
            stages: [[1, 1, 1, null], [2, 1, 1, 8]]
            n_maps: 2
        embedding_dim: 16"""
    torch.manual_seed(0)
    encoder = load_hyperpyyaml(text)["encoder"].eval()
    head = Classifier(16, lin_neurons=16, out_neurons=1)
    folder = tmp_path / "model"
    write_model_folder(folder, text, encoder, head, ["x"], 30.0, 0.2)
    loaded = EncoderClassifier.from_hparams(source=str(folder))
    wavs, lens = mixed_batch()
    with torch.no_grad():
        expected = encoder(wavs, lens).embedding
    found = loaded.encode_batch(wavs, lens)[:, 0]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
