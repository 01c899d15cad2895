"""Projection-based fusion: windows, weights, padding."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from speechbrain_denokd.encoders.fusion import (
    ProjectionFusion,
    StateFusion,
    state_windows,
)


@pytest.mark.parametrize(
    ("sizes", "starts"),
    [
        ((12, 4, 4), [0, 3, 5, 8]),
        ((12, 6, 2), [0, 2, 4, 6, 8, 10]),
        ((12, 3, 6), [0, 3, 6]),
        ((24, 4, 6), [0, 6, 12, 18]),
        ((24, 8, 4), [0, 3, 6, 9, 11, 14, 17, 20]),
        ((12, 1, 12), [0]),
        ((7, 3, 4), [0, 2, 3]),
    ],
)
def test_fact_windows(sizes, starts):
    """Between two states the even one: 1.5 becomes 2."""
    width = sizes[2]
    expected = [range(start, start + width) for start in starts]
    assert state_windows(*sizes) == expected


@given(
    n_states=st.integers(1, 30),
    n_groups=st.integers(1, 12),
    width=st.integers(1, 30),
)
def test_law_every_state_is_used_or_refused(n_states, n_groups, width):
    try:
        windows = state_windows(n_states, n_groups, width)
    except ValueError:
        # Only what cannot fit, or leaves room between windows.
        assert width > n_states or n_groups * width < n_states + n_groups - 1
        return
    assert len(windows) == n_groups
    assert all(len(window) == width for window in windows)
    assert set().union(*windows) == set(range(n_states))


def test_fact_spacing_by_hand():
    windows = state_windows(6, 2, 4, spacing=[0, 2])
    assert windows == [range(0, 4), range(2, 6)]


@pytest.mark.parametrize(
    ("sizes", "spacing", "message"),
    [
        ((24, 4, 4), "even", r"states \[4, 5, 6, 11, 12, 17, 18, 19\] of 24"),
        ((12, 1, 4), "even", "states .* of 12 are in none"),
        # The paper's printed formula.
        ((12, 4, 4), [1, 3, 6, 8], r"states \[0\] of 12 .*\[1, 3, 6, 8\]"),
        ((12, 4, 4), [0, 3, 6, 9], "9.* do not fit in 12 .* from 0 to 8"),
        ((12, 4, 4), [0, 4, 8], "3 starts for 4 windows"),
        ((3, 1, 4), "even", "1 windows of 4 among 3"),
        ((3, 0, 2), "even", "0 windows of 2 among 3"),
    ],
)
def test_error_windows(sizes, spacing, message):
    with pytest.raises(ValueError, match=message):
        state_windows(*sizes, spacing=spacing)


def test_fact_parameter_counts_of_the_paper():
    with torch.device("meta"):
        fusion = StateFusion(12, 4, 4, input_dim=1024)
        plain = StateFusion(12, 4, 4, input_dim=1024, project=False)
    mixes = sum(p.numel() for g in fusion.groups for p in g.mix.parameters())
    total = sum(p.numel() for p in fusion.parameters())
    assert (mixes, total - mixes) == (16_384, 20_983_808)
    assert sum(p.numel() for p in plain.parameters()) == 16_384


def states_of(n_states, n_frames=10, dim=6):
    generator = torch.Generator().manual_seed(0)
    return [
        torch.randn(2, n_frames, dim, generator=generator)
        for _ in range(n_states)
    ]


@pytest.mark.parametrize("chosen", [0, 2])
def test_law_one_hot_weights_pick_one_state(chosen):
    fusion = ProjectionFusion(3, 6, 6, project=False)
    fusion.mix.weights.data[:, chosen] = 100.0
    states = states_of(3)
    fused = fusion(states, torch.tensor([10, 10]))
    torch.testing.assert_close(fused, states[chosen])


def test_law_weights_belong_to_channels():
    fusion = ProjectionFusion(2, 6, 6, project=False)
    fusion.mix.weights.data[0, 0, 4] = 100.0
    first, second = states_of(2)
    fused = fusion([first, second], torch.tensor([10, 10]))
    expected = (first + second) / 2
    expected[:, :, 4] = first[:, :, 4]
    torch.testing.assert_close(fused, expected)


def test_reference_projection_by_hand():
    """Equal weights at the start, five taps, norm over channels."""
    torch.manual_seed(0)
    fusion = ProjectionFusion(3, 6, 4)
    states = states_of(3)
    fused = fusion(states, torch.tensor([10, 7]))
    for row, n in enumerate((10, 7)):
        mean = sum(state[row, :n] for state in states) / 3
        for t in range(n):
            y = fusion.conv.bias.clone()
            for k in range(5):
                if 0 <= t + k - 2 < n:
                    y = y + fusion.conv.weight[:, :, k] @ mean[t + k - 2]
            y = (y - y.mean()) / (y.var(unbiased=False) + 1e-6).sqrt()
            torch.testing.assert_close(fused[row, t], y, rtol=0, atol=1e-5)
        assert not fused[row, n:].any()


@pytest.mark.parametrize("project", [True, False])
def test_law_padding_is_invisible(project):
    torch.manual_seed(0)
    fusion = StateFusion(4, 2, 3, input_dim=6, project=project)
    states = states_of(4)
    lengths = (10, 4)
    padded = [state.clone() for state in states]
    for state in padded:
        state[1, 4:] = float("nan")
    batched = fusion(padded, torch.tensor(lengths))
    for row, n in enumerate(lengths):
        alone = fusion(
            [state[row : row + 1, :n] for state in states], torch.tensor([n])
        )
        for ours, theirs in zip(batched, alone, strict=True):
            torch.testing.assert_close(
                ours[row, :n], theirs[0], rtol=0, atol=1e-5
            )


def test_law_groups_see_their_window_alone():
    fusion = StateFusion(12, 4, 4, input_dim=6)
    states = states_of(12)
    before = fusion(states, torch.tensor([10, 10]))
    states[4] = states[4] + 1.0
    after = fusion(states, torch.tensor([10, 10]))
    same = [torch.equal(a, b) for a, b in zip(before, after, strict=True)]
    assert same == [True, False, True, True]


def test_law_gradients_reach_every_parameter():
    fusion = StateFusion(5, 2, 3, input_dim=6, output_dim=4)
    maps = fusion(states_of(5), torch.tensor([10, 6]))
    sum((m * torch.randn_like(m)).sum() for m in maps).backward()
    for name, parameter in fusion.named_parameters():
        assert parameter.grad.abs().max() > 1e-6, name


def test_error_numbers_of_states_and_channels():
    n_frames = torch.tensor([10, 10])
    with pytest.raises(ValueError, match=r"13 hidden .* 12 expected.*\[1:\]"):
        StateFusion(12, 4, 4, 6)(states_of(13), n_frames)
    with pytest.raises(ValueError, match="6 channels .* maps of 4 without"):
        StateFusion(12, 4, 4, 6, output_dim=4, project=False)
    with pytest.raises(ValueError, match="2 layers .* 3"):
        ProjectionFusion(3, 6, 6)(states_of(2), n_frames)
