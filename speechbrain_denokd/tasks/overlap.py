"""Overlapped speech: random mixtures, trials of mixtures (MIRNet)."""

from collections.abc import Callable
from pathlib import Path

import speechbrain as sb
import torch
from torch.utils.data import DataLoader

from speechbrain_denokd.config import Page, settings
from speechbrain_denokd.data.speed import SpeedPerturb
from speechbrain_denokd.model_folder import (
    encoder_yaml,
    read_model_folder,
    write_model_folder,
)
from speechbrain_denokd.overlap.crops import OverlapCrops
from speechbrain_denokd.overlap.evaluate import evaluate_overlap, tables
from speechbrain_denokd.overlap.identities import mixture_loader
from speechbrain_denokd.overlap.lists import MixtureLists
from speechbrain_denokd.overlap.mixture_set import MixtureSet, mixture_batch
from speechbrain_denokd.overlap.pictures import draw_pictures
from speechbrain_denokd.scoring.fingerprints import folder_fingerprint
from speechbrain_denokd.start_weights import start_from_single, start_weights
from speechbrain_denokd.tasks.task import Task, unwrapped
from speechbrain_denokd.tasks.verification import build_modules


class OverlappedSpeech(Task):
    """Several speakers at once, from their labels alone.

    Arguments
    ---------
    lists : MixtureLists
        Fixed mixtures and trials of the development set and of the tests.
    crop_s : float
        Length of the training mixtures, in seconds.
    overlap, sir_db : (float, float)
        As `OverlapCrops`.
    n_mixtures : int, optional
        Mixtures in an epoch; by default one for each training utterance.
    baseline : str, optional
        Model folder of an encoder of single speakers, to be measured on the
        same trials.
    inner_from : str, optional
        Model folder that the encoder inside a `SpeakerWeightedEncoder` starts
        from; from random weights by default.

    Example
    -------
    >>> lists = MixtureLists("lists", "data", "dev.csv", {"unseen": "test.csv"})
    >>> OverlappedSpeech(lists, crop_s=3.0).overlap
    (1.0, 1.0)
    """

    collate = staticmethod(mixture_batch)

    def __init__(
        self,
        lists: MixtureLists,
        crop_s: float,
        overlap: tuple[float, float] = (1.0, 1.0),
        sir_db: tuple[float, float] = (0.0, 0.0),
        n_mixtures: int | None = None,
        baseline: str | None = None,
        inner_from: str | None = None,
    ):
        self.lists = lists
        self.crop_s = crop_s
        self.overlap = tuple(overlap)
        self.sir_db = tuple(sir_db)
        self.n_mixtures = n_mixtures
        self.baseline = baseline
        self.inner_from = inner_from

    def prepare(self, page: Page):
        """Write manifests, then the mixtures over them."""
        super().prepare(page)
        sb.utils.distributed.run_on_main(self.lists.prepare)

    def modules(self, page: Page) -> dict[str, torch.nn.Module]:
        """The page's modules and one classifier for all outputs."""
        values = settings(page)
        speakers = values["corpus"].speakers
        modules = build_modules(page, speakers, None)
        start_weights(modules, speakers, values.get("init_from"))
        if self.inner_from:
            start_from_single(
                modules["student"],
                modules["classifier"],
                speakers,
                self.inner_from,
            )
        return modules

    def train_data(self, page: Page) -> OverlapCrops:
        """Random mixtures of the training utterances."""
        values = settings(page)
        corpus = values["corpus"]
        held_out = self.lists.held_out
        return OverlapCrops(
            [row for row in corpus.train_rows if row.id not in held_out],
            {speaker: i for i, speaker in enumerate(corpus.speakers)},
            self.crop_s,
            values["seed"],
            values["student"]["encoder"].network.n_speakers,
            self.overlap,
            self.sir_db,
            self.augmentation(page),
            speed_perturb=self.speed_perturb(len(corpus.speakers)),
            n_mixtures=self.n_mixtures,
        )

    def speed_perturb(self, n_speakers: int) -> SpeedPerturb | None:
        """What changes the speed of training speakers, and their class."""

    def augmentation(self, page: Page) -> Callable | None:
        """What is done to training mixtures: the set-up's ``augment``."""
        augment = settings(page)["augment"]
        return augment and augment()

    def scale_and_margin(self, page: Page) -> tuple[float, float]:
        """Of the loss that the class centres were learnt with."""
        head = settings(page)["identity_loss"].head
        return (1.0, 0.0) if head is None else (head.scale, head.margin)

    def brain_hparams(self, page: Page) -> dict:
        """The development trials, which `MultiIdentityBrain` scores."""
        return {"dev_set": self.lists.dev_set}

    def dev_loader(self, page: Page) -> DataLoader:
        """The fixed development mixtures."""
        dev_set = self.lists.dev_set
        return mixture_loader(
            MixtureSet(dev_set.mixtures, dev_set.sources),
            settings(page)["dev_batch_s"],
        )

    def finish(self, brain: sb.Brain, page: Page) -> dict:
        """Model folder, error rates beside the baseline's, plots."""
        values = settings(page)
        folder = Path(values["output_folder"])
        student = unwrapped(brain.modules["student"])
        write_model_folder(
            folder / "model",
            encoder_yaml(page.resolved, ["student", "encoder"]),
            student,
            unwrapped(brain.modules["classifier"]),
            values["corpus"].speakers,
            *self.scale_and_margin(page),
        )
        # What is measured is what others will load.
        models = {values["method"]: folder / "model"}
        if self.baseline:
            models["baseline"] = Path(self.baseline)
        tests = {test.name: {} for test in self.lists.test_sets}
        for name, model in models.items():
            encoder = read_model_folder(model, str(brain.device)).encoder
            origin = {
                "model": str(model),
                "model_sha256": folder_fingerprint(model),
            }
            for test in self.lists.test_sets:
                place = folder / test.name
                tests[test.name][name], embeddings = evaluate_overlap(
                    encoder,
                    test,
                    place if name != "baseline" else place / name,
                    origin,
                    values["n_workers"],
                )
                if name != "baseline":
                    draw_pictures(encoder, test.mixtures, embeddings, place)
        for name, systems in tests.items():
            print(f"\n{values['method']} on {name} ({values['name']})\n")
            print(tables(systems, values["distance"]))
        return {
            "tests": tests,
            "baseline": self.baseline,
            "n_parameters": sum(p.numel() for p in student.parameters()),
        }
