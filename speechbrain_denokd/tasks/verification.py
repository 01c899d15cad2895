"""Speaker verification: crops of one speaker, trials of two recordings."""

import logging
from collections.abc import Sequence
from pathlib import Path

import speechbrain as sb
import torch
from speechbrain.dataio.batch import PaddedBatch
from speechbrain.utils.distributed import run_on_main
from torch.utils.data import DataLoader

from speechbrain_denokd.config import Page, settings
from speechbrain_denokd.data.batches import batches_by_duration
from speechbrain_denokd.data.corpus import TrialSet
from speechbrain_denokd.data.crop_pool import CropPool, draw_pool
from speechbrain_denokd.data.dataset import TrainingCrops, WholeUtterances
from speechbrain_denokd.data.speed import SpeedPerturb
from speechbrain_denokd.distill.recorded import (
    RecordedTeacher,
    record_teacher,
    recording_of,
)
from speechbrain_denokd.distill.teacher import FrozenTeacher
from speechbrain_denokd.evaluation import (
    evaluate,
    extract_embeddings,
    results_table,
)
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
from speechbrain_denokd.tasks.task import Task, unwrapped

logger = logging.getLogger(__name__)

_POOL_SEED = 0  # whatever a run's: all seeds of a comparison share the pool


class SpeakerVerification(Task):
    """An encoder and a classifier over the training speakers.

    The task of every page that names no other.

    Example
    -------
    >>> from speechbrain_denokd.config import load_page
    >>> page = load_page("hparams/ecapa.yaml")
    >>> sorted(SpeakerVerification().modules(page))
    ['classifier', 'student']
    """

    def prepare(self, page: Page):
        """Also the pool of crops, where the set-up has one."""
        super().prepare(page)
        if settings(page)["crop_pool"]:
            run_on_main(_fill_pool, kwargs={"page": page})

    def modules(self, page: Page) -> dict[str, torch.nn.Module]:
        """The page's modules and a classifier; see `Task.modules`."""
        values = settings(page)
        speakers = values["corpus"].speakers
        modules = build_modules(page, speakers, _speed_perturb(values))
        start_weights(
            modules,
            speakers,
            values.get("init_from"),
            values.get("ptm_source"),
            values.get("front_end_source"),
            values.get("members_from"),
        )
        if values["crop_pool"] and "teacher" in modules:
            modules["teacher"] = _recorded(modules["teacher"], page)
        return modules

    def train_data(self, page: Page) -> TrainingCrops | CropPool:
        """Random crops of the training utterances, drawn anew or pooled."""
        values = settings(page)
        if values["crop_pool"]:
            return _pool(page)
        return _crops(values, values["seed"])

    def brain_hparams(self, page: Page) -> dict:
        """The development trials, which `SpeakerBrain` scores."""
        return {"dev_set": settings(page)["corpus"].dev_set}

    def dev_loader(self, page: Page) -> DataLoader:
        """Whole development utterances, in batches of similar length."""
        values = settings(page)
        utterances = values["corpus"].dev_set.utterances
        return DataLoader(
            WholeUtterances(utterances),
            batch_sampler=batches_by_duration(
                utterances, values["dev_batch_s"]
            ),
            collate_fn=PaddedBatch,
        )

    def finish(self, brain: sb.Brain, page: Page) -> dict:
        """Model folder, calibration, error rates; see `Task.finish`."""
        values = settings(page)
        folder = Path(values["output_folder"])
        student = unwrapped(brain.modules["student"])
        write_model_folder(
            folder / "model",
            encoder_yaml(page.resolved, ["student", "encoder"]),
            student,
            unwrapped(brain.modules["classifier"]),
            values["corpus"].speakers,
            values["aam"].scale,
            values["aam"].margin,
        )
        # What is measured is what others will load.
        encoder = read_model_folder(folder / "model", str(brain.device)).encoder
        system = calibrate(
            encoder, values["corpus"].dev_set, values["n_workers"]
        )
        system.save(folder / "model")
        tests, heard = {}, {}
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
                points=values["dcf_points"],
                score_mode=values["crops_averaged"],
                heard=heard,
            )
            print(
                f"\n{values['method']} on {test_set.name} ({values['name']})\n"
            )
            print(results_table(tests[test_set.name]))
        return {
            "tests": tests,
            "n_parameters": sum(p.numel() for p in student.parameters()),
        }


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


def _crops(values: dict, seed: int) -> TrainingCrops:
    corpus = values["corpus"]
    return TrainingCrops(
        corpus.train_rows,
        {speaker: i for i, speaker in enumerate(corpus.speakers)},
        values["crop_s"],
        seed,
        values["augment"] and values["augment"](),
        _speed_perturb(values),
    )


def _fill_pool(page: Page):
    """Draw the pool, and let the page's teacher hear it, where not done."""
    values = settings(page)
    draw_pool(
        _crops(values, _POOL_SEED),
        values["pool_versions"],
        values["crop_pool"],
        values["n_workers"],
    )
    teacher = page.hparams["modules"].get("teacher")
    if teacher is not None:
        record_teacher(teacher, _pool(page))


def _pool(page: Page) -> CropPool:
    values = settings(page)
    return CropPool(
        values["crop_pool"], _crops(values, _POOL_SEED), values["seed"]
    )


def _recorded(teacher: FrozenTeacher, page: Page) -> RecordedTeacher:
    pool = settings(page)["crop_pool"]
    return RecordedTeacher(teacher, recording_of(teacher, pool))


def _speed_perturb(values: dict) -> SpeedPerturb | None:
    """The set-up's speed perturbation, if it has one."""
    return values["speed_perturb"] and values["speed_perturb"](
        n_speakers=len(values["corpus"].speakers)
    )
