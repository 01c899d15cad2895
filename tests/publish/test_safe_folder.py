"""Loading without trust: the same model, or a refusal that says why."""

import io
import zipfile

import pytest
import torch
from safetensors.torch import load_file, save_file
from speechbrain.inference.classifiers import EncoderClassifier

from speechbrain_denokd.model_folder import read_model_folder
from speechbrain_denokd.publish import safe_folder
from speechbrain_denokd.publish.hyperparams_scan import check_page
from speechbrain_denokd.publish.safe_folder import read_published

LENGTHS = (16000, 9000, 12345)
WEIGHTS = "model.safetensors"


def mixed_batch():
    generator = torch.Generator().manual_seed(0)
    wavs = torch.zeros(len(LENGTHS), max(LENGTHS))
    for row, length in zip(wavs, LENGTHS, strict=True):
        row[:length] = 0.1 * torch.randn(length, generator=generator)
    return wavs, torch.tensor(LENGTHS) / max(LENGTHS)


def test_reference_the_embeddings_are_speechbrains_bit_for_bit(made):
    wavs, lens = mixed_batch()
    stock = EncoderClassifier.from_hparams(source=str(made))
    expected = stock.encode_batch(wavs, lens)[:, 0]
    found = read_published(made).model.encoder(wavs, lens).embedding
    assert expected.std() > 0.01
    assert torch.equal(found, expected)


def test_reference_everything_else_is_the_source_s(made, source):
    expected, found = read_model_folder(source), read_published(made)
    assert found.model.speakers == expected.speakers
    assert (found.model.scale, found.model.margin) == (16, 0.2)
    assert torch.equal(
        found.model.classifier.weight, expected.classifier.weight
    )
    assert found.scoring.backend.settings()["transforms"][0]["kind"] == "Centre"
    modules = [found.model.encoder, found.model.classifier]
    assert not any(module.training for module in modules)
    assert not any(p.requires_grad for m in modules for p in m.parameters())


def test_the_page_is_never_parsed(folder, reseal, tmp_path):
    """It would run a command, and SpeechBrain runs it."""
    ran = tmp_path / "ran"
    page = folder / "hyperparams.yaml"
    text = page.read_text(encoding="utf-8")
    page.write_text(f"x: !apply:os.mkdir ['{ran}']\n{text}", encoding="utf-8")
    reseal(folder)
    assert read_published(folder).model.encoder.embedding_dim == 12
    with pytest.raises(ValueError, match=r"\(line 1: !apply:os.mkdir\), so no"):
        check_page(folder)
    assert not ran.exists()
    EncoderClassifier.from_hparams(source=str(folder))
    assert ran.is_dir()


@pytest.mark.parametrize(
    "name", ["embedding_model.ckpt", "classifier.ckpt", "label_encoder.ckpt"]
)
def test_speechbrains_weights_are_never_opened(folder, reseal, payload, name):
    content, ran = payload
    (folder / name).write_bytes(content)
    reseal(folder)
    read_published(folder)
    assert not ran.exists()


# -- pickles ---------------------------------------------------------------


def as_torch_file(content):
    """The archive of torch.save, with another pickle in it."""
    good, bad = io.BytesIO(), io.BytesIO()
    torch.save({"x": torch.ones(1)}, good)
    with zipfile.ZipFile(good) as read, zipfile.ZipFile(bad, "w") as write:
        for name in read.namelist():
            data = content if name.endswith("data.pkl") else read.read(name)
            write.writestr(name, data)
    return bad.getvalue()


@pytest.mark.parametrize("wrap", [bytes, as_torch_file])
def test_pickled_weights_are_refused(folder, reseal, payload, wrap):
    content, ran = payload
    (folder / WEIGHTS).write_bytes(wrap(content))
    reseal(folder)
    with pytest.raises(ValueError, match="no safetensors file .* pickles are"):
        read_published(folder)
    assert not ran.exists()


def test_a_pickle_beside_them_is_refused(folder, reseal, payload):
    (folder / "extra.PKL").write_bytes(payload[0])
    reseal(folder)
    with pytest.raises(ValueError, match=r"extra.PKL can hold code"):
        read_published(folder)
    assert not payload[1].exists()


# -- keys and shapes -------------------------------------------------------


def edit_weights(folder, change):
    weights = load_file(folder / WEIGHTS)
    change(weights)
    save_file(weights, folder / WEIGHTS)


BIAS = "embedding_model.fc.conv.bias"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w.pop(BIAS), rf"1 keys missing \(first: \['{BIAS}"),
        (lambda w: w.pop("classifier.weight"), r"missing .*'classifier.weight"),
        (lambda w: w.update(x=torch.ones(1)), r"1 unexpected \(first: \['x'"),
        (
            lambda w: w.update({BIAS: torch.ones(13)}),
            r"\(13,\).* makes it \(12",
        ),
        (
            lambda w: w.update({"classifier.weight": torch.ones(7, 12)}),
            r"classifier.weight of shape \(7, 12\), but config.json .* \(6, 12",
        ),
        (lambda w: w.update({BIAS: torch.ones(12).double()}), "float64, but"),
    ],
)
def test_other_weights_are_refused(folder, reseal, change, message):
    edit_weights(folder, change)
    reseal(folder)
    with pytest.raises(ValueError, match=message):
        read_published(folder)


@pytest.mark.parametrize("kept", [0, 0.01, 0.9])
def test_truncated_weights_are_refused(folder, reseal, kept):
    data = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(data[: int(kept * len(data))])
    reseal(folder)
    with pytest.raises(ValueError, match="no safetensors file"):
        read_published(folder)


# -- descriptions ----------------------------------------------------------


def ask(place, **arguments):
    def change(config):
        part = config["encoder"]["arguments"][place]
        part["arguments"] |= arguments

    return change


def name_class(name):
    def change(config):
        config["encoder"]["arguments"]["network"]["class"] = name

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (ask("network", lin_neurons=900_000), r"makes it \(900000, 96, 1\)"),
        (
            ask("network", channels=[90_000] * 5),
            r"more than 500,000,000 values",
        ),
        (
            ask("front_end", n_mels=90_000, window_ms=90_000),
            r"more than 500,000,000 values",
        ),
        (ask("network", lin_neurons=10**7), r"network.lin_neurons is 10000000"),
        (
            name_class("os.system"),
            r"encoder.network: unknown class 'os.system'",
        ),
        (
            name_class("speechbrain_denokd.encoders.ecapa.EcapaTdnn"),
            r"unknown class 'speechbrain_denokd",
        ),
        (
            ask("network", activation="os.system"),
            r"argument 'activation' of Ec",
        ),
        (ask("network", device="cuda"), r"unknown argument 'device'"),
        (ask("network", res2net_scale=7), r"no encoder can be built"),
        (
            lambda c: c.update(x=1),
            r"config.json: missing \[\], unexpected \['x'",
        ),
        (lambda c: c.__delitem__("margin"), r"missing \['margin'\]"),
        (lambda c: c.update(format=2), r"not of format 1"),
        (lambda c: [c], r"not of format 1"),
        (lambda c: c.update(scale="32"), r"scale is no number"),
        (lambda c: c.update(sample_rate=8000), r"sample_rate is 8000; this"),
        (lambda c: c.update(encoder="x"), r"'x' is no description of a class"),
    ],
)
def test_other_descriptions_are_refused(
    folder, edit_json, monkeypatch, change, message
):
    def refuse(config):
        raise AssertionError("memory was taken")

    monkeypatch.setattr(safe_folder, "build_encoder", refuse)
    edit_json(folder, "config.json", change)
    with pytest.raises(ValueError, match=message):
        read_published(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda names: {"0": "a"}, "no list of names"),
        (lambda names: [[]], "more than names"),
        (lambda names: [*names[:5], names[0]], "names a speaker twice"),
        (lambda names: names[:5], r"of shape \(6, 12\), but .* \(5, 12\)"),
        (lambda names: [], "no list of names"),
    ],
)
def test_other_labels_are_refused(folder, edit_json, change, message):
    edit_json(folder, "labels.json", change)
    with pytest.raises(ValueError, match=message):
        read_published(folder)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"a": "\ud800"'])
def test_damaged_json_is_refused(folder, reseal, text):
    data = text.encode("utf-8", "surrogatepass")
    (folder / "config.json").write_bytes(data)
    reseal(folder)
    with pytest.raises(ValueError, match="config.json is no JSON file"):
        read_published(folder)


def test_a_huge_description_is_not_read(folder, reseal):
    (folder / "config.json").write_text(" " * 1_000_001)
    reseal(folder)
    with pytest.raises(ValueError, match="1,000,001 bytes, more than the"):
        read_published(folder)


@pytest.mark.parametrize("name", ["config.json", "labels.json", WEIGHTS])
def test_a_list_that_leaves_a_file_out_hides_nothing(folder, reseal, name):
    (folder / name).unlink()
    reseal(folder)
    with pytest.raises(FileNotFoundError, match=f"has no {name}"):
        read_published(folder)
