"""Training time over kills and resumptions."""

import pytest

from speechbrain_denokd.checkpoints import AtomicCheckpointer
from speechbrain_denokd.train_clock import TrainClock


@pytest.fixture
def now(monkeypatch):
    """The time, to be set by hand."""
    time = {"s": 100.0}
    monkeypatch.setattr(
        "speechbrain_denokd.train_clock.time.monotonic", lambda: time["s"]
    )
    return time


def checkpointer(folder, clock):
    found = AtomicCheckpointer(folder)
    found.add_recoverable("clock", clock, optional_load=True)
    return found


def test_fact_starts_add_up_and_what_a_kill_lost_counts_once(tmp_path, now):
    first = TrainClock()
    now["s"] += 50
    checkpointer(tmp_path, first).save_checkpoint()
    now["s"] += 7  # until the kill; trained again by the next start
    second = TrainClock()
    checkpointer(tmp_path, second).recover_if_possible()
    now["s"] += 30
    assert second.total_s() == 80


def test_fact_checkpoints_without_a_clock_are_gone_on_from(tmp_path, now):
    AtomicCheckpointer(tmp_path).save_checkpoint()
    clock = TrainClock()
    checkpointer(tmp_path, clock).recover_if_possible()
    now["s"] += 3
    assert clock.total_s() == 3
