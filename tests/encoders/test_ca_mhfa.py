"""CA-MHFA: its size and its context; `test_mhfa` tests the rest."""

import pytest
import torch

from speechbrain_denokd.encoders.ca_mhfa import CaMhfa
from speechbrain_denokd.encoders.mhfa import Mhfa


def test_fact_parameter_count():
    with torch.device("meta"):
        head = CaMhfa()
    assert sum(p.numel() for p in head.parameters()) == 2_335_258
    assert (head.frame_dim, head.embedding_dim) == (128, 256)


def test_law_a_context_of_one_frame_is_mhfa():
    torch.manual_seed(0)
    ours = CaMhfa(3, 12, n_groups=4, context=1, dim=8, embedding_dim=10)
    theirs = Mhfa(3, 12, n_heads=4, dim=8, embedding_dim=10)
    state = ours.state_dict()
    kernel = state.pop("queries.conv.weight")
    state["queries.weight"] = kernel.squeeze(2)
    state["queries.bias"] = torch.randn(4)  # without effect
    theirs.load_state_dict(state)
    stages, n_frames = torch.randn(3, 2, 9, 12), torch.tensor([9, 5])
    torch.testing.assert_close(
        ours(stages, n_frames).embedding, theirs(stages, n_frames).embedding
    )


def test_fact_a_frame_is_heard_two_frames_away():
    head = CaMhfa(3, 12, n_groups=4, context=5, dim=8)
    keys = torch.randn(1, 11, 8, requires_grad=True)
    head.queries(keys)[0, 5].sum().backward()
    heard = keys.grad[0].abs().sum(dim=1).nonzero().flatten()
    assert heard.tolist() == [3, 4, 5, 6, 7]


def test_error_even_context():
    with pytest.raises(ValueError, match="context of 4 frames.*odd"):
        CaMhfa(context=4)
