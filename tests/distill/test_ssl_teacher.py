"""Teachers by hidden states: whose states they are, and of what audio."""

import pytest
import torch
from speechbrain.lobes.models.ECAPA_TDNN import Classifier

from speechbrain_denokd.distill.ssl_teacher import (
    StagesAsStates,
    StatesOnWavLMClock,
    ssl_teacher_from_folder,
    ssl_teacher_from_source,
    stage_teacher_from_folder,
)
from speechbrain_denokd.encoders.ge2e import Ge2eLstm
from speechbrain_denokd.encoders.mean_head import MeanHead
from speechbrain_denokd.encoders.output import EncoderOutput
from speechbrain_denokd.encoders.ssl_head_encoder import SslHeadEncoder
from speechbrain_denokd.encoders.wavlm import WavLM
from speechbrain_denokd.encoders.wavlm_folder import save_random_wavlm
from speechbrain_denokd.model_folder import (
    read_model_folder,
    write_model_folder,
)
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


def test_law_states_of_another_clock_are_picked_at_wavlms_frames():
    """Frame j of WavLM lies at 12.5 + 20 j ms: nearest to 10 (2 j + 1) ms."""
    torch.manual_seed(4)
    ge2e = Ge2eLstm(n_layers=2, hidden_dim=8, stride=1)
    encoder = SslHeadEncoder(ge2e, MeanHead(3, 8)).eval()
    wavs, lens = torch.randn(2, 8000), torch.tensor([1.0, 0.6])
    own = encoder(wavs, lens)
    output = StatesOnWavLMClock(encoder)(wavs, lens)
    assert own.frames.shape[1] == 51 and output.n_frames.tolist() == [25, 15]
    assert len(output.states) == len(own.states) == 2
    for picked, state in zip(output.states, own.states, strict=True):
        assert torch.equal(picked, state[:, 1::2])
    assert torch.equal(output.frames, own.frames[:, 1::2])


def test_fact_a_model_folder_of_another_clock_is_a_teacher(tmp_path):
    torch.manual_seed(5)
    ge2e = Ge2eLstm(n_layers=2, hidden_dim=8, stride=1)
    encoder = SslHeadEncoder(ge2e, MeanHead(3, 8))
    text = """\
encoder: !new:speechbrain_denokd.encoders.ssl_head_encoder.SslHeadEncoder
    ptm: !new:speechbrain_denokd.encoders.ge2e.Ge2eLstm
        n_layers: 2
        hidden_dim: 8
        stride: 1
    head: !new:speechbrain_denokd.encoders.mean_head.MeanHead
        n_stages: 3
        input_dim: 8"""
    classifier = Classifier(8, lin_neurons=8, out_neurons=1)
    write_model_folder(
        tmp_path / "model", text, encoder, classifier, ["ann"], 16, 0.2
    )
    teacher = ssl_teacher_from_folder(str(tmp_path / "model"))
    assert (teacher.frame_hop_ms, teacher.first_frame_ms) == (20.0, 12.5)
    wavs = torch.randn(1, 8000)
    states = teacher(wavs, torch.ones(1)).output.states
    expected = encoder.eval()(wavs, torch.ones(1)).states
    torch.testing.assert_close(states[1], expected[1][:, 1::2])
