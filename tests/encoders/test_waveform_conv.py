"""wav2vec 2.0's front end: transformers' numbers, padding without effect."""

import pytest
import torch
from torch import nn
from transformers import (
    HubertConfig,
    HubertModel,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2Model,
    WavLMModel,
)

from speechbrain_denokd.encoders.waveform_conv import (
    WaveformConv,
    copy_front_end,
)
from speechbrain_denokd.encoders.wavlm import WavLM
from speechbrain_denokd.encoders.wavlm_folder import save_random_wavlm
from tests.encoders.test_wavlm import padded_batch
from tests.encoders.unispeech_layout import tiny_config

LENGTHS = (16000, 400, 9137, 12001)
SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "conv_dim": [8] * 7,
}


def build(**kwargs):
    """A tiny front end whose every weight matters."""
    torch.manual_seed(0)
    front_end = WaveformConv(hidden_dim=16, conv_dim=8, **kwargs)
    for parameter in front_end.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return front_end.eval()


@pytest.mark.parametrize(
    ("kwargs", "expected"),
    [
        ({}, 4_200_448),
        ({"norm": "layer"}, 4_206_592),
        ({"norm": "layer", "conv_bias": True}, 4_210_176),
    ],
)
def test_fact_parameter_counts(kwargs, expected):
    with torch.device("meta"):
        front_end = WaveformConv(**kwargs)
    convolutions, projection = (
        sum(p.numel() for p in part.parameters())
        for part in (front_end.convolutions, front_end.projection)
    )
    assert (convolutions, projection) == (expected, 526_336)


@pytest.mark.parametrize(
    ("seconds", "expected"), [(1, 49), (2, 99), (3, 149), (4, 199)]
)
def test_fact_frame_counts(seconds, expected):
    n_samples = torch.tensor([16000 * seconds])
    front_end = build()
    frames, n_frames = front_end(torch.randn(1, 16000 * seconds), n_samples)
    assert frames.shape[1] == n_frames.item() == expected
    assert front_end.count_frames(n_samples).item() == expected


@pytest.mark.parametrize("n_samples", [400, 719, 720, 1039, 1040, 5001])
def test_law_counts_are_those_of_the_convolutions(n_samples):
    front_end = build()
    frames, n_frames = front_end(
        torch.randn(1, n_samples), torch.tensor([n_samples])
    )
    assert frames.shape[1] == n_frames.item()
    assert front_end.min_samples == 400


@pytest.mark.parametrize("norm", ["group", "layer"])
@pytest.mark.parametrize(
    ("kind", "config"),
    [(HubertModel, HubertConfig), (Wav2Vec2Model, Wav2Vec2Config)],
)
def test_reference_transformers_hidden_states(kind, config, norm):
    """With a model's weights, the frames are the input of its blocks."""
    torch.manual_seed(0)
    model = kind(config(**SIZES, feat_extract_norm=norm)).eval()
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    front_end = WaveformConv(hidden_dim=16, conv_dim=8, norm=norm).eval()
    copy_front_end(front_end, model)

    wav = 0.1 * torch.randn(1, 9000) + 0.3
    frames, _ = front_end(wav, torch.tensor([9000]))
    features = Wav2Vec2FeatureExtractor(do_normalize=True)(
        wav[0].numpy(), sampling_rate=16000, return_tensors="pt"
    ).input_values
    expected = model.feature_projection(
        model.feature_extractor(features).transpose(1, 2)
    )
    if isinstance(expected, tuple):
        expected = expected[0]
    torch.testing.assert_close(frames, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("fill", [0.0, 5.0, float("nan")])
@pytest.mark.parametrize("norm", ["group", "layer"])
@pytest.mark.parametrize("normalise_wavs", [True, False])
def test_law_padding_is_invisible(norm, normalise_wavs, fill):
    front_end = build(norm=norm, normalise_wavs=normalise_wavs)
    utterances, wavs, _ = padded_batch(LENGTHS, fill)
    frames, n_frames = front_end(wavs, torch.tensor(LENGTHS))
    assert n_frames.tolist() == [49, 1, 28, 37]
    # NaN would spoil gradients even where its frames are not used.
    assert frames.isfinite().all()
    for i, utterance in enumerate(utterances):
        alone, n = front_end(utterance[None], torch.tensor([len(utterance)]))
        assert n.item() == n_frames[i] == alone.shape[1]
        torch.testing.assert_close(
            frames[i, : n_frames[i]], alone[0], rtol=0, atol=1e-4
        )


@pytest.mark.parametrize("normalise_wavs", [True, False])
def test_law_gain_matters_only_without_normalisation(normalise_wavs):
    """A layer norm in each layer leaves gain to the biases alone."""
    front_end = build(
        norm="layer", conv_bias=True, normalise_wavs=normalise_wavs
    )
    wav, n_samples = 0.1 * torch.randn(1, 8000), torch.tensor([8000])
    quiet, _ = front_end(wav, n_samples)
    loud, _ = front_end(10 * wav, n_samples)
    assert torch.allclose(quiet, loud, atol=1e-3) == normalise_wavs


def test_fact_signal_survives_initial_weights():
    """PyTorch's default leaves a variance of 2e-7, below the norm's eps."""
    torch.manual_seed(0)
    front_end = WaveformConv(hidden_dim=16).eval()
    features = front_end.convolutions(torch.randn(1, 16000))
    assert features.var(dim=1).mean() > 1e-2


@pytest.mark.parametrize("norm", ["group", "layer"])
def test_law_gradients_reach_every_parameter(norm):
    front_end = build(norm=norm, conv_bias=norm == "layer").train()
    _, wavs, _ = padded_batch((9000, 5000), 0.0)
    frames, _ = front_end(wavs, torch.tensor([9000, 5000]))
    (frames[1, :14] * torch.randn(14, 16)).sum().backward()
    for name, parameter in front_end.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 1e-6, name


@pytest.mark.parametrize("as_folder", [True, False])
def test_fact_copy_takes_a_wavlm_or_its_folder(tmp_path, as_folder):
    folder = save_random_wavlm(tiny_config(), tmp_path)
    source = folder if as_folder else WavLM(folder)
    front_end = WaveformConv(hidden_dim=64, conv_dim=32, norm="layer")
    copy_front_end(front_end, source)
    model = WavLMModel.from_pretrained(folder)
    for ours, theirs in (
        (front_end.convolutions, model.feature_extractor),
        (front_end.projection, model.feature_projection),
    ):
        expected = theirs.state_dict()
        assert ours.state_dict().keys() == expected.keys()
        for name, weight in ours.state_dict().items():
            assert torch.equal(weight, expected[name]), name


def test_fact_copy_without_projection_leaves_it():
    """A base model's map has 768 channels; its convolutions fit any width."""
    model = HubertModel(HubertConfig(**{**SIZES, "hidden_size": 32}))
    front_end = build()
    before = [p.clone() for p in front_end.projection.parameters()]
    copy_front_end(front_end, model, projection=False)
    for old, new in zip(before, front_end.projection.parameters(), strict=True):
        assert torch.equal(old, new)
    assert torch.equal(
        front_end.convolutions.conv_layers[6].conv.weight,
        model.feature_extractor.conv_layers[6].conv.weight,
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"feat_extract_norm": "layer"}, "norm='layer'.*'group'.*through norm"),
        ({"conv_bias": True}, "conv_bias=True.*False"),
        ({"conv_dim": [9] * 7}, "conv_dim=.9, .*8, "),
        ({"hidden_size": 32}, "hidden_size=32.*16.*projection=False"),
    ],
)
def test_error_copy_from_another_kind(changes, message):
    model = HubertModel(HubertConfig(**{**SIZES, **changes}))
    with pytest.raises(ValueError, match=message):
        copy_front_end(build(), model)


def test_error_copy_from_missing_folder():
    with pytest.raises(FileNotFoundError, match="no model folder '/nowhere'"):
        copy_front_end(build(), "/nowhere")


def test_error_too_short():
    with pytest.raises(ValueError, match="399 samples .* at least 400"):
        build()(torch.zeros(2, 800), torch.tensor([800, 399]))


def test_fact_time_axis():
    front_end = build()
    assert (front_end.hop_samples, front_end.hop_ms) == (320, 20.0)
    assert front_end.first_frame_ms == 12.5
    assert isinstance(front_end, nn.Module) and front_end.hidden_dim == 16
