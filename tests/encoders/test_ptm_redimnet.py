"""ReDimNet over hidden states alone."""

import pytest
import torch

from speechbrain_denokd.encoders.ptm_redimnet import PtmReDimNet
from speechbrain_denokd.encoders.ssl_head_encoder import SslHeadEncoder
from tests.encoders.tiny_fusion import (
    N_STATES,
    STATE_DIM,
    assert_gradients,
    assert_padding_is_invisible,
    tiny_ptm,
    tiny_trunk,
    trained,
)


def head():
    return PtmReDimNet(N_STATES + 1, STATE_DIM, tiny_trunk(), 24)


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return trained(SslHeadEncoder(tiny_ptm(), head()))


def test_law_padding_is_invisible(encoder):
    assert_padding_is_invisible(encoder)


def test_law_gradients_reach_every_parameter(encoder):
    assert_gradients(encoder)


def test_fact_the_input_of_the_blocks_is_not_used(encoder):
    stages = torch.randn(N_STATES + 1, 2, 15, STATE_DIM)
    n_frames = torch.tensor([15, 9])
    before = encoder.head(stages, n_frames)
    stages[0] = torch.nan
    assert torch.equal(encoder.head(stages, n_frames).frames, before.frames)
    stages[1] = 0
    assert not torch.equal(encoder.head(stages, n_frames).frames, before.frames)


def test_fact_frames_come_from_the_projection(encoder):
    stages = torch.randn(N_STATES + 1, 2, 15, STATE_DIM)
    n_frames = torch.tensor([15, 9])
    stem = encoder.head.fusion(stages[1:], n_frames)
    _, mixed = encoder.head.trunk(stem, n_frames)
    assert torch.equal(encoder.head(stages, n_frames).frames, mixed)


def test_error_number_of_layers():
    stages = torch.randn(N_STATES, 1, 9, STATE_DIM)
    with pytest.raises(ValueError, match="got 3 layers .* for 4"):
        head()(stages, torch.tensor([9]))
