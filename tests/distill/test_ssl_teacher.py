"""Teachers by hidden states: whose states they are, and of what audio."""

import pytest
import torch

from speechbrain_denokd.distill.ssl_teacher import (
    ssl_teacher_from_folder,
    ssl_teacher_from_source,
)
from speechbrain_denokd.encoders.wavlm import WavLM
from speechbrain_denokd.encoders.wavlm_folder import save_random_wavlm
from speechbrain_denokd.model_folder import read_model_folder
from tests.encoders.unispeech_layout import tiny_config
from tests.tiny_setup import write_ssl_teacher, write_teacher

WAVS, LENS = 0.1 * torch.randn(2, 8000), torch.tensor([1.0, 0.6])


@pytest.fixture(params=["folder", "source"])
def teacher_and_states(request, tmp_path):
    """A teacher, and its states without it."""
    if request.param == "folder":
        folder = str(write_ssl_teacher(tmp_path / "model"))
        states = read_model_folder(folder).encoder(WAVS, LENS).states
        return ssl_teacher_from_folder(folder), states
    source = save_random_wavlm(tiny_config(), tmp_path)
    return ssl_teacher_from_source(source), WavLM(source)(WAVS, LENS).stages[1:]


def test_fact_it_hands_over_every_hidden_state(teacher_and_states):
    teacher, expected = teacher_and_states
    prediction = teacher.train()(WAVS, LENS, torch.tensor([0, 1]))
    assert prediction.logits is None
    assert len(prediction.output.states) == len(expected)
    for ours, theirs in zip(prediction.output.states, expected, strict=True):
        assert torch.equal(ours, theirs)
        assert ours.shape[2] == teacher.encoder.state_dim


def test_law_it_never_learns(teacher_and_states):
    teacher, _ = teacher_and_states
    assert not any(p.requires_grad for p in teacher.parameters())
    assert not any(m.training for m in teacher.train().modules())
    output = teacher(WAVS.clone().requires_grad_(), LENS).output
    assert not any(state.requires_grad for state in output.states)


def test_law_loudness_and_offset_of_the_audio_do_not_matter(
    teacher_and_states,
):
    """WavLM-large was trained on zero-mean, unit-variance audio."""
    teacher, expected = teacher_and_states
    states = teacher(3 * WAVS + 0.2, LENS).output.states
    for ours, theirs in zip(states, expected, strict=True):
        valid = ours.shape[1] * 6 // 10 - 1
        torch.testing.assert_close(
            ours[:, :valid], theirs[:, :valid], rtol=1e-3, atol=1e-4
        )


def test_error_an_encoder_without_hidden_states(tmp_path):
    folder = str(write_teacher(tmp_path / "model"))
    with pytest.raises(ValueError, match="is a WavEncoder, .*page ssl_"):
        ssl_teacher_from_folder(folder)
