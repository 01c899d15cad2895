"""Frames of two encoders that lie at the same times."""

import pytest
import torch

from speechbrain_denokd.distill.align import FrameAlignment
from speechbrain_denokd.encoders.fbank import FbankFrontEnd
from tests.tiny import taps

FBANK_WAVLM = FrameAlignment(10, 20, 0, 12.5)


def wavlm_framing(wavs):
    """(B, T, 400) windows as WavLM's convolutions see them."""
    return wavs.unfold(-1, 400, 320) * torch.hann_window(400)


def grid_output(n_frames, hop_ms, first_ms=0.0, length=None):
    """Frames that hold the time they are at, in ms."""
    length = length or max(n_frames)
    times = first_ms + hop_ms * torch.arange(length, dtype=torch.float32)
    frames = times.expand(len(n_frames), -1).unsqueeze(-1)
    return taps(frames=frames, n_frames=n_frames).output


@pytest.mark.parametrize(
    ("seconds", "n_fbank", "n_wavlm"),
    [(1, 101, 49), (2, 201, 99), (3, 301, 149), (4, 401, 199), (6, 601, 299)],
)
def test_fact_frame_counts_and_partners(seconds, n_fbank, n_wavlm):
    n_samples = 16000 * seconds
    wavs = torch.randn(1, n_samples)
    _, counted = FbankFrontEnd(n_mels=24)(wavs, torch.tensor([n_samples]))
    assert counted.tolist() == [n_fbank]
    assert wavlm_framing(wavs).shape[1] == n_wavlm

    picked = FBANK_WAVLM.finer_indices(n_wavlm).tolist()
    assert picked == [2 * j + 1 for j in range(n_wavlm)]
    student, teacher = FBANK_WAVLM(
        grid_output([n_fbank], 10), grid_output([n_wavlm], 20, 12.5)
    )
    assert student.frames.shape[1] == teacher.frames.shape[1] == n_wavlm
    assert student.n_frames.tolist() == teacher.n_frames.tolist() == [n_wavlm]
    # Centres differ by a quarter of the finer hop, everywhere.
    offset = student.frames - teacher.frames
    assert offset.unique().tolist() == [-2.5]


@pytest.mark.parametrize("frame", [3, 20, 46])
@pytest.mark.parametrize("offset", [-110, -60, 0, 60, 110])
def test_fact_a_click_lands_in_matching_frames(frame, offset):
    """The middle of WavLM's window ``j`` is sample 320 j + 200."""
    wavs = torch.zeros(1, 16000)
    wavs[0, 320 * frame + 200 + offset] = 1.0
    features, n_frames = FbankFrontEnd(n_mels=24)(wavs, torch.tensor([16000]))
    student, teacher = FBANK_WAVLM(
        taps(frames=features, n_frames=n_frames).output,
        taps(frames=wavlm_framing(wavs), n_frames=[49]).output,
    )
    loudness = student.frames.sum(dim=2)[0]
    energy = teacher.frames.square().sum(dim=2)[0]
    assert energy.argmax().item() == frame
    assert loudness.argmax().item() == frame


@pytest.mark.parametrize(
    ("hops", "firsts"),
    [
        ((10, 20), (0, 12.5)),
        ((20, 10), (12.5, 0)),
        ((10, 20), (12.5, 12.5)),
        ((20, 20), (0, 12.5)),
        ((10, 40), (0, 20)),
        ((7.5, 20), (3, 12.5)),
    ],
)
def test_law_partners_are_the_nearest_frames(hops, firsts):
    alignment = FrameAlignment(*hops, *firsts)
    sides = [
        grid_output([int((2000 - first) // hop) + 1], hop, first)
        for hop, first in zip(hops, firsts, strict=True)
    ]
    student, teacher = alignment(*sides)
    n_frames = int(student.n_frames)
    assert teacher.n_frames.tolist() == [n_frames]
    assert n_frames >= 2000 // max(hops) - 2
    distance = (student.frames - teacher.frames)[:, :n_frames].abs()
    assert distance.max() <= min(hops) / 2


def test_law_swapping_the_sides_swaps_the_answer():
    fbank, wavlm = grid_output([301, 151], 10), grid_output([149, 74], 20, 12.5)
    student, teacher = FBANK_WAVLM(fbank, wavlm)
    swapped = FrameAlignment(20, 10, 12.5, 0)(wavlm, fbank)
    assert torch.equal(student.frames, swapped[1].frames)
    assert torch.equal(teacher.frames, swapped[0].frames)
    assert torch.equal(student.n_frames, swapped[1].n_frames)


def test_fact_each_utterance_keeps_the_frames_both_have():
    """1.5 s beside 3 s: 75 student frames find a time, WavLM has 74."""
    student, teacher = FBANK_WAVLM(
        grid_output([301, 151], 10), grid_output([149, 74], 20, 12.5)
    )
    assert student.n_frames.tolist() == [149, 74]
    assert teacher.n_frames.tolist() == [149, 74]


def test_fact_one_grid_is_cut_to_the_shorter():
    alignment = FrameAlignment(10, 10)
    assert alignment.same_grid
    student, teacher = alignment(
        grid_output([301, 120], 10), grid_output([300, 121], 10)
    )
    assert student.frames.shape[1] == teacher.frames.shape[1] == 300
    assert student.n_frames.tolist() == [300, 120]
    assert teacher.n_frames.tolist() == [300, 120]
    assert torch.equal(student.frames, teacher.frames)


def test_fact_the_rest_of_the_output_stays():
    embedding = torch.randn(1, 3)
    student = taps(torch.zeros(1, 101, 1), embedding).output
    teacher = grid_output([49], 20, 12.5)
    aligned, _ = FBANK_WAVLM(student, teacher)
    assert aligned.embedding is embedding


@pytest.mark.parametrize(
    ("alignment", "n_student", "n_teacher", "difference"),
    [
        (FBANK_WAVLM, 301, 147, 3),
        (FBANK_WAVLM, 297, 150, 2),
        (FrameAlignment(10, 10), 301, 299, 2),
        # A student at 20 ms that says 10: half of its frames are missing.
        (FBANK_WAVLM, 151, 149, 74),
    ],
)
def test_other_audio_or_frame_rate_is_refused(
    alignment, n_student, n_teacher, difference
):
    teacher = grid_output([n_teacher], alignment.teacher_hop_ms)
    with pytest.raises(
        ValueError, match=f"differ by {difference} frames .*student_hop_ms=10"
    ):
        alignment(grid_output([n_student], 10), teacher)
