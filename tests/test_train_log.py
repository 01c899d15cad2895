"""The run's log: one line an epoch, and curves where they are wanted."""

import pytest

from speechbrain_denokd.train_log import TrainLog

EPOCHS = [
    ({"epoch": 1}, {"speaker": 2.5, "frame/kd": 0.5}, {"EER_percent": 9.5}),
    ({"epoch": 2}, {"speaker": 1.25, "frame/kd": 0.25}, {"EER_percent": 7.5}),
]


def test_fact_one_line_per_epoch_and_no_folder_unasked(tmp_path):
    log = TrainLog(tmp_path)
    for epoch in EPOCHS:
        log.log_stats(*epoch)
    lines = (tmp_path / "train_log.txt").read_text().splitlines()
    assert len(lines) == 2
    assert "train speaker: 1.25" in lines[1]
    assert "train frame/kd: 2.50e-01" in lines[1]
    assert not (tmp_path / "tensorboard").exists()


def test_fact_curves_hold_the_same_numbers(tmp_path):
    accumulators = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="the extra [tensorboard] is not installed",
    )
    log = TrainLog(tmp_path, tensorboard=True)
    for epoch in EPOCHS:
        log.log_stats(*epoch)
    log._curves.writer.flush()
    found = {}
    for file in (tmp_path / "tensorboard").rglob("events*"):
        events = accumulators.EventAccumulator(str(file.parent)).Reload()
        for tag in events.Tags()["scalars"]:
            found[tag] = [event.value for event in events.Scalars(tag)]
    assert any(values == [2.5, 1.25] for values in found.values())
    assert any(values == [9.5, 7.5] for values in found.values())
