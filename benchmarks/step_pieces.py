"""Where the time of a training step goes: pieces timed, MACs counted.

The parts of a step are wrapped for its duration; the step itself stays as it
is. Pieces do not overlap, and what is in none of them is ``rest``.
"""

import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from functools import wraps
from unittest import mock

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.step_rows import Step
from speechbrain_denokd.distill.denoised import DenoisedMatch
from speechbrain_denokd.distill.label_term import LabelTerm

PIECES = (
    "teacher forward",
    "student forward",
    "label loss",
    "map, standardise",
    "noise adapter",
    "denoiser chain",
    "diffusion loss",
    "backward",
    "optimiser",
    "rest",
)


def piece_seconds(step: Step) -> dict[str, float]:
    """Seconds of each piece of one step."""
    device = step.brain.device

    def clock():
        wait_for(device)
        return time.perf_counter()

    return _pieces(step, clock)


def piece_gmacs(step: Step) -> dict[str, float]:
    """1e9 multiply-adds of each piece, per utterance.

    Those of convolutions and matrix products, as PyTorch's counter knows
    them. A backward pass counts as one piece, ``backward``.
    """
    counter = FlopCounterMode(display=False)
    with counter:
        flops = _pieces(step, counter.get_total_flops)
    return {
        name: value / 2e9 / step.batch_size for name, value in flops.items()
    }


def wait_for(device: str):
    """Wait until a device has done what it was asked for."""
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)


def _pieces(step: Step, read: Callable[[], float]) -> dict[str, float]:
    """What ``read`` grows by in each piece of one step."""
    found = defaultdict(float)

    def measured(function, name):
        @wraps(function)
        def wrapper(*args, **kwargs):
            before = read()
            result = function(*args, **kwargs)
            found[name] += read() - before
            return result

        return wrapper

    with ExitStack() as stack:
        for owner, attribute, name in _parts(step):
            replacement = measured(getattr(owner, attribute), name)
            stack.enter_context(
                mock.patch.object(owner, attribute, replacement)
            )
        before = read()
        step.run()
        total = read() - before
    found["rest"] = total - sum(found.values())
    return {name: found[name] for name in PIECES if name in found}


def _parts(step: Step):
    """(owner, attribute, piece) of every call to measure."""
    modules = step.brain.modules
    yield modules["student"], "forward", "student forward"
    yield modules["classifier"], "forward", "student forward"
    yield torch.Tensor, "backward", "backward"
    yield step.brain, "optimizers_step", "optimiser"
    if "distiller" not in modules:
        return
    yield modules["teacher"], "forward", "teacher forward"
    for term in modules["distiller"].terms.values():
        if isinstance(term, LabelTerm):
            yield term, "forward", "label loss"
            continue
        yield term.mapped_tap, "forward", "map, standardise"
        if isinstance(term, DenoisedMatch) and term.n_steps:
            yield term, "_start", "noise adapter"
            yield term, "_refine", "denoiser chain"
            yield term, "diffusion_loss", "diffusion loss"
