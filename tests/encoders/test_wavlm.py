"""WavLM: exact layers, frames, modes and padding."""

import pytest
import torch
from transformers import Wav2Vec2FeatureExtractor, WavLMModel

from speechbrain_denokd.encoders.masks import valid_samples
from speechbrain_denokd.encoders.wavlm import WAV_EPS, WavLM, standardise
from speechbrain_denokd.encoders.wavlm_folder import (
    check_source,
    save_random_wavlm,
    wavlm_large_config,
)
from tests.encoders.unispeech_layout import (
    TINY_HEAD,
    random_checkpoint,
    tiny_config,
    wavlm_entries,
)

LENGTHS = (16000, 400, 9137, 12001)
NO_DROPOUT = {
    "hidden_dropout": 0.0,
    "attention_dropout": 0.0,
    "feat_proj_dropout": 0.0,
}
# Base models: group norm over time in the extractor, norms after the blocks.
BASE = {"feat_extract_norm": "group", "do_stable_layer_norm": False}


@pytest.fixture
def build(tmp_path):
    """A tiny WavLM whose every weight matters."""

    def build(changes=(), normalise=True, **kwargs):
        config = tiny_config(**dict(changes))
        folder = save_random_wavlm(config, tmp_path / "wavlm", normalise)
        wavlm = WavLM(folder, **kwargs)
        model = random_checkpoint(config, TINY_HEAD, n_classes=3)["model"]
        wavlm.model.load_state_dict(
            {new: model[old] for old, new, _ in wavlm_entries(config)}
        )
        return wavlm

    return build


def padded_batch(lengths, fill):
    """Utterances, the batch that pads them with `fill`, relative lengths."""
    generator = torch.Generator().manual_seed(1)
    utterances = [
        0.1 * torch.randn(n, generator=generator) + 0.01 for n in lengths
    ]
    wavs = torch.full((len(lengths), max(lengths)), fill)
    for row, utterance in zip(wavs, utterances, strict=True):
        row[: len(utterance)] = utterance
    return utterances, wavs, torch.tensor(lengths) / max(lengths)


def test_fact_large_has_315_million_parameters_in_488_tensors():
    with torch.device("meta"):
        model = WavLMModel(wavlm_large_config())
    assert sum(p.numel() for p in model.parameters()) == 315_453_120
    assert len(model.state_dict()) == 488


@pytest.mark.parametrize(
    ("seconds", "expected"), [(1, 49), (2, 99), (3, 149), (4, 199), (6, 299)]
)
def test_fact_frame_counts(build, seconds, expected):
    wavlm = build()
    n_samples = torch.tensor([16000 * seconds])
    assert wavlm.count_frames(n_samples).tolist() == [expected]
    extracted = wavlm.model.feature_extractor(torch.zeros(1, int(n_samples)))
    assert extracted.shape[2] == expected


def test_fact_time_axis(build):
    wavlm = build()
    assert wavlm.min_samples == 400
    assert wavlm.frame_hop_ms == 20.0
    assert wavlm.first_frame_ms == 12.5
    n_samples = torch.arange(1, 3000)
    formula = (n_samples - 400).div(320, rounding_mode="floor") + 1
    frames = wavlm.count_frames(n_samples)
    assert torch.equal(frames.clamp(min=0), formula.clamp(min=0))


def test_fact_one_frame_hears_400_samples_from_320_on(build):
    """A change of sample 719 reaches frame 1, of sample 720 it does not."""
    wavlm = build(normalise=False)
    wavs = torch.randn(3, 1040, generator=torch.Generator().manual_seed(0))
    wavs[1:] = wavs[0]
    wavs[1, 719] += 1
    wavs[2, 720] += 1
    frames = wavlm.model.feature_extractor(wavs).transpose(1, 2)
    assert not torch.allclose(frames[1, 1], frames[0, 1])
    assert torch.allclose(frames[2, 1], frames[0, 1])


@pytest.mark.parametrize("changes", [{}, BASE])
def test_fact_last_stage_is_the_encoders_output(build, changes):
    wavlm = build(changes)
    wavs = torch.randn(1, 8000)
    stages, _ = wavlm(wavs, torch.ones(1))
    wavs = standardise(wavs, torch.tensor([8000]), WAV_EPS)
    output = wavlm.model(wavs, output_hidden_states=True)
    assert len(stages) == wavlm.n_stages == 5
    assert torch.equal(stages[-1], output.last_hidden_state)
    for stage, hidden in zip(stages, output.hidden_states[:-1], strict=False):
        assert torch.equal(stage, hidden)


@pytest.mark.parametrize("fill", [0.0, 5.0, float("nan")])
@pytest.mark.parametrize("changes", [{}, BASE])
@pytest.mark.parametrize("normalise", [True, False])
def test_law_padding_is_invisible(build, changes, normalise, fill):
    wavlm = build(changes, normalise)
    utterances, wavs, lens = padded_batch(LENGTHS, fill)
    stages, n_frames = wavlm(wavs, lens)
    assert n_frames.tolist() == [49, 1, 28, 37]
    for i, utterance in enumerate(utterances):
        alone, n = wavlm(utterance[None], torch.ones(1))
        assert n.item() == n_frames[i] == alone[0].shape[1]
        for batched, single in zip(stages, alone, strict=True):
            torch.testing.assert_close(
                batched[i, : n_frames[i]], single[0], rtol=0, atol=1e-4
            )


def test_law_trailing_padding_of_the_whole_batch_is_invisible(build):
    """No utterance fills the batch: the group-norm path keeps its length."""
    wavlm = build(BASE)
    utterances, wavs, _ = padded_batch((9000, 6000), 0.0)
    wide = torch.nn.functional.pad(wavs, (0, 3000))
    stages, n_frames = wavlm(wide, torch.tensor([0.75, 0.5]))
    assert stages[0].shape[1] == wavlm.count_frames(torch.tensor(12000))
    alone, _ = wavlm(utterances[1][None], torch.ones(1))
    torch.testing.assert_close(
        stages[-1][1, : n_frames[1]], alone[-1][0], rtol=0, atol=1e-4
    )


def test_law_frozen_model_ignores_train(build):
    wavlm = build({"hidden_dropout": 0.5, "layerdrop": 0.9})
    wrapped = torch.nn.Sequential(wavlm).train()
    assert not any(module.training for module in wavlm.modules())
    assert wrapped.training
    wavs = torch.randn(2, 8000, requires_grad=True)
    first = wavlm(wavs, torch.ones(2)).stages
    second = wavlm(wavs, torch.ones(2)).stages
    for a, b in zip(first, second, strict=True):
        assert torch.equal(a, b) and not a.requires_grad


def test_law_training_drops_and_masks_nothing(build):
    """Without dropout, training mode computes what evaluation mode does."""
    changes = {"layerdrop": 0.9, "mask_time_prob": 0.9, **NO_DROPOUT}
    wavlm = build(changes, freeze=False)
    assert wavlm.model.training
    wavs = torch.randn(2, 8000)
    trained = wavlm(wavs, torch.ones(2)).stages
    evaluated = wavlm.eval()(wavs, torch.ones(2)).stages
    assert len(trained) == 5
    for a, b in zip(trained, evaluated, strict=True):
        assert torch.equal(a, b)


def test_fact_frozen_extractor_gets_no_gradient(build):
    wavlm = build(freeze=False, freeze_feature_extractor=True).train()
    wavs = torch.randn(1, 8000)
    wavlm(wavs, torch.ones(1)).stages[-1].square().sum().backward()
    extractor = wavlm.model.feature_extractor
    assert not extractor(wavs).requires_grad
    assert all(p.grad is None for p in extractor.parameters())
    assert wavlm.model.encoder.layers[0].attention.q_proj.weight.grad.any()


def test_reference_normalisation_is_the_feature_extractors():
    utterances, wavs, lens = padded_batch(LENGTHS, 7.0)
    expected = Wav2Vec2FeatureExtractor(
        do_normalize=True, return_attention_mask=True
    )(
        [utterance.numpy() for utterance in utterances],
        sampling_rate=16000,
        padding=True,
        return_tensors="pt",
    ).input_values
    normalised = standardise(wavs, valid_samples(lens, 16000), WAV_EPS)
    torch.testing.assert_close(normalised, expected, rtol=0, atol=1e-5)
    assert not normalised[1, 400:].any()


@pytest.mark.parametrize("normalise", [True, False])
def test_law_gain_matters_only_where_the_model_says_so(build, normalise):
    wavlm = build(normalise=normalise)
    _, wavs, lens = padded_batch(LENGTHS, 0.0)
    stages = wavlm(wavs, lens).stages
    louder = wavlm(wavs * 5 + 0.3, lens).stages
    same = torch.allclose(stages[-1], louder[-1], atol=1e-3)
    assert same == normalise


def test_fact_half_precision_checkpoint_is_computed_in_single(tmp_path):
    folder = save_random_wavlm(tiny_config(), tmp_path)
    WavLMModel.from_pretrained(folder).half().save_pretrained(folder)
    wavlm = WavLM(folder)
    assert {p.dtype for p in wavlm.parameters()} == {torch.float32}
    assert wavlm(torch.randn(1, 800), torch.ones(1)).stages[0].isfinite().all()


def test_fact_random_folder_depends_on_the_seed_alone(tmp_path):
    state = torch.get_rng_state()
    folders = [
        save_random_wavlm(tiny_config(), tmp_path / name, seed=seed)
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    ]
    assert torch.equal(state, torch.get_rng_state())
    first, again, other = (
        WavLM(folder).model.encoder.layers[0].attention.q_proj.weight
        for folder in folders
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_error_too_short(build):
    with pytest.raises(ValueError, match="399 samples .* at least 400"):
        build()(torch.zeros(2, 800), torch.tensor([1.0, 399 / 800]))


@pytest.mark.parametrize(
    "source", ["/nowhere/wavlm", "./wavlm", "~/wavlm", "wavlm", "a/b/c"]
)
def test_error_missing_folder(source):
    with pytest.raises(FileNotFoundError, match="no model folder"):
        WavLM(source)


def test_error_mistyped_relative_path(tmp_path, monkeypatch):
    """With one slash it looks like a hub id, but its parent is a folder."""
    monkeypatch.chdir(tmp_path)
    check_source("models/wavlm")
    (tmp_path / "models").mkdir()
    with pytest.raises(FileNotFoundError, match="no model folder 'models/w"):
        WavLM("models/wavlm")


@pytest.mark.parametrize(
    ("name", "lacks"),
    [
        ("config.json", "lacks config.json"),
        ("preprocessor_config.json", "lacks preprocessor_config.json"),
        ("model.safetensors", "lacks weights"),
    ],
)
def test_error_incomplete_folder(tmp_path, name, lacks):
    folder = save_random_wavlm(tiny_config(), tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(FileNotFoundError, match=lacks):
        WavLM(folder)
