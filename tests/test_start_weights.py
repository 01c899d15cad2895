"""Weights that training starts from: all of them, or an error."""

from types import SimpleNamespace as Box

import pytest
import torch
from speechbrain.lobes.models.ECAPA_TDNN import Classifier
from transformers import WavLMModel

from speechbrain_denokd.encoders.late_fusion import LateFusion
from speechbrain_denokd.encoders.mhfa import Mhfa
from speechbrain_denokd.encoders.speaker_masks import SpeakerMaskedEncoder
from speechbrain_denokd.encoders.speaker_weighted import (
    SpeakerWeightedEncoder,
)
from speechbrain_denokd.encoders.ssl_head_encoder import SslHeadEncoder
from speechbrain_denokd.encoders.waveform_conv import WaveformConv
from speechbrain_denokd.encoders.wavlm import WavLM, standardise
from speechbrain_denokd.encoders.wavlm_blank import BlankWavLM
from speechbrain_denokd.encoders.wavlm_folder import (
    save_random_wavlm,
    wavlm_large_config,
)
from speechbrain_denokd.model_folder import write_model_folder
from speechbrain_denokd.start_weights import (
    start_from_single,
    start_front_end,
    start_weights,
)
from tests.tiny import ENCODER_TEXT, tiny_encoder

SPEAKERS = ["ann", "bob", "eve"]
SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": [8] * 7,
}
WAVS, LENS = torch.randn(2, 8000), torch.tensor([1.0, 0.6])


def head(n=3):
    return Classifier(16, lin_neurons=16, out_neurons=n)


@pytest.fixture
def model(tmp_path):
    """Encoder, class centres and their folder."""
    encoder, classifier = tiny_encoder(seed=1), head()
    write_model_folder(
        tmp_path / "model",
        ENCODER_TEXT,
        encoder,
        classifier,
        SPEAKERS,
        30,
        0.2,
    )
    return encoder, classifier, str(tmp_path / "model")


def ssl_student(normalise=True, **changes):
    ptm = BlankWavLM(
        wavlm_large_config(**{**SIZES, **changes}), normalise=normalise
    )
    return SslHeadEncoder(
        ptm, Mhfa(ptm.n_stages, ptm.hidden_dim, 2, 8, embedding_dim=8)
    )


def test_fact_student_and_centres_are_the_models(model):
    encoder, classifier, folder = model
    student, centres = tiny_encoder(seed=2), head()
    modules = {"student": student, "classifier": centres}
    start_weights(modules, SPEAKERS, init_from=folder)
    assert torch.equal(
        student(WAVS, LENS).embedding, encoder(WAVS, LENS).embedding
    )
    assert torch.equal(centres.weight, classifier.weight)


def test_fact_a_pre_trained_model_fills_the_students(tmp_path):
    source = save_random_wavlm(wavlm_large_config(**SIZES), tmp_path, seed=3)
    student = ssl_student().eval()
    start_weights({"student": student}, [], ptm_source=source)
    with torch.no_grad():
        states, expected = student(WAVS, LENS).states, WavLM(source)(WAVS, LENS)
    for ours, theirs in zip(states, expected.stages[1:], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def test_fact_a_model_folder_goes_before_a_pre_trained_model(model):
    _, classifier, folder = model
    modules = {"student": tiny_encoder(seed=2), "classifier": head()}
    start_weights(modules, SPEAKERS, folder, "microsoft/wavlm-large")
    assert torch.equal(modules["classifier"].weight, classifier.weight)


@pytest.mark.parametrize(
    ("speakers", "common"), [(["ann", "eve", "bob"], 3), (["ann", "zoe"], 1)]
)
def test_error_other_speakers_or_another_order(model, speakers, common):
    modules = {"student": tiny_encoder(), "classifier": head(len(speakers))}
    with pytest.raises(
        ValueError,
        match=f"3 speakers, of which {common} are among the {len(speakers)}",
    ):
        start_weights(modules, speakers, init_from=model[2])


def test_error_classes_of_speed_perturbation(model):
    modules = {"student": tiny_encoder(), "classifier": head(9)}
    with pytest.raises(ValueError, match="do not fit a Classifier .*size mis"):
        start_weights(modules, SPEAKERS, init_from=model[2])


def test_error_another_architecture(model):
    modules = {"student": ssl_student(), "classifier": head()}
    with pytest.raises(
        ValueError, match="do not fit a SslHeadEncoder .*Missing key"
    ):
        start_weights(modules, SPEAKERS, init_from=model[2])


def test_error_no_such_folder():
    modules = {"student": tiny_encoder(), "classifier": head()}
    with pytest.raises(FileNotFoundError, match="no model folder at nowhere"):
        start_weights(modules, SPEAKERS, init_from="nowhere")


def test_error_a_pre_trained_model_of_other_sizes(tmp_path):
    source = save_random_wavlm(wavlm_large_config(**SIZES), tmp_path)
    student = ssl_student(num_hidden_layers=3)
    with pytest.raises(ValueError, match="do not fit a WavLMModel .*Missing"):
        start_weights({"student": student}, [], ptm_source=source)


def test_error_a_pre_trained_model_of_other_audio(tmp_path):
    config = wavlm_large_config(**SIZES)
    source = save_random_wavlm(config, tmp_path, normalise=False)
    with pytest.raises(ValueError, match="normalize_wav=False.*built with Tr"):
        start_weights({"student": ssl_student()}, [], ptm_source=source)


def several(embedding_dim=16):
    return SpeakerWeightedEncoder(
        tiny_encoder(seed=2), n_speakers=2, embedding_dim=embedding_dim
    ).eval()


def test_law_every_output_starts_as_the_single_speaker_model(model):
    """Had it the model's own pooling, it would give the model's embedding."""
    encoder, classifier, folder = model
    student, centres = several(), head()
    start_from_single(student, centres, SPEAKERS, folder)
    with torch.no_grad():
        single = encoder(WAVS, torch.ones(2))
        torch.testing.assert_close(
            student.encoder(WAVS, torch.ones(2)).embedding, single.embedding
        )
        network = encoder.network
        pooled = network.asp(
            single.frames.transpose(1, 2),
            lengths=single.n_frames / single.frames.shape[1],
        ).squeeze(2)
        for linear in student.linears:
            torch.testing.assert_close(
                linear(student.norm(pooled)), single.embedding
            )
    torch.testing.assert_close(centres.weight, classifier.weight)


def test_law_what_does_not_fit_starts_at_random(model):
    """Other speakers keep their centres, other sizes their last layer."""
    _, classifier, folder = model
    student, centres = several(embedding_dim=8), head()
    before = [linear.weight.clone() for linear in student.linears]
    start_from_single(student, centres, ["someone"] * 3, folder)
    for linear, weight in zip(student.linears, before, strict=True):
        assert torch.equal(linear.weight, weight)
    assert not torch.equal(centres.weight, classifier.weight)


def test_fact_masks_are_learnt_before_the_model_itself(model):
    encoder, classifier, folder = model
    student, centres = SpeakerMaskedEncoder(tiny_encoder(seed=2)), head()
    start_from_single(student, centres, SPEAKERS, folder)
    with torch.no_grad():
        torch.testing.assert_close(
            student.encoder(WAVS, torch.ones(2)).embedding,
            encoder(WAVS, torch.ones(2)).embedding,
        )
    torch.testing.assert_close(centres.weight, classifier.weight)


def test_error_a_student_without_an_inner_encoder(model):
    with pytest.raises(ValueError, match="no encoder of single speakers"):
        start_from_single(tiny_encoder(), head(), SPEAKERS, model[2])


def sv_mixer_student(hidden_dim=16):
    """Stands for an encoder with an SV-Mixer in it."""
    front_end = WaveformConv(hidden_dim, conv_dim=8, norm="layer")
    return Box(ptm=Box(front_end=front_end))


def test_fact_a_front_end_computes_what_the_pretrained_one_does(tmp_path):
    source = save_random_wavlm(wavlm_large_config(**SIZES), tmp_path)
    student = sv_mixer_student()
    start_weights({"student": student}, [], front_end_source=source)
    wavs = standardise(WAVS[:, :, None], torch.tensor([8000, 8000]), 1e-7)
    theirs = WavLMModel.from_pretrained(source).eval()
    expected = theirs.feature_projection(
        theirs.feature_extractor(wavs[:, :, 0]).transpose(1, 2)
    )[0]
    front_end = student.ptm.front_end.eval()
    frames, _ = front_end(WAVS, torch.tensor([8000, 8000]))
    torch.testing.assert_close(frames, expected, rtol=1e-4, atol=1e-5)


def test_error_front_ends_of_other_sizes(tmp_path):
    source = save_random_wavlm(wavlm_large_config(**SIZES), tmp_path)
    with pytest.raises(ValueError, match="hidden_size=16.*built with 24"):
        start_front_end(sv_mixer_student(24), source)


def test_fact_members_are_the_models_in_their_order(model, tmp_path):
    encoder, classifier, folder = model
    other = tiny_encoder(seed=5)
    write_model_folder(
        tmp_path / "other", ENCODER_TEXT, other, classifier, SPEAKERS, 30, 0.2
    )
    student = LateFusion(tiny_encoder(seed=2), tiny_encoder(seed=3)).eval()
    folders = [folder, str(tmp_path / "other")]
    start_weights({"student": student}, SPEAKERS, members_from=folders)
    for member, source in zip(student.members, (encoder, other), strict=True):
        assert torch.equal(
            member(WAVS, LENS).embedding, source.eval()(WAVS, LENS).embedding
        )


def test_fact_a_member_of_other_sizes_is_refused(model):
    student = LateFusion(tiny_encoder(), ssl_student())
    with pytest.raises(ValueError, match="do not fit a SslHeadEncoder"):
        start_weights(
            {"student": student}, SPEAKERS, members_from=[model[2]] * 2
        )
