"""MIRNet's attention: Eq. (2), sizes, what each reading can tell apart."""

import pytest
import torch

from speechbrain_denokd.encoders.speaker_attention import (
    SpeakerAttention,
    speaker_views,
)


def _attention(attend_to, n_speakers=2):
    torch.manual_seed(0)
    return SpeakerAttention(5, n_speakers, attend_to, hidden_dim=7)


def test_fact_parameter_counts_are_the_paper_s():
    with torch.device("meta"):
        attention = SpeakerAttention()
    counts = [
        sum(p.numel() for p in part.parameters())
        for part in (attention.scores, attention.linear)
    ]
    assert counts == [33_025, 132_355]


def test_fact_blocks_go_round_for_three_speakers():
    views = speaker_views(torch.arange(6).reshape(1, 1, 6), n_speakers=3)
    assert views[0, :, 0].tolist() == [
        [0, 1, 2, 3, 4, 5],
        [2, 3, 4, 5, 0, 1],
        [4, 5, 0, 1, 2, 3],
    ]


@pytest.mark.parametrize("attend_to", ["v1", "vk"])
def test_reference_the_equations_one_speaker_at_a_time(attend_to):
    attention, v_1 = _attention(attend_to), torch.randn(3, 11, 10)
    v_2 = torch.cat([v_1[:, :, 5:], v_1[:, :, :5]], dim=2)  # Eq. (2)
    fc1, _, fc2 = attention.scores
    spectra, gates = attention(v_1)
    for k, v_k in enumerate([v_1, v_2]):
        hidden = (v_k @ fc1.weight.T + fc1.bias).tanh()
        w_k = 1 / (1 + (-(hidden @ fc2.weight.T + fc2.bias)).exp())
        heard = w_k * (v_1 if attend_to == "v1" else v_k)
        z_k = heard @ attention.linear.weight.T + attention.linear.bias
        z_k = torch.where(z_k > 0, z_k, 0.2 * z_k)
        torch.testing.assert_close(gates[:, k], w_k.squeeze(2))
        torch.testing.assert_close(spectra[:, k], z_k)


@pytest.mark.parametrize("n_speakers", [2, 3, 4])
def test_law_vk_turns_with_the_blocks_and_v1_does_not(n_speakers):
    frames = torch.randn(2, 11, 5 * n_speakers)
    turned = frames.roll(-5, dims=2)
    for attend_to in ("vk", "v1"):
        attention = _attention(attend_to, n_speakers)
        spectra, gates = attention(frames)
        turned_spectra, turned_gates = attention(turned)
        torch.testing.assert_close(turned_gates, gates.roll(-1, dims=1))
        same = torch.allclose(
            turned_spectra, spectra.roll(-1, dims=1), atol=1e-5
        )
        assert same == (attend_to == "vk")


def test_fact_in_v1_two_spectra_differ_by_a_gain_per_frame():
    """Why the paper's reading is the weaker one."""
    attention = _attention("v1")
    torch.nn.init.zeros_(attention.linear.bias)
    spectra, gates = attention(torch.randn(2, 11, 10))
    torch.testing.assert_close(
        spectra[:, 0] / gates[:, 0, :, None],
        spectra[:, 1] / gates[:, 1, :, None],
    )


def test_error_unknown_reading():
    with pytest.raises(ValueError, match="attend_to='v2' is not known.*'vk'"):
        SpeakerAttention(attend_to="v2")
