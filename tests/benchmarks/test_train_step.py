import json
from functools import cache

import pytest
import torch

from benchmarks import random_teacher, step_pieces, train_step
from benchmarks.random_teacher import with_random_head
from benchmarks.step_memory import cuda_peak
from benchmarks.step_rows import BASELINE, Size, build_step, rows, sizes
from benchmarks.train_step import as_markdown, timed_in_turn
from speechbrain_denokd.distill.denoised import DenoisedMatch
from speechbrain_denokd.encoders.ecapa import EcapaTdnn
from speechbrain_denokd.encoders.fbank import FbankFrontEnd
from speechbrain_denokd.encoders.wav_encoder import WavEncoder

FRAME_5 = "denokd_frame, 5 steps"


@cache
def tiny_teacher():
    network = EcapaTdnn(
        24, lin_neurons=12, channels=[16, 16, 16, 16, 32], attention_channels=8
    )
    return with_random_head(WavEncoder(FbankFrontEnd(n_mels=24), network), 6)


TINY = Size(
    "samples",
    tiny_teacher,
    6,
    {"cpu": 3},
    {
        "crop_s": 0.5,
        "n_mels": 24,
        "channels": [16, 16, 16, 16, 48],
        "embedding_dim": 8,
    },
)


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(train_step.step_rows, "sizes", lambda: {"tiny": TINY})


# Facts: parameters of a row


def n_trained(row):
    return build_step(TINY, rows()[row]).n_trained


def test_rows_train_what_the_method_adds():
    alone = n_trained("student alone")
    # Frames: linear map 48 -> 32 with bias. Embeddings: 8 -> 12.
    assert n_trained(BASELINE) == alone + 48 * 32 + 32
    assert n_trained("denokd_embedding, 0 steps") == alone + 8 * 12 + 12
    # No denoising steps, no networks for them.
    assert n_trained("denokd_frame, 0 steps") == n_trained(BASELINE)


def test_networks_of_frame_level_diffusion():
    # C = 32. Bottleneck, m = C / reduction: 2Cm + 3m^2 + 6m + 3C.
    def block(m):
        return 2 * 32 * m + 3 * m * m + 6 * m + 3 * 32

    time = 128 * 128 + 128 + 128 * 32 + 32
    denoiser = time + 2 * block(8) + 32 * 32 + 32
    adapter = block(4) + 32 + 1
    projection = 32 * 32 + 32 + 2 * 32
    added = n_trained(FRAME_5) - n_trained(BASELINE)
    assert added == denoiser + adapter + projection
    # Steps share one network.
    assert n_trained("denokd_frame, 15 steps") == n_trained(FRAME_5)


def test_the_student_of_the_paper_has_six_million_parameters():
    step = build_step(sizes()["paper"], rows()["student alone"], batch_size=2)
    # ECAPA-TDNN 512 with 192-dimensional embeddings, 5,994 class centres.
    assert step.n_trained == 6_194_048 + 5994 * 192
    assert step.batch.sig.data.shape == (2, 48000)


def test_the_random_sample_teacher_knows_the_classes(monkeypatch, tmp_path):
    monkeypatch.setattr(random_teacher, "SAMPLE_TEACHER", tmp_path / "none")
    build = random_teacher.sample_teacher.__wrapped__
    assert len(build().speakers) == sizes()["samples"].n_classes == 64


# Facts: what is measured


def test_rows_are_timed_in_turn_with_a_moving_start():
    order = []

    class FakeStep:
        def __init__(self, name):
            self.name, self.brain = name, self

        device = "cpu"

        def run(self):
            order.append(self.name)

    seconds = timed_in_turn({name: FakeStep(name) for name in "abc"}, 3)
    assert "".join(order) == "abcbcacab"
    assert [len(values) for values in seconds.values()] == [3, 3, 3]


def test_a_step_trains():
    step = build_step(TINY, rows()[FRAME_5])
    teacher = [p.clone() for p in step.brain.modules["teacher"].parameters()]
    before = [p.clone() for p in step._parameters()]
    step.run()
    moved = [
        not torch.equal(a, b)
        for a, b in zip(before, step._parameters(), strict=True)
    ]
    assert sum(moved) > 0.9 * len(moved)
    assert all(
        torch.equal(a, b)
        for a, b in zip(
            teacher, step.brain.modules["teacher"].parameters(), strict=True
        )
    )


def test_resident_bytes_count_weights_and_optimiser_state():
    step = build_step(TINY, rows()["student alone"])
    buffers = sum(b.nbytes for b in step.brain.modules.buffers())
    assert step.resident_bytes == 4 * step.n_trained + buffers
    step.run()
    buffers = sum(b.nbytes for b in step.brain.modules.buffers())
    n_tensors = len(list(step._parameters()))
    # AdamW: two moments, and a float32 step counter for each tensor.
    assert step.resident_bytes == (
        12 * step.n_trained + 4 * n_tensors + buffers
    )


def test_multiply_adds_of_the_chain_are_those_of_its_layers():
    step = build_step(TINY, rows()[FRAME_5])
    gmacs = step_pieces.piece_gmacs(step)
    # 0.5 s at 10 ms: 51 frames. C = 32, m = 8.
    per_frame = 2 * (2 * 32 * 8 + 3 * 8 * 8) + 32 * 32
    time = 128 * 128 + 128 * 32
    projection = 51 * 32 * 32
    once = 51 * per_frame + time
    assert gmacs["denoiser chain"] * 1e9 == 5 * once + projection
    assert gmacs["diffusion loss"] * 1e9 == once
    assert gmacs["map, standardise"] * 1e9 == 51 * 48 * 32


def test_measuring_pieces_leaves_the_step_as_it_was():
    step = build_step(TINY, rows()[FRAME_5])
    term = step.brain.modules["distiller"].terms["frame"]
    assert isinstance(term, DenoisedMatch)
    seconds = step_pieces.piece_seconds(step)
    assert set(seconds) == set(step_pieces.PIECES)
    assert all(value > 0 for name, value in seconds.items() if name != "rest")
    assert "_refine" not in vars(term)
    assert "optimizers_step" not in vars(step.brain)
    assert torch.Tensor.backward.__module__ == "torch._tensor"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_cuda_peak_does_not_count_other_rows():
    step = build_step(TINY, rows()[FRAME_5], "cuda")
    step.run()
    alone = cuda_peak(step)
    others = torch.zeros(2**28, dtype=torch.uint8, device="cuda")
    assert cuda_peak(step) == pytest.approx(alone, rel=0.05)
    assert len(others) > 10 * alone


def test_the_record_and_its_table(tiny, tmp_path, capsys):
    record = train_step.main(
        [
            *("--rows", BASELINE, FRAME_5),
            *("--repeats", "2", "--no_memory"),
            f"--output_folder={tmp_path}",
        ]
    )
    saved = json.loads((tmp_path / "train_step.json").read_text())
    assert saved == record
    assert {"command", "commit", "date", "hardware", "versions"} <= set(record)
    tiny_rows = record["sizes"]["tiny"]["rows"]
    assert tiny_rows[BASELINE]["ratios"] == [1.0, 1.0]
    own, base = tiny_rows[FRAME_5], tiny_rows[BASELINE]
    assert own["ratios"] == [
        a / b for a, b in zip(own["seconds"], base["seconds"], strict=True)
    ]
    text = as_markdown(record)
    assert (tmp_path / "train_step.md").read_text() == text + "\n"
    assert f"| {FRAME_5} | " in text


def test_the_peak_of_one_row_is_the_last_line(tiny, capsys):
    train_step.main(["--peak_only", "--rows", FRAME_5])
    last = capsys.readouterr().out.splitlines()[-1]
    # A process with torch in it has more than 50 MiB.
    assert json.loads(last)["peak_bytes"] > 50 * 2**20


# Errors


def test_a_row_that_does_not_exist(tiny, capsys):
    with pytest.raises(SystemExit):
        train_step.main(["--rows", "denokd"])
    assert "no row 'denokd'; use any of: student alone; kd_frame" in (
        capsys.readouterr().err
    )
