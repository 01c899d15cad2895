"""What every test module needs."""

import os

import torch
from speechbrain.utils.importutils import LazyModule

# Hypothesis asks every imported module for its __file__, at which SpeechBrain's
# lazy modules import optional packages and fail (speechbrain issue 2995).
LazyModule.__file__ = None

# With a process per core, threads of one would wait for those of another.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
