"""The one training flow: YAML -> data -> Brain -> fit -> model -> evaluation.

``python train.py hparams/<method>.yaml [--setup NAME] [--key=value ...]``
"""

import datetime
import json
import logging
import shlex
import sys
import time
from collections.abc import Sequence
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

from speechbrain_denokd.checkpoints import AtomicCheckpointer
from speechbrain_denokd.cli_errors import exit_on_user_error
from speechbrain_denokd.config import Page, load_page
from speechbrain_denokd.data.batches import EpochBatches, batches_by_duration
from speechbrain_denokd.data.corpus import TrialSet
from speechbrain_denokd.data.dataset import TrainingCrops, WholeUtterances
from speechbrain_denokd.data.files import write_whole
from speechbrain_denokd.data.speed import SpeedPerturb
from speechbrain_denokd.evaluation import (
    evaluate,
    extract_embeddings,
    hardware,
    results_table,
)
from speechbrain_denokd.experiment import begin_record, commit
from speechbrain_denokd.model_folder import (
    encoder_yaml,
    read_model_folder,
    write_model_folder,
)
from speechbrain_denokd.scoring.backend import cosine_backend
from speechbrain_denokd.scoring.fingerprints import folder_fingerprint
from speechbrain_denokd.scoring.fitting import EVEN, Plan, fit_system
from speechbrain_denokd.scoring.system import ScoringSystem

logger = logging.getLogger(__name__)

_USAGE = """\
usage: python train.py hparams/METHOD.yaml [--setup NAME] [--KEY=VALUE ...]

METHOD   ecapa, kd_label, kd_embedding, kd_frame, dkd, non_target_kd,
         head_tail_kd, denokd_frame, denokd_embedding, denokd_frame_embedding
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
    started = time.time()
    brain, n_steps = train(page, run_opts)
    # The other processes end here: nothing waits for them, nor they for this.
    if not if_main_process():
        return {}
    cost = {
        "n_steps": n_steps,
        "train_wall_s": round(time.time() - started, 1),
    }
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


def train(page: Page, run_opts) -> tuple[sb.Brain, int]:
    """Build everything a page names and fit it.

    Arguments
    ---------
    page : Page
    run_opts : speechbrain RunOptions

    Returns
    -------
    brain : speechbrain.Brain
        With the best checkpoint loaded.
    n_steps : int
        Steps of the optimiser in all.
    """
    setup = page.hparams["setup"]
    corpus = setup["corpus"]
    for prepare in corpus.prepare:
        run_on_main(prepare)
    speed_perturb = setup["speed_perturb"] and setup["speed_perturb"](
        n_speakers=len(corpus.speakers)
    )
    modules = build_modules(page, corpus.speakers, speed_perturb)
    crops = TrainingCrops(
        corpus.train_rows,
        {speaker: i for i, speaker in enumerate(corpus.speakers)},
        setup["crop_s"],
        page.hparams["seed"],
        setup["augment"] and setup["augment"](),
        speed_perturb,
    )
    batches = EpochBatches(
        len(crops),
        setup["batch_size"],
        page.hparams["seed"],
        get_rank() or 0,
        _n_ranks(),
    )
    brain = build_brain(page, modules, run_opts, len(batches))
    brain.train_sampler = batches
    brain.fit(
        setup["epoch_counter"],
        loader(crops, batches, setup["n_workers"]),
        dev_loader(corpus.dev_set, setup["dev_batch_s"]),
    )
    n_steps = brain.optimizer_step  # the best checkpoint holds its own count
    brain.on_evaluate_start(min_key="eer")
    return brain, n_steps


def build_modules(
    page: Page, speakers: Sequence[str], speed_perturb: SpeedPerturb | None
) -> dict[str, torch.nn.Module]:
    """The page's modules and a classifier over the corpus's speakers.

    Arguments
    ---------
    page : Page
    speakers : sequence of str
        Classes at their own speed.
    speed_perturb : SpeedPerturb or None
        Multiplies the classes.

    Returns
    -------
    dict of str to torch.nn.Module
    """
    setup = page.hparams["setup"]
    n_speeds = len(speed_perturb.factors) if speed_perturb else 1
    embedding_dim = page.hparams["modules"]["student"].embedding_dim
    classifier = setup["classifier"](
        input_size=embedding_dim,
        lin_neurons=embedding_dim,
        out_neurons=n_speeds * len(speakers),
    )
    modules = {**page.hparams["modules"], "classifier": classifier}
    if "distiller" in modules:
        match_labels(modules, speakers, n_speeds)
    return modules


def build_brain(
    page: Page, modules: dict, run_opts, n_batches: int
) -> sb.Brain:
    """The page's Brain, with checkpoints of all that is trained.

    Arguments
    ---------
    page : Page
    modules : dict of str to torch.nn.Module
    run_opts : speechbrain RunOptions
    n_batches : int
        Per epoch.

    Returns
    -------
    speechbrain.Brain
    """
    hparams, setup = page.hparams, page.hparams["setup"]
    recoverables = {
        name: module for name, module in modules.items() if name != "teacher"
    }
    recoverables["epoch_counter"] = setup["epoch_counter"]
    return hparams["brain_class"](
        modules=modules,
        opt_class=setup["opt_class"],
        hparams={
            **setup,
            **hparams,
            "n_batches": n_batches,
            "dev_set": setup["corpus"].dev_set,
        },
        run_opts=run_opts,
        checkpointer=AtomicCheckpointer(
            Path(hparams["output_folder"]) / "checkpoints", recoverables
        ),
    )


def match_labels(modules: dict, speakers: Sequence[str], n_speeds: int):
    """Give the teacher's class head the student's classes.

    Only where a term compares class scores: other terms need no common
    speakers.

    Raises
    ------
    ValueError
        If a class has no counterpart in the teacher.
    """
    if not modules["distiller"].needs_labels:
        return
    if n_speeds > 1:
        raise ValueError(
            f"speed perturbation makes {n_speeds} classes of each speaker, but "
            "the teacher's head knows one: set --speed_perturb=null, or use a "
            "method without a label term"
        )
    modules["teacher"].select_speakers(speakers)


def loader(crops, batches, n_workers: int) -> DataLoader:
    """Training batches, read by ``n_workers`` processes."""
    return DataLoader(
        crops,
        batch_sampler=batches,
        num_workers=n_workers,
        collate_fn=PaddedBatch,
        persistent_workers=n_workers > 0,
    )


def dev_loader(dev_set, batch_s: float) -> DataLoader:
    """Whole development utterances, in batches of similar length."""
    return DataLoader(
        WholeUtterances(dev_set.utterances),
        batch_sampler=batches_by_duration(dev_set.utterances, batch_s),
        collate_fn=PaddedBatch,
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
        Steps, and wall time in this process, of training.

    Returns
    -------
    dict
        The record, also in ``metrics.json``.
    """
    hparams, setup = page.hparams, page.hparams["setup"]
    folder = Path(hparams["output_folder"])
    student = _unwrapped(brain.modules["student"])
    write_model_folder(
        folder / "model",
        encoder_yaml(page.resolved, ["student", "encoder"]),
        student,
        _unwrapped(brain.modules["classifier"]),
        setup["corpus"].speakers,
        setup["aam"].scale,
        setup["aam"].margin,
    )
    # What is measured is what others will load.
    encoder = read_model_folder(folder / "model", str(brain.device)).encoder
    system = calibrate(encoder, setup["corpus"].dev_set, setup["n_workers"])
    system.save(folder / "model")
    tests = {}
    for test_set in setup["corpus"].test_sets:
        tests[test_set.name] = evaluate(
            encoder,
            test_set,
            folder / test_set.name,
            setup["test_crops_s"],
            system,
            {
                "model": str(folder / "model"),
                "model_sha256": folder_fingerprint(folder / "model"),
                **setup["corpus"].files_of(test_set.name),
            },
            setup["n_workers"],
            progress=not brain.noprogressbar,
        )
        print(f"\n{hparams['method']} on {test_set.name} ({setup['name']})\n")
        print(results_table(tests[test_set.name]))
    best = brain.checkpointer.find_checkpoint(min_key="eer")
    record = {
        "method": hparams["method"],
        "setup": setup["name"],
        "seed": hparams["seed"],
        "description": setup["description"],
        "tests": tests,
        "n_parameters": sum(p.numel() for p in student.parameters()),
        **cost,
        "best_epoch": best.meta["epoch"],
        "dev_eer": best.meta["eer"],
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
    print(f"\nmodel folder: {folder / 'model'}\n{setup['next_line']}")
    return record


def calibrate(
    encoder: torch.nn.Module, dev_set: TrialSet, n_workers: int
) -> ScoringSystem:
    """Cosine scoring, calibrated on the development trials.

    `denokd calibrate` gives the folder another back-end or another operating
    point; this one makes it answer with a decision from the start.

    Arguments
    ---------
    encoder : torch.nn.Module
    dev_set : TrialSet
        Its EER chose the checkpoint, a choice among few: the calibration
        hardly notices.
    n_workers : int

    Returns
    -------
    ScoringSystem
    """
    embeddings = extract_embeddings(
        encoder, dev_set.utterances, n_workers=n_workers
    )
    try:
        return fit_system(Plan(), None, dev_set, embeddings, EVEN)[0]
    except ValueError as error:
        # A model that has learnt nothing yet is no reason to lose it.
        logger.warning("the model is left without calibration: %s", error)
        return ScoringSystem(cosine_backend(centre=False))


def _unwrapped(module: torch.nn.Module) -> torch.nn.Module:
    """The module itself, where DistributedDataParallel wraps it."""
    return getattr(module, "module", module)


def _n_ranks() -> int:
    if torch.distributed.is_initialized():
        return torch.distributed.get_world_size()
    return 1
