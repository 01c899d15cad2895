"""Training steps to time: the pages' own objects, fed with noise.

A row is a method page with overrides; a size is a set-up with a teacher. Both
go through `load_page`, and the page's Brain takes the step: what is timed is
what `train.py` runs, without reading audio.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import speechbrain as sb
import torch
from speechbrain.dataio.batch import PaddedBatch

from benchmarks import random_teacher
from speechbrain_denokd.config import load_page
from speechbrain_denokd.distill.teacher import FrozenTeacher

BASELINE = "kd_frame"
SAMPLE_RATE_HZ = 16000


class Row(NamedTuple):
    """A method: page and overrides."""

    page: str
    overrides: Mapping[str, object] = MappingProxyType({})


class Size(NamedTuple):
    """A scale: set-up, teacher, classes, and overrides.

    ``teacher`` takes no argument and is found by its name. ``batch_size`` by
    kind of device; where a kind is missing, the set-up's own.
    """

    setup: str
    teacher: Callable[[], FrozenTeacher]
    n_classes: int
    batch_size: Mapping[str, int] = MappingProxyType({})
    overrides: Mapping[str, object] = MappingProxyType({})


class Step(NamedTuple):
    """A Brain ready to step, and the batch that it steps on."""

    brain: sb.Brain
    batch: PaddedBatch
    crop_s: float

    def run(self) -> float:
        """Take one training step; its loss."""
        self.brain.step += 1
        return float(self.brain.fit_batch(self.batch))

    @property
    def batch_size(self) -> int:
        """Utterances per step."""
        return len(self.batch)

    @property
    def n_trained(self) -> int:
        """Parameters that the optimiser holds."""
        return sum(parameter.numel() for parameter in self._parameters())

    @property
    def resident_bytes(self) -> int:
        """Weights, buffers and optimiser state, teacher included."""
        modules = self.brain.modules
        state = self.brain.optimizer.state.values()
        tensors = [*modules.parameters(), *modules.buffers()]
        tensors += [v for s in state for v in s.values()]
        # The state of a parameter holds Python numbers too.
        return sum(t.nbytes for t in tensors if torch.is_tensor(t))

    def _parameters(self):
        for group in self.brain.optimizer.param_groups:
            yield from group["params"]


def rows() -> dict[str, Row]:
    """The rows of the benchmark by name, the baseline before its variants."""
    frame, embedding = "denokd_frame", "denokd_embedding"
    return {
        "student alone": Row("hparams/ecapa.yaml"),
        BASELINE: Row("hparams/kd_frame.yaml"),
        **{
            f"{method}, {n} steps": Row(
                f"hparams/{method}.yaml", {"n_steps": n}
            )
            for method, counts in (
                (frame, (0, 1, 5, 10, 15)),
                (embedding, (0, 1, 5, 15)),
            )
            for n in counts
        },
    }


def sizes() -> dict[str, Size]:
    """The scales of the benchmark by name."""
    return {
        "paper": Size(
            "voxceleb",
            random_teacher.paper_teacher,
            random_teacher.N_VOXCELEB2_SPEAKERS,
            {"cpu": 4},  # the set-up's 256 is a GPU's
            {"data_folder": "none"},  # nothing is read
        ),
        "samples": Size(
            "samples",
            random_teacher.sample_teacher,
            random_teacher.N_SAMPLE_SPEAKERS,
        ),
    }


def build_step(
    size: Size,
    row: Row,
    device: str = "cpu",
    precision: str = "fp32",
    batch_size: int | None = None,
) -> Step:
    """Load a page at a size and make its Brain ready to step.

    Arguments
    ---------
    size : Size
    row : Row
    device : str
        As torch names it.
    precision : str
        SpeechBrain's option: fp32, fp16 or bf16.
    batch_size : int, optional
        The size's own by default.

    Returns
    -------
    Step
        In its last epoch, so that the margin is on and every ramp is over.
    """
    hparams = load_page(row.page, size.setup, _overrides(size, row)).hparams
    setup = hparams["setup"]
    kind = torch.device(device).type
    n_items = batch_size or size.batch_size.get(kind, setup["batch_size"])
    embedding_dim = hparams["modules"]["student"].embedding_dim
    classifier = setup["classifier"](
        input_size=embedding_dim,
        lin_neurons=embedding_dim,
        out_neurons=size.n_classes,
    )
    brain = hparams["brain_class"](
        modules={**hparams["modules"], "classifier": classifier},
        opt_class=setup["opt_class"],
        hparams={**setup, **hparams, "n_batches": 1},
        run_opts={"device": device, "precision": precision},
    )
    brain.modules.train()
    brain.init_optimizers()
    brain.on_stage_start(sb.Stage.TRAIN, setup["n_epochs"])
    brain.nonfinite_count = 0
    batch = noise_batch(n_items, setup["crop_s"], size.n_classes)
    return Step(brain, batch, setup["crop_s"])


def _overrides(size: Size, row: Row) -> str:
    """YAML text: the size's teacher, then what the size and the row change."""
    name = f"{size.teacher.__module__}.{size.teacher.__qualname__}"
    lines = [f"load_teacher: !name:{name}"]
    for key, value in {**size.overrides, **row.overrides}.items():
        lines.append(f"{key}: {value}")
    return "\n".join(lines)


def noise_batch(n_items: int, crop_s: float, n_classes: int) -> PaddedBatch:
    """A batch as the data loader makes it: equally long crops and labels."""
    generator = torch.Generator().manual_seed(1)
    n_samples = round(crop_s * SAMPLE_RATE_HZ)
    labels = torch.randint(n_classes, (n_items, 1), generator=generator)
    return PaddedBatch(
        [
            {
                "id": str(i),
                "sig": 0.1 * torch.randn(n_samples, generator=generator),
                "label": label,
            }
            for i, label in enumerate(labels)
        ]
    )
