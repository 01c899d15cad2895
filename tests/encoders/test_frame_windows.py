"""Windows over recordings: full cover, exact audio, plain averages."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from speechbrain_denokd.encoders.frame_windows import (
    FrameWindows,
    Stitcher,
    window_starts,
)


def test_fact_starts():
    assert window_starts(149, 149) == window_starts(24, 149) == [0]
    assert window_starts(150, 149) == [0, 1]
    # 10 s: 350 frames behind the first window in steps of at most 74.
    assert window_starts(499, 149) == [0, 70, 140, 210, 280, 350]


@given(n_frames=st.integers(1, 2000), width=st.integers(1, 200))
def test_law_windows_cover_and_overlap(n_frames, width):
    starts = window_starts(n_frames, width)
    assert starts[0] == 0
    assert starts == sorted(set(starts))
    assert starts[-1] == max(0, n_frames - width)
    hops = [b - a for a, b in zip(starts, starts[1:], strict=False)]
    assert max(hops, default=0) <= max(1, width // 2)


def test_law_frames_of_a_network_without_context_come_back():
    """Each frame is the mean of its own hop of audio, whatever the window."""
    n_samples = torch.tensor([53, 20, 7])
    n_frames = n_samples // 2
    wavs = torch.full((3, 53), float("nan"))
    for row, n in zip(wavs, n_samples.tolist(), strict=True):
        row[:n] = torch.randn(n)
    windows = FrameWindows(n_frames, width=5)
    cut, lengths = windows.cut(wavs, n_samples, 2, window_samples=11)
    assert cut.shape[1] == lengths.max() == 11 and lengths.min() >= 10
    frames = cut[:, :10].unflatten(1, (5, 2)).mean(2, keepdim=True)
    stitcher = Stitcher(windows, length=26)
    for first in range(0, len(cut), 3):
        which = slice(first, first + 3)
        stitcher.add(which, frames[which])
    stitched = stitcher.frames()
    for row, (n, wav) in enumerate(zip(n_frames.tolist(), wavs, strict=True)):
        expected = wav[: 2 * n].unflatten(0, (n, 2)).mean(1)
        torch.testing.assert_close(stitched[row, :n, 0], expected)
        assert not stitched[row, n:].any()


def test_fact_overlap_is_averaged():
    windows = FrameWindows(torch.tensor([6]), width=4)
    assert windows.starts == [0, 2]
    stitcher = Stitcher(windows, length=6)
    stitcher.add(slice(0, 1), torch.zeros(1, 4, 1))
    stitcher.add(slice(1, 2), torch.ones(1, 4, 1))
    expected = [0.0, 0.0, 0.5, 0.5, 1.0, 1.0]
    assert stitcher.frames().flatten().tolist() == expected


def test_fact_short_recordings_repeat():
    windows = FrameWindows(torch.tensor([2]), width=4)
    cut, lengths = windows.cut(
        torch.tensor([[1.0, 2.0, 3.0, 9.0]]), torch.tensor([3]), 1, 8
    )
    assert cut.tolist() == [[1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 1.0, 2.0]]
    assert lengths.tolist() == [8]


def test_law_gradient_is_shared_by_the_windows_of_a_frame():
    windows = FrameWindows(torch.tensor([6]), width=4)
    frames = torch.randn(2, 4, 1, requires_grad=True)
    stitcher = Stitcher(windows, length=6)
    stitcher.add(slice(0, 2), frames)
    stitcher.frames().sum().backward()
    expected = [[1.0, 1.0, 0.5, 0.5], [0.5, 0.5, 1.0, 1.0]]
    assert frames.grad.squeeze(2).tolist() == expected
