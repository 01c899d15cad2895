"""Peak memory of a training step, the teacher and all states included.

On CUDA: what the step allocates on top of what it found, plus what the row
itself keeps. On the CPU: the peak resident size of a fresh process, libraries
included, from after the models are built (building needs more than stepping).
"""

import json
import subprocess
import sys

import torch

from benchmarks.peak_memory import peak_rss_bytes, restart_peak
from benchmarks.step_rows import Step


def cuda_peak(step: Step) -> int:
    """Bytes at the peak of one step, without other rows' models."""
    device = step.brain.device
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    step.run()
    rise = torch.cuda.max_memory_allocated(device) - before
    return rise + step.resident_bytes


def cpu_peak(step: Step) -> int:
    """Bytes at the peak of two steps; meant for a process that ends then."""
    restart_peak()
    step.run()  # makes the optimiser's state
    step.run()
    return peak_rss_bytes()


def peak_of_subprocess(options: list[str]) -> int:
    """`cpu_peak` as a fresh process finds it.

    Arguments
    ---------
    options : list of str
        Of ``python -m benchmarks.train_step``; the size and the row among
        them.

    Raises
    ------
    RuntimeError
        If the process fails, with its last words.
    """
    command = [sys.executable, "-m", "benchmarks.train_step", *options]
    process = subprocess.run(command, capture_output=True, text=True)
    if process.returncode:
        raise RuntimeError(
            f"{' '.join(options)} ended with {process.returncode}: "
            f"{process.stderr.strip()[-500:]}"
        )
    return json.loads(process.stdout.splitlines()[-1])["peak_bytes"]
