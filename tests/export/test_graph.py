"""Graphs of whole encoders: sizes, lengths, refusals."""

import pytest
import torch
from torch import nn

from speechbrain_denokd.encoders.ecapa import EcapaTdnn
from speechbrain_denokd.encoders.fbank import FbankFrontEnd
from speechbrain_denokd.encoders.masks import valid_samples
from speechbrain_denokd.encoders.output import EncoderOutput
from speechbrain_denokd.encoders.wav_encoder import WavEncoder
from speechbrain_denokd.export.graph import (
    EmbeddingGraph,
    capture,
    min_samples,
    trace,
)
from tests.tiny import CHANNELS


class Moody(nn.Module):
    """Takes another way for loud audio: no graph can."""

    def forward(self, wavs, lens):
        if bool(wavs.max() > 1):
            wavs = wavs / 2
        return EncoderOutput((), wavs, wavs[:, :2], lens)


class Lengths(nn.Module):
    """Says what lengths it was given."""

    def forward(self, wavs, lens):
        n_samples = valid_samples(lens, wavs.shape[1])
        return EncoderOutput((), wavs, n_samples[:, None], n_samples)


def test_law_an_encoder_hears_the_very_number_of_samples():
    wavs = torch.zeros(1000, 1).expand(-1, 7_654_321)  # eight minutes
    n_samples = torch.randint(1, 7_654_322, (1000,))
    found = EmbeddingGraph(Lengths())(wavs, n_samples)
    assert torch.equal(found[:, 0], n_samples)


def test_fact_the_shortest_recording_has_the_networks_context():
    # A kernel of 3, dilated by 20, mirrors 20 frames: 21 are needed.
    network = EcapaTdnn(
        24, lin_neurons=16, channels=CHANNELS, dilations=[1, 2, 3, 20, 1]
    )
    assert min_samples(WavEncoder(FbankFrontEnd(24), network)) == 3200


def test_fact_what_no_graph_can_do_is_refused_by_name():
    with pytest.raises(ValueError, match="Moody cannot be exported so"):
        capture(Moody())


def test_fact_a_trace_keeps_one_way_only():
    """Which is why there is a gate."""
    loud = torch.full((1, 8), 4.0)
    n_samples = torch.tensor([8])
    assert trace(Moody())(loud, n_samples)[0, 0] == 2.0
    assert EmbeddingGraph(Moody())(loud / 8, n_samples)[0, 0] == 0.5
    assert trace(Moody())(loud / 8, n_samples)[0, 0] == 0.25
