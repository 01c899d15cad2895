"""The one training flow: YAML -> data -> Brain -> fit -> model -> evaluation.

``python train.py hparams/<method>.yaml [--setup NAME] [--key=value ...]``
"""

import datetime
import json
import logging
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import speechbrain as sb
import torch
from speechbrain.dataio.batch import PaddedBatch
from speechbrain.utils.distributed import (
    ddp_init_group,
    get_rank,
    if_main_process,
    run_on_main,
)
from torch.utils.data import DataLoader

from speechbrain_denokd.bfloat16 import warn_if_emulated
from speechbrain_denokd.checkpoints import AtomicCheckpointer, search_key
from speechbrain_denokd.cli_errors import exit_on_user_error
from speechbrain_denokd.config import Page, load_page, settings
from speechbrain_denokd.data.batches import EpochBatches
from speechbrain_denokd.data.files import write_whole
from speechbrain_denokd.evaluation import hardware
from speechbrain_denokd.experiment import begin_record, commit
from speechbrain_denokd.tasks.task import Task
from speechbrain_denokd.tasks.verification import SpeakerVerification
from speechbrain_denokd.train_clock import TrainClock

logger = logging.getLogger(__name__)

_USAGE = """\
usage: python train.py hparams/METHOD.yaml [--setup NAME] [--KEY=VALUE ...]

METHOD   a page of hparams/, such as ecapa, kd_label, denokd_frame, redimnet,
         ssrfnet or ssl_mhfa; README.md says what each is
NAME     samples (bundled corpus, minutes on a laptop; the default),
         voxceleb (the paper's), manifest (any corpus with manifests)
KEY      any key of the page or its set-up, e.g. --seed=2 --n_epochs=5, or an
         option of SpeechBrain, e.g. --device=cuda:0 --precision=bf16
"""


@exit_on_user_error
def main(argv: Sequence[str] | None = None) -> dict:
    """Train, write the model folder, evaluate it.

    Arguments
    ---------
    argv : sequence of str, optional
        As on the command line, without the program's name.

    Returns
    -------
    dict
        The record written to ``metrics.json``.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    if not argv or argv[0] in ("-h", "--help"):
        print(_USAGE)
        return {}
    page_path, setup, run_opts, overrides = parse_arguments(argv)
    ddp_init_group(run_opts)
    page = load_page(page_path, setup, overrides)
    folder = Path(page.hparams["output_folder"])
    command = shlex.join(["python", "train.py", *argv])
    run_on_main(begin_record, kwargs={"folder": folder, "page": page})
    sb.create_experiment_directory(str(folder))
    logger.info("set-up: %s", page.hparams["setup"]["description"])
    brain, cost = train(page, run_opts)
    # The other processes end here: nothing waits for them, nor they for this.
    if not if_main_process():
        return {}
    return finish(brain, page, command, cost)


def parse_arguments(argv: Sequence[str]):
    """Split the command line into page, set-up, run options and overrides.

    Arguments
    ---------
    argv : sequence of str

    Returns
    -------
    page : str
    setup : str or None
    run_opts : speechbrain RunOptions
    overrides : str
        YAML text.

    Raises
    ------
    ValueError
        If ``--setup`` has no value.

    Example
    -------
    >>> page, setup, _, overrides = parse_arguments(
    ...     ["hparams/ecapa.yaml", "--setup", "voxceleb", "--seed=3"]
    ... )
    >>> page, setup, overrides.strip()
    ('hparams/ecapa.yaml', 'voxceleb', 'seed: 3')
    """
    rest, setup = [], None
    words = iter(argv)
    for word in words:
        if word == "--setup":
            setup = next(words, None)
            if setup is None:
                raise ValueError("--setup needs a name, e.g. --setup voxceleb")
        elif word.startswith("--setup="):
            setup = word.removeprefix("--setup=")
        else:
            rest.append(word)
    page, run_opts, overrides = sb.parse_arguments(rest)
    return page, setup, run_opts, overrides


def train(page: Page, run_opts) -> tuple[sb.Brain, dict]:
    """Build everything a page names and fit it.

    Arguments
    ---------
    page : Page
    run_opts : speechbrain RunOptions

    Returns
    -------
    brain : speechbrain.Brain
        With the checkpoint loaded that the set-up chooses.
    cost : dict
        ``n_steps``, of the optimiser, and ``train_wall_s``: of all starts.
    """
    clock = TrainClock()
    values, task = settings(page), task_of(page)
    task.prepare(page)
    modules = task.modules(page)
    data = task.train_data(page)
    batches = EpochBatches(
        len(data),
        values["batch_size"],
        values["seed"],
        get_rank() or 0,
        _n_ranks(),
    )
    hparams = {"n_batches": len(batches), **task.brain_hparams(page)}
    brain = build_brain(page, modules, run_opts, hparams)
    warn_if_emulated(brain.device, brain.precision)
    key = search_key(values["checkpoint"], brain.measure)
    brain.checkpointer.add_recoverable("clock", clock, optional_load=True)
    brain.train_sampler = batches
    brain.fit(
        values["epoch_counter"],
        loader(data, batches, values["n_workers"], task.collate),
        task.dev_loader(page),
    )
    # Before a checkpoint is loaded, which holds its own counts.
    cost = {
        "n_steps": brain.optimizer_step,
        "train_wall_s": round(clock.total_s(), 1),
    }
    brain.on_evaluate_start(**key)
    return brain, cost


def task_of(page: Page) -> Task:
    """The task of a page: its key ``task``, or speaker verification.

    Example
    -------
    >>> type(task_of(Page({"setup": {}}, ""))).__name__
    'SpeakerVerification'
    """
    return settings(page).get("task") or SpeakerVerification()


def build_brain(
    page: Page, modules: dict, run_opts, hparams: Mapping
) -> sb.Brain:
    """The page's Brain, with checkpoints of all that is trained.

    Arguments
    ---------
    page : Page
    modules : dict of str to torch.nn.Module
    run_opts : speechbrain RunOptions
    hparams : mapping
        For the Brain, besides the page's and the set-up's keys.

    Returns
    -------
    speechbrain.Brain
    """
    values = settings(page)
    recoverables = {
        name: module for name, module in modules.items() if _changes(module)
    }
    recoverables["epoch_counter"] = values["epoch_counter"]
    return values["brain_class"](
        modules=modules,
        opt_class=values["opt_class"],
        hparams={**values, **hparams},
        run_opts=run_opts,
        checkpointer=AtomicCheckpointer(
            Path(values["output_folder"]) / "checkpoints", recoverables
        ),
    )


def loader(data, batches, n_workers: int, collate=PaddedBatch) -> DataLoader:
    """Training batches, read by ``n_workers`` processes."""
    return DataLoader(
        data,
        batch_sampler=batches,
        num_workers=n_workers,
        collate_fn=collate,
        persistent_workers=n_workers > 0,
    )


def finish(brain: sb.Brain, page: Page, command: str, cost: dict) -> dict:
    """Write the model folder, evaluate what it loads to, and say what is next.

    Arguments
    ---------
    brain : speechbrain.Brain
    page : Page
    command : str
        The command line, for the record.
    cost : dict
        Steps and wall time of training.

    Returns
    -------
    dict
        The record, also in ``metrics.json``.
    """
    values = settings(page)
    folder = Path(values["output_folder"])
    result = task_of(page).finish(brain, page)
    key = search_key(values["checkpoint"], brain.measure)
    chosen = brain.checkpointer.find_checkpoint(**key)
    record = {
        "method": values["method"],
        "setup": values["name"],
        "seed": values["seed"],
        "description": values["description"],
        **result,
        **cost,
        "checkpoint": values["checkpoint"],
        "epoch": chosen.meta["epoch"],
        f"dev_{brain.measure}": chosen.meta[brain.measure],
        "command": command,
        "commit": commit(),
        "date": datetime.date.today().isoformat(),
        "hardware": hardware(),
    }
    text = json.dumps(record, indent=2) + "\n"
    write_whole(folder / "metrics.json", text)
    write_whole(
        folder / "command.txt", f"{command}\ncommit {record['commit']}\n"
    )
    print(f"\nmodel folder: {folder / 'model'}\n{values['next_line']}")
    return record


def _changes(module: torch.nn.Module) -> bool:
    """Whether it has a state that training changes: a teacher has not."""
    parameters = list(module.parameters())
    trained = any(p.requires_grad for p in parameters) or not parameters
    return trained and bool(module.state_dict())


def _n_ranks() -> int:
    if torch.distributed.is_initialized():
        return torch.distributed.get_world_size()
    return 1


if __name__ == "__main__":
    main()
