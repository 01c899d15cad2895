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
from speechbrain_denokd.start_weights import start_weights

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
    values = settings(page)
    corpus = values["corpus"]
    for prepare in corpus.prepare:
        run_on_main(prepare)
    speed_perturb = values["speed_perturb"] and values["speed_perturb"](
        n_speakers=len(corpus.speakers)
    )
    modules = build_modules(page, corpus.speakers, speed_perturb)
    start_weights(
        modules,
        corpus.speakers,
        values.get("init_from"),
        values.get("ptm_source"),
    )
    crops = TrainingCrops(
        corpus.train_rows,
        {speaker: i for i, speaker in enumerate(corpus.speakers)},
        values["crop_s"],
        values["seed"],
        values["augment"] and values["augment"](),
        speed_perturb,
    )
    batches = EpochBatches(
        len(crops),
        values["batch_size"],
        values["seed"],
        get_rank() or 0,
        _n_ranks(),
    )
    brain = build_brain(page, modules, run_opts, len(batches))
    brain.train_sampler = batches
    brain.fit(
        values["epoch_counter"],
        loader(crops, batches, values["n_workers"]),
        dev_loader(corpus.dev_set, values["dev_batch_s"]),
    )
    n_steps = brain.optimizer_step  # the best checkpoint holds its own count
    brain.on_evaluate_start(min_key="eer")
    return brain, n_steps


def settings(page: Page) -> dict:
    """What a page and its set-up say, together.

    A method with a training of its own has keys such as ``opt_class`` on its
    page; they take the place of the set-up's.

    Example
    -------
    >>> page = Page({"seed": 1, "lr": 2, "setup": {"lr": 3, "n": 4}}, "")
    >>> values = settings(page)
    >>> values["seed"], values["lr"], values["n"]
    (1, 2, 4)
    """
    return {**page.hparams["setup"], **page.hparams}


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
    n_speeds = len(speed_perturb.factors) if speed_perturb else 1
    embedding_dim = page.hparams["modules"]["student"].embedding_dim
    classifier = settings(page)["classifier"](
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
    values = settings(page)
    recoverables = {
        name: module for name, module in modules.items() if name != "teacher"
    }
    recoverables["epoch_counter"] = values["epoch_counter"]
    return values["brain_class"](
        modules=modules,
        opt_class=values["opt_class"],
        hparams={
            **values,
            "n_batches": n_batches,
            "dev_set": values["corpus"].dev_set,
        },
        run_opts=run_opts,
        checkpointer=AtomicCheckpointer(
            Path(values["output_folder"]) / "checkpoints", recoverables
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
    values = settings(page)
    folder = Path(values["output_folder"])
    student = _unwrapped(brain.modules["student"])
    write_model_folder(
        folder / "model",
        encoder_yaml(page.resolved, ["student", "encoder"]),
        student,
        _unwrapped(brain.modules["classifier"]),
        values["corpus"].speakers,
        values["aam"].scale,
        values["aam"].margin,
    )
    # What is measured is what others will load.
    encoder = read_model_folder(folder / "model", str(brain.device)).encoder
    system = calibrate(encoder, values["corpus"].dev_set, values["n_workers"])
    system.save(folder / "model")
    tests = {}
    for test_set in values["corpus"].test_sets:
        tests[test_set.name] = evaluate(
            encoder,
            test_set,
            folder / test_set.name,
            values["test_crops_s"],
            system,
            {
                "model": str(folder / "model"),
                "model_sha256": folder_fingerprint(folder / "model"),
                **values["corpus"].files_of(test_set.name),
            },
            values["n_workers"],
            progress=not brain.noprogressbar,
        )
        print(f"\n{values['method']} on {test_set.name} ({values['name']})\n")
        print(results_table(tests[test_set.name]))
    best = brain.checkpointer.find_checkpoint(min_key="eer")
    record = {
        "method": values["method"],
        "setup": values["name"],
        "seed": values["seed"],
        "description": values["description"],
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
    print(f"\nmodel folder: {folder / 'model'}\n{values['next_line']}")
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
