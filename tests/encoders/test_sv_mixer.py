"""SV-Mixer: the paper's sizes, and its three ways with other lengths."""

import pytest
import torch

from speechbrain_denokd.encoders import sv_mixer
from speechbrain_denokd.encoders.sv_mixer import SvMixer
from speechbrain_denokd.encoders.waveform_conv import WaveformConv
from tests.encoders.test_wavlm import padded_batch

# Nine frames: 2960 to 3279 samples.
N_TOKENS = 9
LENGTHS = (16000, 800, 9137, 3000, 12001)


def build(length_policy="windows", **kwargs):
    torch.manual_seed(0)
    mixer = SvMixer(
        WaveformConv(hidden_dim=16, conv_dim=8),
        n_layers=2,
        n_tokens=N_TOKENS,
        n_groups=4,
        length_policy=length_policy,
        **kwargs,
    )
    for parameter in mixer.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return mixer.eval()


def test_fact_parameter_count_of_the_paper():
    with torch.device("meta"):
        mixer = SvMixer(WaveformConv())
    assert sum(p.numel() for p in mixer.parameters()) == 49_680_460
    assert sum(p.numel() for p in mixer.layers[0].parameters()) == 3_745_969
    assert (mixer.n_stages, mixer.hidden_dim) == (13, 1024)


def test_fact_lengths_of_the_paper():
    with torch.device("meta"):
        mixer = SvMixer(WaveformConv(), length_policy="fixed")
    assert (mixer.min_samples, mixer.window_samples) == (47_760, 48_079)
    ends = torch.tensor([47_759, 47_760, 48_079, 48_080], device="cpu")
    assert mixer.count_frames(ends).tolist() == [148, 149, 149, 150]
    assert (mixer.frame_hop_ms, mixer.first_frame_ms) == (20.0, 12.5)


@pytest.mark.parametrize("policy", ["fixed", "windows", "interpolate"])
def test_law_all_policies_agree_at_the_papers_length(policy):
    fixed, mixer = build("fixed"), build(policy)
    wavs, lens = torch.randn(3, 3200), torch.tensor([1.0, 0.95, 3000 / 3200])
    expected = fixed(wavs, lens)
    output = mixer(wavs, lens)
    assert output.n_frames.tolist() == [N_TOKENS] * 3
    for ours, theirs in zip(output.stages, expected.stages, strict=True):
        assert torch.equal(ours, theirs)


def test_law_a_window_sees_no_other_recording():
    """Beside a longer recording, one of nine frames is as with `fixed`."""
    wavs = torch.randn(2, 9000)
    alone = build("fixed")(wavs[1:, :3000], torch.ones(1)).stages
    beside = build("windows")(wavs, torch.tensor([1.0, 3000 / 9000])).stages
    for ours, theirs in zip(beside, alone, strict=True):
        torch.testing.assert_close(ours[1, :9], theirs[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("fill", [0.0, 5.0, float("nan")])
@pytest.mark.parametrize("policy", ["windows", "interpolate"])
def test_law_padding_is_invisible(policy, fill):
    mixer = build(policy)
    utterances, wavs, lens = padded_batch(LENGTHS, fill)
    stages, n_frames = mixer(wavs, lens)
    assert n_frames.tolist() == [49, 2, 28, 9, 37]
    for i, utterance in enumerate(utterances):
        alone, n = mixer(utterance[None], torch.ones(1))
        assert n.item() == n_frames[i] == alone[0].shape[1]
        for batched, single in zip(stages, alone, strict=True):
            torch.testing.assert_close(
                batched[i, : n_frames[i]], single[0], rtol=0, atol=1e-4
            )


def test_law_trailing_padding_of_the_fixed_policy_is_invisible():
    mixer = build("fixed")
    utterances, wavs, _ = padded_batch((3200, 2960), 0.0)
    wide = torch.nn.functional.pad(wavs, (0, 3200), value=7.0)
    stages, n_frames = mixer(wide, torch.tensor([0.5, 2960 / 6400]))
    assert n_frames.tolist() == [9, 9]
    alone = mixer(utterances[1][None], torch.ones(1)).stages
    for batched, single in zip(stages, alone, strict=True):
        assert batched.shape[1] == 9
        torch.testing.assert_close(batched[1], single[0], rtol=0, atol=1e-4)


def test_reference_windows_by_hand():
    """15 frames: windows from frames 0, 3 and 6, each alone, averaged."""
    wav = torch.randn(1, 400 + 14 * 320)
    mixer, fixed = build("windows"), build("fixed")
    totals = [torch.zeros(15, 16) for _ in range(3)]
    counts = torch.zeros(15, 1)
    for start in (0, 3, 6):
        # All that the window's frames can hear, up to the next frame.
        piece = wav[:, 320 * start : 320 * start + 3279]
        for total, stage in zip(
            totals, fixed(piece, torch.ones(1)).stages, strict=True
        ):
            total[start : start + 9] += stage[0]
        counts[start : start + 9] += 1
    stages = mixer(wav, torch.ones(1)).stages
    for ours, total in zip(stages, totals, strict=True):
        torch.testing.assert_close(ours[0], total / counts, rtol=0, atol=1e-5)


def test_reference_short_recording_is_repeated():
    wav = torch.randn(1, 1500)
    stages, n_frames = build("windows")(wav, torch.ones(1))
    assert n_frames.tolist() == [4]
    repeated = wav.repeat(1, 3)[:, :3279]
    expected = build("fixed")(repeated, torch.ones(1)).stages
    for ours, theirs in zip(stages, expected, strict=True):
        torch.testing.assert_close(ours, theirs[:, :4], rtol=0, atol=1e-5)


def test_law_memory_is_bounded_without_gradient(monkeypatch):
    """A minute goes through a few windows at a time, with the same result."""
    mixer = build("windows")
    wav = torch.randn(1, 960_000)
    whole = mixer(wav, torch.ones(1)).stages
    sizes = []
    mixer.front_end.register_forward_hook(
        lambda _, inputs, output: sizes.append(inputs[0].shape)
    )
    with torch.no_grad():
        stages, n_frames = mixer(wav, torch.ones(1))
    assert n_frames.tolist() == [2999]
    assert max(n_rows for n_rows, _ in sizes) == sv_mixer.WINDOWS_AT_ONCE
    assert max(length for _, length in sizes) == mixer.window_samples
    for ours, theirs in zip(stages, whole, strict=True):
        torch.testing.assert_close(ours, theirs.detach(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("policy", ["fixed", "windows", "interpolate"])
def test_law_gradients_reach_every_parameter(policy):
    mixer = build(policy).train()
    n_samples = 3000 if policy == "fixed" else 7000
    stages, _ = mixer(torch.randn(2, n_samples), torch.ones(2))
    (stages[-1] * torch.randn_like(stages[-1])).sum().backward()
    for name, parameter in mixer.named_parameters():
        assert parameter.grad.abs().max() > 1e-6, name


def test_fact_stages_are_the_blocks_outputs():
    mixer = build("fixed")
    wav = torch.randn(1, 3000)
    stages, _ = mixer(wav, torch.ones(1))
    frames, _ = mixer.front_end(wav, torch.tensor([3000]))
    assert len(stages) == mixer.n_stages == 3
    assert torch.equal(stages[0], frames)
    assert torch.equal(stages[1], mixer.layers[0](frames))
    assert torch.equal(stages[2], mixer.norm(mixer.layers[1](stages[1])))


def test_fact_no_dropout_behind_the_last_block():
    mixer = SvMixer(WaveformConv(hidden_dim=16, conv_dim=8), n_layers=3)
    rates = [layer.channel.dropout.p for layer in mixer.layers]
    assert rates == [0.1, 0.1, 0.0]


@pytest.mark.parametrize(
    ("lens", "wrong"), [([1.0, 0.5], 6400), ([0.5, 0.25], 1600)]
)
def test_error_fixed_refuses_other_lengths(lens, wrong):
    with pytest.raises(
        ValueError,
        match=f"{wrong} samples.*'fixed'.*2960 to 3279 .9 frames.*'windows' or",
    ):
        build("fixed")(torch.randn(2, 6400), torch.tensor(lens))


@pytest.mark.parametrize(
    ("policy", "needed"), [("windows", 400), ("interpolate", 720)]
)
def test_error_too_short(policy, needed):
    mixer = build(policy)
    assert mixer.min_samples == needed
    mixer(torch.randn(1, needed), torch.ones(1))
    with pytest.raises(ValueError, match=f"{needed - 1} samples.*{needed}"):
        mixer(torch.randn(1, needed - 1), torch.ones(1))


def test_error_unknown_policy():
    with pytest.raises(ValueError, match="'crop'.*fixed, windows, interpolate"):
        build("crop")
