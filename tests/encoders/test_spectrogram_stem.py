"""The spectrogram stem: the rate of the pre-trained model, exact padding."""

import pytest
import torch
from torch import nn

from speechbrain_denokd.encoders.fbank import FbankFrontEnd
from speechbrain_denokd.encoders.spectrogram_stem import (
    SpectrogramStem,
    align_streams,
)
from speechbrain_denokd.encoders.waveform_conv import WaveformConv


@pytest.fixture
def stem():
    torch.manual_seed(0)
    return SpectrogramStem(n_mels=5, channels=7)


def test_fact_parameter_count():
    stem = SpectrogramStem()
    assert sum(p.numel() for p in stem.parameters()) == 410_624


def test_fact_three_seconds_are_149_frames_in_both_streams():
    n_samples = torch.tensor([48000])
    features, n_mel_frames = FbankFrontEnd()(torch.randn(1, 48000), n_samples)
    frames, n_frames = SpectrogramStem()(features, n_mel_frames)
    assert n_mel_frames.tolist() == [301]
    assert frames.shape == (1, 149, 1024) and n_frames.tolist() == [149]
    with torch.device("meta"):
        front_end = WaveformConv()
    assert torch.equal(front_end.count_frames(n_samples), n_frames)


def test_law_streams_of_any_length_agree_within_one_frame():
    """Frames of the Fbank front end and of wav2vec 2.0's convolutions."""
    n_samples = torch.arange(640, 5000)
    stem_frames = (1 + n_samples // 160 - 5) // 2 + 1
    with torch.device("meta"):
        front_end = WaveformConv()
    missing = front_end.count_frames(n_samples) - stem_frames
    assert missing.unique().tolist() == [0, 1]


def test_reference_torchs_instance_norm(stem):
    features = torch.randn(2, 41, 5)
    frames, n_frames = stem(features, torch.tensor([41, 41]))
    expected = nn.InstanceNorm1d(7)(stem.conv(features.transpose(1, 2)))
    assert n_frames.tolist() == [19, 19]
    torch.testing.assert_close(
        frames, expected.transpose(1, 2), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("fill", [0.0, 9.0, float("nan")])
def test_law_padding_is_invisible(stem, fill):
    lengths = (41, 40, 7, 22)
    utterances = [torch.randn(n, 5) for n in lengths]
    batch = torch.full((4, 41, 5), fill)
    for row, utterance in zip(batch, utterances, strict=True):
        row[: len(utterance)] = utterance
    frames, n_frames = stem(batch, torch.tensor(lengths))
    for i, utterance in enumerate(utterances):
        alone, n = stem(utterance[None], torch.tensor([len(utterance)]))
        assert n.item() == n_frames[i] == alone.shape[1]
        torch.testing.assert_close(
            frames[i, : n_frames[i]], alone[0], rtol=0, atol=1e-5
        )
        assert not frames[i, n_frames[i] :].any()


def test_fact_gradients(stem):
    """All but the bias, which the norm takes out again."""
    frames, _ = stem(torch.randn(2, 41, 5), torch.tensor([41, 20]))
    (frames * torch.randn_like(frames)).sum().backward()
    assert stem.conv.weight.grad.abs().max() > 1e-2
    assert stem.conv.bias.grad.abs().max() < 1e-4


def test_fact_the_longer_stream_is_cut():
    frames = torch.arange(6.0).view(2, 3, 1)
    states = [torch.arange(8.0).view(2, 4, 1) + i for i in (10, 20)]
    cut, cut_states, n_frames = align_streams(
        frames, torch.tensor([3, 2]), states, torch.tensor([4, 1])
    )
    assert n_frames.tolist() == [3, 1]
    assert torch.equal(cut, frames)
    for before, after in zip(states, cut_states, strict=True):
        assert torch.equal(after, before[:, :3])
    # The other way round.
    cut, cut_states, n_frames = align_streams(
        states[0], torch.tensor([4, 2]), [frames], torch.tensor([3, 1])
    )
    assert cut.shape[1] == cut_states[0].shape[1] == 3
    assert n_frames.tolist() == [3, 1]


def test_error_streams_of_different_audio():
    with pytest.raises(
        ValueError, match="utterance 1 has 90 .* but 92 of the pre-trained"
    ):
        align_streams(
            torch.zeros(2, 149, 1),
            torch.tensor([149, 90]),
            [torch.zeros(2, 150, 1)],
            torch.tensor([150, 92]),
        )


def test_error_too_short(stem):
    with pytest.raises(ValueError, match="4 mel frames .* at least 5"):
        stem(torch.zeros(2, 9, 5), torch.tensor([9, 4]))
    assert stem.min_frames == 5
