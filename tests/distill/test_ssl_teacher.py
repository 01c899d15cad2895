"""Teachers by hidden states: whose states they are, and of what audio."""

import pytest
import torch

from speechbrain_denokd.distill.ssl_teacher import (
    StagesAsStates,
    ssl_teacher_from_folder,
    ssl_teacher_from_source,
    stage_teacher_from_folder,
)
from speechbrain_denokd.encoders.output import EncoderOutput
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


@pytest.fixture(scope="module")
def of_stages(tmp_path_factory):
    """A teacher by its stages, and the encoder that has them."""
    folder = str(write_teacher(tmp_path_factory.mktemp("stages") / "model"))
    return stage_teacher_from_folder(folder), read_model_folder(folder).encoder


def test_fact_states_are_the_stages_at_every_second_frame(of_stages):
    """State j is centred at 12.5 + 20 j ms, frame k at 10 k ms."""
    teacher, encoder = of_stages
    output = teacher(WAVS, LENS).output
    expected = encoder.eval()(WAVS, LENS)
    assert len(output.states) == len(expected.stages) > 1
    for ours, theirs in zip(output.states, expected.stages, strict=True):
        assert torch.equal(ours, theirs[:, 1::2])
    # 8000 samples are frames 0 to 50, 4800 are frames 0 to 30.
    assert output.n_frames.tolist() == [25, 15]


def test_law_padding_is_invisible(of_stages):
    teacher, _ = of_stages
    alone = teacher(WAVS[1:, :4800], torch.ones(1)).output
    padded = teacher(WAVS, LENS).output
    for ours, theirs in zip(padded.states, alone.states, strict=True):
        torch.testing.assert_close(ours[1:, :15], theirs, rtol=0, atol=1e-4)


def test_fact_stages_of_several_widths_are_refused():
    class Two(torch.nn.Module):
        frame_hop_ms, first_frame_ms = 10.0, 0.0

        def forward(self, wavs, lens):
            stages = torch.zeros(1, 3, 4), torch.zeros(1, 3, 5)
            return EncoderOutput(stages, stages[0], wavs, lens)

    with pytest.raises(ValueError, match=r"\[4, 5\] channels"):
        StagesAsStates(Two())
