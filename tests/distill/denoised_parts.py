"""Stand-ins and inputs for the tests of DenoKD's term."""

from functools import partial

import torch
from torch import nn

from speechbrain_denokd.diffusion.denoiser import (
    EmbeddingDenoiser,
    FrameDenoiser,
)
from speechbrain_denokd.diffusion.noise_adapter import (
    EmbeddingNoiseAdapter,
    FrameNoiseAdapter,
)
from speechbrain_denokd.diffusion.schedule import NoiseSchedule
from speechbrain_denokd.distill.denoised import (
    DenoisedMatch,
    FeatureProjection,
)
from speechbrain_denokd.distill.match import MappedTap
from tests.tiny import taps

S_DIM, T_DIM = 6, 8
N_FRAMES = [9, 5, 7]
PARTS = {
    "frames": (FrameDenoiser, FrameNoiseAdapter),
    "embedding": (EmbeddingDenoiser, EmbeddingNoiseAdapter),
}


class Stub(nn.Module):
    """Answers with a function; ``channels`` are of no interest."""

    def __init__(self, function, channels):
        super().__init__()
        self.function = function

    def forward(self, *args):
        return self.function(*args)


def stub(function):
    return partial(Stub, function)


def gamma_of(value):
    return stub(
        lambda features, mask: features.new_full((len(features),), value)
    )


NO_NOISE = stub(lambda x_t, timesteps, mask: torch.zeros_like(x_t))


def build(tap="frames", seed=0, standardize=True, **kwargs):
    torch.manual_seed(seed)
    denoiser, adapter = PARTS[tap]
    mapped = MappedTap(S_DIM, T_DIM, tap, standardize=standardize)
    defaults = {
        "denoiser": denoiser,
        "noise_adapter": adapter,
        "schedule": NoiseSchedule("linear"),
        "projection": FeatureProjection,
    }
    return DenoisedMatch(mapped, **{**defaults, **kwargs})


def features(tap="frames", seed=1):
    """A student and a teacher, both asking for a gradient."""
    generator = torch.Generator().manual_seed(seed)
    shape = (len(N_FRAMES), max(N_FRAMES)) if tap == "frames" else (9,)
    student = torch.randn(*shape, S_DIM, generator=generator)
    teacher = 2 + 3 * torch.randn(*shape, T_DIM, generator=generator)
    return student.requires_grad_(), teacher.requires_grad_()


def both(tap, student, teacher):
    if tap == "embedding":
        return taps(embedding=student), taps(embedding=teacher)
    return (
        taps(frames=student, n_frames=N_FRAMES),
        taps(frames=teacher, n_frames=N_FRAMES),
    )


def run(term, tap, student, teacher, seed=2):
    torch.manual_seed(seed)
    return term(*both(tap, student, teacher))


def groups(term, student, teacher):
    parts = {"student": [student], "teacher": [teacher]}
    parts["linear"] = list(term.mapped_tap.linear.parameters())
    for name in ("denoiser", "noise_adapter", "projection"):
        if getattr(term, name) is not None:
            parts[name] = list(getattr(term, name).parameters())
    return parts


def receivers(term, student, teacher):
    """Names of the parts that hold a gradient other than zero."""
    return {
        name
        for name, tensors in groups(term, student, teacher).items()
        if any(t.grad is not None and t.grad.any() for t in tensors)
    }
