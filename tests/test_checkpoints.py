"""Checkpoints: whole or none."""

import itertools
import re

import pytest
import torch
from speechbrain.utils.checkpoints import Checkpointer
from speechbrain.utils.epoch_loop import EpochCounter
from torch import nn

from speechbrain_denokd.checkpoints import AtomicCheckpointer, search_key


class Killed(BaseException):
    """A kill, which no ``except Exception`` would catch."""


def linear(value, size=2):
    module = nn.Linear(size, size)
    nn.init.constant_(module.weight, value)
    return module


def checkpointer(folder, value=0.0, kind=AtomicCheckpointer, **more):
    return kind(folder, {"model": linear(value), **more})


def model_value(checkpointer):
    return checkpointer.recoverables["model"].weight[0, 0].item()


def test_error_an_unknown_choice():
    with pytest.raises(ValueError, match="'mean'; use one of: best, last"):
        search_key("mean", "eer")


def test_fact_saves_what_it_recovers(tmp_path):
    for value, eer in ((1.0, 0.3), (2.0, 0.1), (3.0, 0.2)):
        checkpointer(tmp_path, value).save_checkpoint(meta={"eer": eer})
    latest, best = checkpointer(tmp_path), checkpointer(tmp_path)
    latest.recover_if_possible(**search_key("last", "eer"))
    best.recover_if_possible(**search_key("best", "eer"))
    assert (model_value(latest), model_value(best)) == (3.0, 2.0)


def test_reference_speechbrain_reads_our_checkpoints(tmp_path):
    saved = checkpointer(tmp_path, 4.0).save_checkpoint(meta={"eer": 0.1})
    stock = checkpointer(tmp_path, kind=Checkpointer)
    found = stock.recover_if_possible(min_key="eer")
    assert model_value(stock) == 4.0
    assert found.path == saved.path
    assert not [p for p in saved.path.iterdir() if "pending" in p.name]


@pytest.mark.parametrize("order", [("model", "late"), ("late", "model")])
def test_law_a_kill_while_saving_leaves_no_checkpoint(tmp_path, order):
    """Between the mark and the weights, or between two recoverables."""

    def killed(obj, path):
        raise Killed

    checkpointer(tmp_path, 1.0).save_checkpoint(meta={"eer": 0.5})
    values = {"model": linear(2.0), "late": linear(2.0)}
    dying = AtomicCheckpointer(
        tmp_path,
        {name: values[name] for name in order},
        custom_save_hooks={"late": killed},
    )
    with pytest.raises(Killed):
        dying.save_checkpoint(meta={"eer": 0.1})
    assert len(list(tmp_path.iterdir())) == 2

    resumed = checkpointer(tmp_path)
    resumed.recover_if_possible()
    assert model_value(resumed) == 1.0
    best = checkpointer(tmp_path)
    best.recover_if_possible(min_key="eer")
    assert model_value(best) == 1.0
    # The next save is not disturbed by what was left behind.
    checkpointer(tmp_path, 3.0).save_and_keep_only(
        meta={"eer": 0.2}, min_keys=["eer"]
    )
    resumed.recover_if_possible()
    assert model_value(resumed) == 3.0


def test_law_a_kill_in_the_first_save_means_a_fresh_start(tmp_path):
    def killed(obj, path):
        raise Killed

    dying = AtomicCheckpointer(
        tmp_path, {"model": linear(2.0)}, custom_save_hooks={"model": killed}
    )
    with pytest.raises(Killed):
        dying.save_checkpoint()
    fresh = checkpointer(tmp_path, 7.0)
    assert fresh.recover_if_possible() is None
    assert model_value(fresh) == 7.0


def test_law_a_kill_while_a_named_checkpoint_is_replaced(tmp_path):
    """The old mark must not vouch for the new, unfinished files."""

    def killed(obj, path):
        path.write_bytes(b"half")
        raise Killed

    checkpointer(tmp_path, 1.0).save_checkpoint(name="last")
    dying = AtomicCheckpointer(
        tmp_path, {"model": linear(2.0)}, custom_save_hooks={"model": killed}
    )
    with pytest.raises(Killed):
        dying.save_checkpoint(name="last")
    assert checkpointer(tmp_path).find_checkpoint() is None


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        *itertools.product(["model", "optimizer"], [0, 0.5, 0.99]),
        ("counter", 0),
    ],
)
def test_truncated_files_say_which_folder_to_delete(tmp_path, name, kept):
    def build():
        model = linear(1.0)
        return AtomicCheckpointer(
            tmp_path,
            {
                "model": model,
                "optimizer": torch.optim.AdamW(model.parameters()),
                "counter": EpochCounter(3),
            },
        )

    checkpoint = build().save_checkpoint()
    file = checkpoint.paramfiles[name]
    data = file.read_bytes()
    file.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(
        ValueError,
        match=f"checkpoint {re.escape(str(checkpoint.path))} cannot be loaded "
        r"\(.+\); delete that folder",
    ):
        build().recover_if_possible()


def test_a_checkpoint_of_another_model_says_so(tmp_path):
    checkpoint = checkpointer(tmp_path).save_checkpoint()
    other = AtomicCheckpointer(tmp_path, {"model": linear(0.0, size=3)})
    with pytest.raises(
        ValueError,
        match=f"{re.escape(str(checkpoint.path))} cannot .* the model has",
    ):
        other.recover_if_possible()


def test_a_checkpoint_without_a_part_says_so(tmp_path):
    checkpointer(tmp_path).save_checkpoint()
    more = checkpointer(tmp_path, teacher=linear(0.0))
    with pytest.raises(ValueError, match="cannot be loaded .*teacher"):
        more.recover_if_possible()
