"""Spectrogram and pre-trained model at one rate, for any length."""

import inspect
import re

import pytest
import torch
from hyperpyyaml import load_hyperpyyaml

from speechbrain_denokd.encoders.dual_branch import DualBranch
from speechbrain_denokd.encoders.fbank import FbankFrontEnd
from speechbrain_denokd.encoders.fusion import StateFusion
from speechbrain_denokd.encoders.fusion_encoder import FusionEncoder
from speechbrain_denokd.encoders.gated_fusion import InputGateFusion
from speechbrain_denokd.encoders.ptm_redimnet import PtmReDimNet
from speechbrain_denokd.encoders.redimnet_trunk import (
    ReDimNetTrunk,
    redimnet_trunk,
)
from speechbrain_denokd.encoders.speaker_head import SpeakerHead
from speechbrain_denokd.encoders.spectrogram_stem import SpectrogramStem
from speechbrain_denokd.encoders.ssrfnet import SSRFNet
from speechbrain_denokd.encoders.sum_fusion import SumFusion
from speechbrain_denokd.encoders.wavlm import WavLM
from speechbrain_denokd.encoders.wavlm_folder import save_random_wavlm
from tests.encoders.tiny_fusion import (
    DIM,
    LENGTHS,
    N_STATES,
    STATE_DIM,
    assert_padding_is_invisible,
    fusion_encoder,
    tiny_ptm,
    tiny_trunk,
    trained,
)
from tests.encoders.unispeech_layout import tiny_config


def backbone(state_dim=STATE_DIM, n_states=N_STATES):
    return SSRFNet(
        StateFusion(n_states, 2, 3, state_dim, DIM), tiny_trunk(2), 24
    )


def from_docstring(described):
    """What the YAML in a docstring builds, by its name there."""
    text = inspect.getdoc(described).split(".. code-block:: yaml")[1]
    page = re.split(r"\n(?=\S)", text)[0]
    with torch.device("meta"):
        return load_hyperpyyaml(page)


def count(*parts):
    return sum(p.numel() for part in parts for p in part.parameters())


def test_fact_the_page_in_the_docstring_is_the_papers_model():
    encoder = from_docstring(FusionEncoder)["encoder"]
    assert count(encoder.ptm) == 49_680_460
    assert count(encoder.stem, encoder.backbone) == 25_483_920
    assert count(encoder) == 75_164_380
    assert (encoder.frame_dim, encoder.embedding_dim) == (1024, 192)
    assert (encoder.frame_hop_ms, encoder.first_frame_ms) == (20.0, 12.5)


def test_fact_pages_of_the_baselines_differ_by_what_they_join_with():
    """Against ReDimNet on the paper's spectrogram stem."""
    with torch.device("meta"):
        plain = count(ReDimNetTrunk(), SpeakerHead(1024))
    mix, projection = 1024, 5 * 1024**2 + 3 * 1024
    gate = 2 * 1024**2 + 1024
    expected = {
        SumFusion: 4 * 4 * mix,
        InputGateFusion: 12 * mix + projection + gate,
        PtmReDimNet: 12 * mix + projection,
    }
    for described, more in expected.items():
        (part,) = from_docstring(described).values()
        assert count(part) == plain + more
        size = (part.frame_dim, part.embedding_dim)
        assert type(part) is described and size == (1024, 192)
    backbone = from_docstring(DualBranch)["backbone"]
    joined = 12 * mix + projection + 12 * gate + count(backbone.head)
    with torch.device("meta"):
        assert count(backbone) == joined + 2 * count(ReDimNetTrunk())
    trunk = from_docstring(redimnet_trunk)["trunk"]
    assert (trunk.dim, trunk.n_maps) == (1152, 4)


def test_law_wavlm_can_be_the_model(tmp_path):
    wavlm = WavLM(save_random_wavlm(tiny_config(), tmp_path))
    encoder = trained(fusion_encoder(backbone(64), wavlm))
    assert_padding_is_invisible(encoder)


@pytest.mark.parametrize("n_samples", [640, 8000, 11111, 25000])
def test_fact_frames_are_those_that_both_streams_have(n_samples):
    encoder = trained(fusion_encoder(backbone()))
    lens = torch.ones(1)
    wavs = torch.randn(1, n_samples)
    frames, states, n_frames = encoder.streams(wavs, lens)
    # The spectrogram never has more frames than the pre-trained model.
    expected = (1 + n_samples // 160 - 5) // 2 + 1
    assert n_frames.tolist() == [expected] == [frames.shape[1]]
    assert len(states) == N_STATES
    hidden = encoder.ptm(wavs, lens).stages[1:]
    for ours, theirs in zip(states, hidden, strict=True):
        assert torch.equal(ours, theirs[:, :expected])
    output = encoder(wavs, lens)
    again = encoder.backbone(frames, states, n_frames)
    assert torch.equal(output.embedding, again.embedding)


def test_fact_features_are_augmented_in_training_only():
    seen = []
    augment = torch.nn.Identity()
    augment.register_forward_hook(lambda *call: seen.append(call))
    encoder = fusion_encoder(backbone(), feature_augment=augment)
    wavs = torch.randn(2, 8000)
    encoder.eval()(wavs, torch.ones(2))
    assert not seen
    encoder.train()(wavs, torch.ones(2))
    assert [call[1][0].shape for call in seen] == [(2, 51, 24)]


def test_error_too_short():
    encoder = fusion_encoder(backbone()).eval()
    assert encoder.min_samples == 640
    with pytest.raises(ValueError, match="639 samples is too short.*640"):
        encoder(torch.randn(2, LENGTHS[0]), torch.tensor([1.0, 639 / 16000]))


def test_error_parts_that_do_not_meet():
    message = "4 hidden states of 16 .* 32, but .* 5 of 16, and frames of 32"
    with pytest.raises(ValueError, match=message):
        fusion_encoder(backbone(n_states=5))
    with pytest.raises(ValueError, match="each 32 ms, .* 20.0 ms; .*=10.0"):
        FusionEncoder(
            tiny_ptm(),
            FbankFrontEnd(n_mels=24, hop_ms=16),
            SpectrogramStem(24, DIM),
            backbone(),
        )
