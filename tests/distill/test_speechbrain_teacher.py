"""SpeechBrain's ECAPA-TDNN as a teacher: the same embeddings, or a refusal."""

import pytest
import torch
from speechbrain.dataio.encoder import CategoricalEncoder
from speechbrain.inference.classifiers import EncoderClassifier
from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN, Classifier

from speechbrain_denokd.distill.speechbrain_teacher import (
    teacher_from_speechbrain,
)

SIZES = {
    "input_size": 80,
    "channels": [16, 16, 16, 16, 48],
    "kernel_sizes": [5, 3, 3, 3, 1],
    "dilations": [1, 2, 3, 4, 1],
    "attention_channels": 8,
    "se_channels": 8,
    "lin_neurons": 12,
}
SPEAKERS = ["id10003", "id10001", "id10002"]
# Key by key as speechbrain/spkrec-ecapa-voxceleb, at small sizes.
PAGE = """\
pretrained_path: speechbrain/spkrec-of-nobody
n_mels: 80
out_n_neurons: 3
compute_features: !new:speechbrain.lobes.features.Fbank
    n_mels: !ref <n_mels>
mean_var_norm: !new:speechbrain.processing.features.InputNormalization
    norm_type: sentence
    std_norm: False
embedding_model: !new:speechbrain.lobes.models.ECAPA_TDNN.ECAPA_TDNN
    input_size: !ref <n_mels>
    channels: [16, 16, 16, 16, 48]
    kernel_sizes: [5, 3, 3, 3, 1]
    dilations: [1, 2, 3, 4, 1]
    attention_channels: 8
    se_channels: 8
    lin_neurons: 12
classifier: !new:speechbrain.lobes.models.ECAPA_TDNN.Classifier
    input_size: 12
    lin_neurons: 12
    out_neurons: !ref <out_n_neurons>
mean_var_norm_emb: !new:speechbrain.processing.features.InputNormalization
    norm_type: global
    std_norm: False
modules:
    compute_features: !ref <compute_features>
    mean_var_norm: !ref <mean_var_norm>
    embedding_model: !ref <embedding_model>
    mean_var_norm_emb: !ref <mean_var_norm_emb>
    classifier: !ref <classifier>
label_encoder: !new:speechbrain.dataio.encoder.CategoricalEncoder
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables:
        embedding_model: !ref <embedding_model>
        classifier: !ref <classifier>
        label_encoder: !ref <label_encoder>
    paths:
        embedding_model: !ref <pretrained_path>/embedding_model.ckpt
        classifier: !ref <pretrained_path>/classifier.ckpt
        label_encoder: !ref <pretrained_path>/label_encoder.txt
"""


@pytest.fixture
def folder(tmp_path):
    """A folder whose every weight and statistic matters."""
    folder = tmp_path / "spkrec"
    folder.mkdir()
    torch.manual_seed(0)
    network, classifier = (
        ECAPA_TDNN(**SIZES),
        Classifier(12, lin_neurons=12, out_neurons=3),
    )
    for name, tensor in network.state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 2.0)
        elif name.endswith("running_mean"):
            tensor.normal_(0.0, 0.3)
    torch.save(network.state_dict(), folder / "embedding_model.ckpt")
    torch.save(classifier.state_dict(), folder / "classifier.ckpt")
    labels = CategoricalEncoder()
    labels.update_from_iterable(SPEAKERS)
    labels.save(folder / "label_encoder.txt")
    (folder / "hyperparams.yaml").write_text(PAGE)
    return folder


def change_page(folder, old, new):
    assert old in PAGE
    (folder / "hyperparams.yaml").write_text(PAGE.replace(old, new))


def noise(n_samples, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(1, n_samples, generator=generator)


def speechbrains(folder):
    return EncoderClassifier.from_hparams(
        source=str(folder),
        overrides={"pretrained_path": str(folder)},
        run_opts={"device": "cpu"},
    )


@pytest.mark.parametrize("n_samples", [8000, 16000, 37123])
def test_reference_embedding_and_scores_are_speechbrains(folder, n_samples):
    teacher = teacher_from_speechbrain(str(folder))
    model, wavs = speechbrains(folder), noise(n_samples)
    theirs = model.encode_batch(wavs)
    ours = teacher(wavs, torch.ones(1), torch.tensor([2]))
    torch.testing.assert_close(
        ours.output.embedding, theirs.squeeze(1), rtol=0, atol=1e-5
    )
    cosines = model.mods.classifier(theirs).squeeze(1)
    torch.testing.assert_close(ours.logits, 30 * cosines, rtol=0, atol=1e-3)
    angle = cosines[0, 2].acos() + 0.2
    torch.testing.assert_close(
        ours.margin_logits[0, 2], 30 * angle.cos(), rtol=0, atol=1e-3
    )


def test_fact_names_follow_the_label_encoder(folder):
    """The encoder numbers by first appearance, not by the alphabet."""
    teacher = teacher_from_speechbrain(str(folder))
    assert list(teacher.speakers) == SPEAKERS
    weight = teacher.classifier.weight.clone()
    teacher.select_speakers(["id10001", "id10003"])
    assert torch.equal(teacher.classifier.weight, weight[[1, 0]])


def test_law_padding_is_invisible(folder):
    """SpeechBrain's own network hears the padding, the teacher does not."""
    teacher = teacher_from_speechbrain(str(folder))
    short, wavs = noise(9000, 2), torch.zeros(2, 16000)
    wavs[0], wavs[1, :9000] = noise(16000), short
    batched = teacher(wavs, torch.tensor([1.0, 9000 / 16000]))
    alone = teacher(short, torch.ones(1))
    torch.testing.assert_close(
        batched.output.embedding[1:], alone.output.embedding, rtol=0, atol=1e-4
    )


def test_error_no_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    with pytest.raises(FileNotFoundError, match="no model folder 'models/abs"):
        teacher_from_speechbrain("models/absent")
    with pytest.raises(FileNotFoundError, match="no hyperparams.yaml"):
        teacher_from_speechbrain("models")


def test_error_another_network(folder):
    change_page(
        folder,
        "compute_features: !new:speechbrain.lobes.features.Fbank",
        "compute_features: !new:speechbrain.lobes.features.MFCC",
    )
    with pytest.raises(ValueError, match="has a MFCC where .* a Fbank"):
        teacher_from_speechbrain(str(folder))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("sentence\n    std_norm: False", "sentence\n    std_norm: True"),
        (
            "    n_mels: !ref <n_mels>\nmean",
            "    n_mels: 80\n    f_min: 200\nmean",
        ),
        (
            "    n_mels: !ref <n_mels>\nmean",
            "    n_mels: 80\n    n_fft: 512\nmean",
        ),
    ],
)
def test_error_other_features(folder, old, new):
    change_page(folder, old, new)
    with pytest.raises(ValueError, match="embeds the same audio differently"):
        teacher_from_speechbrain(str(folder))


@pytest.mark.parametrize("name", ["embedding_model", "classifier"])
def test_error_weights_that_lack_a_key(folder, name):
    path = folder / f"{name}.ckpt"
    weights = torch.load(path)
    weights.popitem()
    torch.save(weights, path)
    with pytest.raises(ValueError, match=f"{name}.ckpt does not fit"):
        teacher_from_speechbrain(str(folder))


def test_error_truncated_weights(folder):
    path = folder / "embedding_model.ckpt"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match="cannot be read as weights"):
        teacher_from_speechbrain(str(folder))
