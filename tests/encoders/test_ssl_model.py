"""HuBERT and wav2vec 2.0 as layers, and the transformer student."""

import pytest
import torch
from transformers import (
    HubertConfig,
    HubertModel,
    Wav2Vec2Config,
    Wav2Vec2Model,
    WhisperConfig,
)

from speechbrain_denokd.encoders.ssl_model import SslModel, TransformerStudent
from speechbrain_denokd.encoders.wavlm import WAV_EPS, standardise
from speechbrain_denokd.encoders.wavlm_folder import (
    save_random_wavlm,
    save_wavlm_config,
)
from tests.encoders.test_wavlm import padded_batch
from tests.encoders.unispeech_layout import tiny_config

LENGTHS = (16000, 400, 9137, 12001)
SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "conv_dim": [8] * 7,
}
BASE = {"feat_extract_norm": "group", "do_stable_layer_norm": False}
LARGE = {"feat_extract_norm": "layer", "do_stable_layer_norm": True}
KINDS = {
    "hubert": (HubertModel, HubertConfig),
    "wav2vec2": (Wav2Vec2Model, Wav2Vec2Config),
}


@pytest.fixture
def build(tmp_path):
    def build(kind, size, **kwargs):
        model_class, config_class = KINDS[kind]
        config = config_class(**SIZES, **size)
        torch.manual_seed(0)
        model = model_class(config)
        for parameter in model.parameters():
            parameter.data += 0.1 * torch.randn_like(parameter)
        model.save_pretrained(tmp_path)
        return SslModel(save_wavlm_config(config, tmp_path), **kwargs)

    return build


@pytest.mark.parametrize("size", [BASE, LARGE])
@pytest.mark.parametrize("kind", KINDS)
def test_reference_transformers_stages(build, kind, size):
    """The last stage is the encoder's output, after its norm."""
    model = build(kind, size)
    wavs = torch.randn(1, 8000)
    stages, n_frames = model(wavs, torch.ones(1))
    assert type(model.model) is KINDS[kind][0]
    expected = model.model(
        standardise(wavs, torch.tensor([8000]), WAV_EPS),
        output_hidden_states=True,
    )
    assert len(stages) == model.n_stages == 4 and n_frames.tolist() == [24]
    assert torch.equal(stages[-1], expected.last_hidden_state)
    for stage, hidden in zip(stages, expected.hidden_states[:-1], strict=False):
        assert torch.equal(stage, hidden)


@pytest.mark.parametrize("fill", [0.0, float("nan")])
@pytest.mark.parametrize("size", [BASE, LARGE])
@pytest.mark.parametrize("kind", KINDS)
def test_law_padding_is_invisible(build, kind, size, fill):
    model = build(kind, size)
    utterances, wavs, lens = padded_batch(LENGTHS, fill)
    stages, n_frames = model(wavs, lens)
    assert n_frames.tolist() == [49, 1, 28, 37]
    for i, utterance in enumerate(utterances):
        alone, _ = model(utterance[None], torch.ones(1))
        for batched, single in zip(stages, alone, strict=True):
            torch.testing.assert_close(
                batched[i, : n_frames[i]], single[0], rtol=0, atol=1e-4
            )


@pytest.mark.parametrize("kind", KINDS)
def test_law_training_drops_no_layer(build, kind):
    still = {
        "hidden_dropout": 0.0,
        "attention_dropout": 0.0,
        "activation_dropout": 0.0,
        "feat_proj_dropout": 0.0,
    }
    size = {**LARGE, **still, "layerdrop": 0.9, "mask_time_prob": 0.9}
    model = build(kind, size, freeze=False).train()
    wavs = torch.randn(2, 8000)
    trained = model(wavs, torch.ones(2)).stages
    evaluated = model.eval()(wavs, torch.ones(2)).stages
    assert len(trained) == 4
    for a, b in zip(trained, evaluated, strict=True):
        assert torch.equal(a, b)


def test_fact_a_wavlm_is_one_too(tmp_path):
    folder = save_random_wavlm(tiny_config(), tmp_path)
    assert SslModel(folder).config.model_type == "wavlm"


def test_error_other_kinds(tmp_path):
    folder = save_wavlm_config(WhisperConfig(), tmp_path)
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(ValueError, match="kind 'whisper'.*hubert, wav2vec2"):
        SslModel(folder)


def test_error_missing_folder():
    with pytest.raises(FileNotFoundError, match="no model folder '/nowhere'"):
        SslModel("/nowhere")


def test_fact_transformer_student_in_the_papers_sizes():
    """8.40 M a layer; the position convolution alone has as many again."""
    with torch.device("meta"):
        student = TransformerStudent()
    model = student.model
    counts = {
        "layer": model.encoder.layers[0],
        "position": model.encoder.pos_conv_embed,
        "front": model.feature_extractor,
        "projection": model.feature_projection,
        "all": student,
    }
    counts = {
        name: sum(p.numel() for p in part.parameters())
        for name, part in counts.items()
    }
    assert counts == {
        "layer": 8_399_872,
        "position": 8_389_760,
        "front": 4_200_448,
        "projection": 526_336,
        "all": 113_917_056,
    }
    assert student.n_stages == 13 and student.hidden_dim == 1024


def test_law_transformer_student_trains_all_its_parameters():
    torch.manual_seed(0)
    student = TransformerStudent(2, 32, 4, ff_dim=48, conv_dim=8).train()
    stages, _ = student(torch.randn(2, 8000), torch.ones(2))
    (stages[-1] * torch.randn_like(stages[-1])).sum().backward()
    for name, parameter in student.named_parameters():
        # Attention does not change with the bias of its keys.
        if not name.endswith("k_proj.bias"):
            assert parameter.grad.abs().max() > 1e-7, name
