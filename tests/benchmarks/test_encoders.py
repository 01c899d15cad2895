"""What encoders cost: counted MACs against published ones, the record."""

import json
import shutil

import pytest
import torch
from torch import nn

from benchmarks import encoder_rows, encoders
from benchmarks.encoder_rows import TextRow, build, rows
from benchmarks.encoders import as_markdown, count_macs, main, measure, noise
from speechbrain_denokd.encoders.redimnet import REDIMNET_SIZES, redimnet
from speechbrain_denokd.encoders.ssl_model import TransformerStudent
from speechbrain_denokd.encoders.sv_mixer_blocks import MixerBlock
from tests.tiny import ENCODER_TEXT

# Parameters, and 1e9 multiply-adds for a recording of 2 s.
GOLDEN = {
    "ecapa": (6_194_048, 1.0457),
    "ecapa_1024": (20_767_552, 3.7726),
    "redimnet_b0": (1_001_850, 0.5958),
    "redimnet_b1": (2_123_480, 0.8681),
    "redimnet_b2": (4_888_240, 1.3785),
    "redimnet_b3": (3_220_412, 4.3333),
    "redimnet_b4": (6_432_304, 7.0029),
    "redimnet_b5": (7_650_544, 13.1298),
    "redimnet_b6": (15_006_256, 30.0905),
    "mirnet": (9_158_778, 15.2096),
    "sv_mixer": (49_680_460, 15.0303),
    "transformer": (113_917_056, 16.0017),
    "ptm_redimnet": (58_988_252, 16.1039),
    "dual_branch": (88_626_220, 19.1936),
    "fgfm": (61_497_052, 16.3553),
    "sum_fusion": (54_157_020, 15.6286),
    "ssrfnet": (75_164_380, 17.7048),
    "ssrfnet_transformer": (139_400_976, 18.6762),
    "wavlm": (315_452_096, 36.1934),
    "wavlm_ecapa": (323_862_937, 36.9079),
    "wavlm_mhfa": (317_820_210, 36.2231),
    "wavlm_ca_mhfa": (317_852_914, 36.2263),
    "wavlm_lap": (317_764_560, 38.8945),
}
# 1e9 multiply-adds for 200 frames, of WeSpeaker's ports, of convolutions and
# linear layers alone.
WESPEAKER = {
    "B0": 0.607,
    "B1": 0.885,
    "B2": 1.358,
    "B3": 4.341,
    "B4": 7.046,
    "B5": 13.142,
    "B6": 30.005,
}


def test_fact_there_is_a_row_for_each_golden():
    assert list(rows()) == list(GOLDEN)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow) if "wavlm" in name else name
        for name in GOLDEN
    ],
)
def test_golden_parameters_and_macs(name):
    encoder = build(name)
    assert not encoder.training
    found = sum(p.numel() for p in encoder.parameters())
    macs = count_macs(encoder, noise(2), torch.ones(1))
    assert (found, round(macs / 1e9, 4)) == GOLDEN[name]


@pytest.mark.parametrize(
    ("convolution", "expected"),
    [
        # Outputs, times the weights that make one.
        (nn.Conv1d(4, 6, 5), 20 * 6 * 4 * 5),
        (nn.Conv1d(4, 6, 5, groups=2), 20 * 6 * 2 * 5),
        (nn.Conv1d(4, 6, 5, stride=2, padding=2), 12 * 6 * 4 * 5),
    ],
)
def test_fact_macs_by_hand(convolution, expected):
    assert count_macs(convolution, torch.zeros(1, 4, 24)) == expected


def test_fact_attention_is_two_products():
    layer = nn.MultiheadAttention(8, 2, batch_first=True).eval()
    frames = torch.zeros(1, 10, 8)
    # Four maps of 8 to 8, then queries by keys and weights by values.
    expected = 4 * 10 * 8 * 8 + 2 * 10 * 10 * 8
    assert count_macs(layer, frames, frames, frames) == expected


@pytest.mark.parametrize(
    ("name", "gmacs"), [("ecapa", 1.037), ("ecapa_1024", 3.751)]
)
def test_fact_published_macs_of_ecapa_and_where_they_differ(name, gmacs):
    encoder = build(name)
    macs = count_macs(encoder.network, torch.zeros(1, 200, 80))
    assert macs / 1e9 == pytest.approx(gmacs, abs=1e-3)
    # The published are of 200 frames; here 2 s have 201, centred, and the mel
    # filterbank makes their 201 frequencies 80 bins.
    of_frames = count_macs(encoder.network, torch.zeros(1, 201, 80))
    row = count_macs(encoder, noise(2), torch.ones(1))
    assert row == of_frames + 201 * 201 * 80


@pytest.mark.parametrize("size", WESPEAKER)
def test_fact_published_macs_of_redimnet_and_where_they_differ(size):
    with torch.device("meta"):
        network = redimnet(size)
        macs = count_macs(network, torch.zeros(1, 200, network.n_mels))
    # Counted here alone: the two products of attention, in the width that a
    # stage's 1-D block reduces its input to.
    widths = [
        network.frame_dim // stage.reduction
        for stage in REDIMNET_SIZES[size].stages
        if stage.reduction is not None
    ]
    macs -= 2 * 200**2 * sum(widths)
    # Counted there alone: the pooling's context, which the port takes through
    # its layer once a frame, not once an utterance.
    macs += 199 * 2 * network.frame_dim * 128
    assert macs / 1e9 == pytest.approx(WESPEAKER[size], abs=5e-4)


def test_fact_published_macs_of_sv_mixer_are_those_of_a_block():
    frames = torch.zeros(1, 149, 1024)
    with torch.device("meta"):
        block = MixerBlock(1024, 149, 8, 0.0, channel_dropout=0.0)
        transformer = TransformerStudent(
            n_layers=1, hidden_dim=1024, n_heads=16, ff_dim=2048, conv_dim=512
        )
    macs = count_macs(block.eval(), frames.to("meta"))
    assert macs / 1e9 == pytest.approx(0.63, abs=5e-3)  # its paper's
    # The paper's 1.25 leaves attention's two products out.
    layer = sum(
        p.numel()
        for name, p in transformer.named_parameters()
        if ".layers.0." in name and p.dim() == 2
    )
    assert 149 * layer / 1e9 == pytest.approx(1.25, abs=5e-3)


def test_law_windows_make_a_short_recording_cost_a_long_one():
    encoder = encoder_rows.build("sv_mixer")
    at = {s: count_macs(encoder, noise(s), torch.ones(1)) for s in (1, 3)}
    assert at[1] == pytest.approx(at[3], rel=2e-3)


# -- the record ---------------------------------------------------------------


@pytest.fixture
def tiny(monkeypatch):
    found = {name: TextRow(name, ENCODER_TEXT) for name in ("one", "two")}
    monkeypatch.setattr(encoder_rows, "rows", lambda: found)
    monkeypatch.setattr(encoders, "rows", lambda: found)


def test_fact_a_row_is_measured_at_each_duration(tiny):
    found = measure("one", 2)
    assert found["n_parameters"] == sum(
        p.numel() for p in build("one").parameters()
    )
    durations = found["durations"]
    assert [cell["audio_s"] for cell in durations] == [2, 3, 10]
    assert all(len(cell["seconds"]) == 2 for cell in durations)
    assert all(cell["peak_bytes"] > 2**20 for cell in durations)
    macs = [cell["macs"] for cell in durations]
    assert macs == sorted(macs)
    # Of frames: 201, 301 and 1001, but for what is done once.
    assert (macs[2] - macs[1]) / (macs[1] - macs[0]) == pytest.approx(7)


def row(name):
    cell = {
        "audio_s": 2,
        "seconds": [0.5, 0.25, 1.0],
        "peak_bytes": 2**30,
        "macs": 1_234_000_000,
    }
    return {"name": name, "n_parameters": 6_194_048, "durations": [cell] * 3}


def test_fact_the_table_by_hand(tiny):
    record = {
        "command": "x",
        "commit": "c",
        "date": "d",
        "threads": 2,
        "hardware": {"processor": "p", "python": "3", "torch": "2"},
        "versions": {"platform": "l", "speechbrain": "1", "transformers": "5"},
        "repeats": 3,
        "rows": [row("two")],
    }
    columns = as_markdown(record).splitlines()[-1].split("|")[1:-1]
    assert [column.strip() for column in columns] == [
        "two",
        "6.19",
        *["1.23"] * 3,
        *["500 [250–1000]"] * 3,
        *["1,024"] * 3,
    ]


def test_fact_what_was_measured_is_kept_until_settings_change(
    tiny, monkeypatch, tmp_path
):
    asked = []

    def in_own_process(name, settings):
        asked.append((name, settings["repeats"]))
        if len(asked) == 2:
            raise RuntimeError("stopped")
        return row(name)

    monkeypatch.setattr(encoders, "_in_own_process", in_own_process)
    options = ["--rows", "one", "two", f"--output_folder={tmp_path}"]
    with pytest.raises(RuntimeError, match="stopped"):
        main([*options, "--repeats=2"])
    assert not (tmp_path / "encoders.md").exists()
    record = main([*options, "--repeats=2"])
    assert asked == [("one", 2), ("two", 2), ("two", 2)]
    assert [found["name"] for found in record["rows"]] == ["one", "two"]
    assert json.loads((tmp_path / "encoders.json").read_text()) == record
    assert as_markdown(record) in (tmp_path / "encoders.md").read_text()
    main([*options, "--repeats=3"])
    assert asked[3:] == [("one", 3), ("two", 3)]


def test_fact_a_row_that_fails_is_told(tiny, monkeypatch):
    monkeypatch.setattr(encoders.sys, "executable", shutil.which("false"))
    with pytest.raises(RuntimeError, match="one failed with exit code 1"):
        encoders._in_own_process("one", {"repeats": 1, "threads": 1})
