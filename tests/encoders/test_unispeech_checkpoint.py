"""The published checkpoint: every tensor in its place, or a clear refusal."""

import pytest
import torch
from transformers import WavLMModel

from speechbrain_denokd.encoders.unispeech_checkpoint import (
    convert_unispeech,
    load_unispeech,
    read_unispeech,
    sort_speakers,
)
from speechbrain_denokd.encoders.wavlm import WavLM
from speechbrain_denokd.encoders.wavlm_ecapa import WavLMEcapa, WavLMEcapaHead
from speechbrain_denokd.encoders.wavlm_folder import (
    save_random_wavlm,
    wavlm_large_config,
)
from tests.encoders import unispeech_reference as reference
from tests.encoders.unispeech_layout import (
    CENTRES,
    TINY_HEAD,
    HeadSizes,
    head_entries,
    random_checkpoint,
    tiny_config,
    wavlm_entries,
)

N_CLASSES = 7
BASE = {"feat_extract_norm": "group", "do_stable_layer_norm": False}


@pytest.fixture
def checkpoint():
    return random_checkpoint(tiny_config(), TINY_HEAD, N_CLASSES)


@pytest.fixture
def encoder(tmp_path):
    wavlm = WavLM(save_random_wavlm(tiny_config(), tmp_path / "wavlm"))
    return WavLMEcapa(wavlm, WavLMEcapaHead(5, 64, *TINY_HEAD)).eval()


@pytest.fixture
def save(tmp_path):
    def save(content):
        torch.save(content, tmp_path / "finetune.pth")
        return tmp_path / "finetune.pth"

    return save


def shapes(state):
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


def test_fact_large_layout_has_711_tensors_that_fit():
    config = wavlm_large_config()
    model = random_checkpoint(config, HeadSizes(), 5994, "meta")["model"]
    assert len(model) == 711
    weights = convert_unispeech(model)
    with torch.device("meta"):
        wavlm, head = WavLMModel(config), WavLMEcapaHead()
    assert shapes(weights.wavlm) == shapes(wavlm.state_dict())
    assert shapes(weights.head) == shapes(head.state_dict())
    assert weights.class_weight.shape == (5994, 256)


def test_fact_base_layout_fits():
    config = tiny_config(**BASE)
    model = random_checkpoint(config, TINY_HEAD, N_CLASSES, "meta")["model"]
    with torch.device("meta"):
        wavlm = WavLMModel(config)
    weights = convert_unispeech(model)
    assert shapes(weights.wavlm) == shapes(wavlm.state_dict())


def test_reference_every_tensor_arrives(checkpoint, encoder, save):
    """Against the spelled-out table, key by key; nothing is left over."""
    model = checkpoint["model"]
    class_weight = load_unispeech(encoder, save(checkpoint))
    state = encoder.state_dict()
    pairs = [
        (source, f"wavlm.model.{target}")
        for source, target, _ in wavlm_entries(tiny_config())
    ]
    pairs += [
        (name, f"head.{name}") for name, _ in head_entries(5, 64, TINY_HEAD)
    ]
    for source, target in pairs:
        assert torch.equal(model[source], state.pop(target)), source
    assert not state
    assert torch.equal(model[CENTRES], class_weight)


def test_reference_position_convolution_weight(checkpoint, encoder, save):
    """Gain and direction of the weight norm are not exchanged."""
    load_unispeech(encoder, save(checkpoint))
    prefix = "feature_extract.model.encoder.pos_conv.0."
    gain = checkpoint["model"][f"{prefix}weight_g"]
    direction = checkpoint["model"][f"{prefix}weight_v"]
    norm = direction.pow(2).sum((0, 1), keepdim=True).sqrt()
    conv = encoder.wavlm.model.encoder.pos_conv_embed.conv
    torch.testing.assert_close(conv.weight, gain * direction / norm)


def test_reference_forward_of_the_original(checkpoint, encoder, save):
    """The converted teacher computes what the original names mean."""
    load_unispeech(encoder, save(checkpoint))
    generator = torch.Generator().manual_seed(3)
    wav = 0.1 * torch.randn(16000, generator=generator)
    normalised = (wav - wav.mean()) / wav.std(correction=0)
    model = checkpoint["model"]
    expected = reference.wavlm_stages(model, tiny_config(), normalised)
    stages, _ = encoder.wavlm(wav[None], torch.ones(1))
    for stage, original in zip(stages, expected, strict=True):
        torch.testing.assert_close(stage[0], original, rtol=1e-4, atol=1e-4)
    frames, embedding = reference.head_output(model, expected)
    output = encoder(wav[None], torch.ones(1))
    torch.testing.assert_close(output.frames[0], frames, rtol=0, atol=1e-3)
    torch.testing.assert_close(
        output.embedding[0], embedding, rtol=0, atol=1e-3
    )


def test_fact_half_precision_file_arrives_in_single(checkpoint, encoder, save):
    model = checkpoint["model"]
    halves = {
        name: tensor.half() if tensor.is_floating_point() else tensor
        for name, tensor in model.items()
    }
    class_weight = load_unispeech(encoder, save({"model": halves}))
    assert class_weight.dtype == torch.float32
    assert encoder.head.linear.weight.dtype == torch.float32


def test_fact_other_tensors_of_the_loss_are_left_out(checkpoint, encoder, save):
    checkpoint["model"]["loss_calculator.scale"] = torch.tensor(32.0)
    path = save(checkpoint)
    assert len(load_unispeech(encoder, path)) == N_CLASSES


def test_error_missing_and_unexpected_tensors(checkpoint, encoder, save):
    model = checkpoint["model"]
    prefix = "feature_extract.model."
    for i in range(4):
        del model[f"{prefix}encoder.layers.{i}.fc1.bias"]
    model[f"{prefix}final_proj.weight"] = torch.zeros(2)
    model["extra"] = torch.zeros(2)
    before = encoder.head.linear.weight.clone()
    path = save(checkpoint)
    with pytest.raises(ValueError, match="finetune.pth") as error:
        load_unispeech(encoder, path)
    text = str(error.value)
    first = "encoder.layers.0.feed_forward.intermediate_dense.bias"
    assert f"4 missing ({first}, " in text
    assert f"2 unexpected ({prefix}final_proj.weight, extra)" in text
    assert "0 of another shape" in text
    assert torch.equal(before, encoder.head.linear.weight)


def test_error_centres(checkpoint, encoder, save):
    checkpoint["model"][CENTRES] = torch.zeros(N_CLASSES, 5)
    path = save(checkpoint)
    with pytest.raises(ValueError, match=r"1 of .* \(7, 5\) for \(n_cl.*, 8"):
        load_unispeech(encoder, path)
    del checkpoint["model"][CENTRES]
    path = save(checkpoint)
    with pytest.raises(ValueError, match=rf"1 missing \({CENTRES}\)"):
        load_unispeech(encoder, path)


def test_error_another_size(checkpoint, encoder, save):
    weight = checkpoint["model"]["linear.weight"]
    checkpoint["model"]["linear.weight"] = weight[:, :90]
    path = save(checkpoint)
    with pytest.raises(ValueError, match=r"weight \(8, 90\) for \(8, 96\)"):
        load_unispeech(encoder, path)


@pytest.mark.parametrize("kept", [0, 1, 100, 0.5, 0.99])
def test_error_truncated(checkpoint, save, kept):
    path = save(checkpoint)
    whole = path.read_bytes()
    size = kept if kept > 1 or kept == int(kept) else int(kept * len(whole))
    path.write_bytes(whole[:size])
    with pytest.raises(ValueError, match=rf"pth' \({size} bytes\).*again"):
        read_unispeech(path)


@pytest.mark.parametrize("content", [b"<html>404</html>", b"\x80\x02}q"])
def test_error_not_a_checkpoint(tmp_path, content):
    path = tmp_path / "page.pth"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="page.pth.*cannot be read"):
        read_unispeech(path)


class Payload:
    """What ``weights_only`` must not bring to life."""

    awake = False

    def __setstate__(self, state):
        Payload.awake = True


def test_error_code_in_the_file_is_not_run(checkpoint, save):
    checkpoint["extra"] = Payload()
    checkpoint["extra"].value = 1
    path = save(checkpoint)
    with pytest.raises(ValueError, match="holds more than tensors"):
        read_unispeech(path)
    assert not Payload.awake


@pytest.mark.parametrize(
    "content", [{"state": {}}, [1, 2], {"model": {"a": 1}}, {"model": None}]
)
def test_error_another_layout(save, content):
    path = save(content)
    with pytest.raises(ValueError, match="no 'model' with tensors"):
        read_unispeech(path)


def test_error_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="no checkpoint .*absent.pth"):
        read_unispeech(tmp_path / "absent.pth")


def test_fact_speakers_are_sorted_as_text():
    """Not by number: VoxCeleb's directories come in lexicographic order."""
    given = ["id2", "id10", "id1", "id3", "id20", "id2", "id11", "id100"]
    expected = ["id1", "id10", "id100", "id11", "id2", "id20", "id3"]
    assert sort_speakers(given, 7) == expected


def test_error_speakers():
    with pytest.raises(ValueError, match="2 speakers, but .* 5994 rows"):
        sort_speakers(["id1", "id2"], 5994)
    with pytest.raises(ValueError, match="speaker 12 is not an identity"):
        sort_speakers([12, "id1"], 2)
    with pytest.raises(ValueError, match="speaker '' is not an identity"):
        sort_speakers(["", "id1"], 2)
