"""What every record of a measurement says, and how its figures are shown."""

import platform
import shlex
import statistics
from collections.abc import Sequence
from datetime import date

import speechbrain
import torchaudio
import transformers

from speechbrain_denokd.evaluation import hardware
from speechbrain_denokd.experiment import commit


def provenance(command: Sequence[str]) -> dict:
    """Command, commit, date, hardware and versions of a measurement."""
    return {
        "command": shlex.join(command),
        "commit": commit(),
        "date": date.today().isoformat(),
        "hardware": hardware(),
        "versions": {
            "platform": platform.platform(),
            "speechbrain": speechbrain.__version__,
            "torchaudio": torchaudio.__version__,
            "transformers": transformers.__version__,
        },
    }


def spread(values: Sequence[float], n_decimals: int) -> str:
    """Median and range.

    Example
    -------
    >>> spread([3.0, 1.0, 2.0], 1)
    '2.0 [1.0–3.0]'
    """
    middle, low, high = (
        f"{value:.{n_decimals}f}"
        for value in (statistics.median(values), min(values), max(values))
    )
    return f"{middle} [{low}–{high}]"
