"""How long a training took, over all its starts."""

import time
from pathlib import Path

from speechbrain.utils.checkpoints import (
    mark_as_loader,
    mark_as_saver,
    register_checkpoint_hooks,
)


@register_checkpoint_hooks
class TrainClock:
    """Seconds of training that led to where it stands.

    A checkpoint remembers them, and a run that goes on from it goes on
    counting: what was lost with a kill was trained again, and counts once.

    Example
    -------
    >>> clock = TrainClock()
    >>> clock.total_s() >= 0
    True
    """

    def __init__(self):
        self.before_s = 0.0
        self.started = time.monotonic()

    def total_s(self) -> float:
        """Seconds of this start and of those before."""
        return self.before_s + time.monotonic() - self.started

    @mark_as_saver
    def save(self, path):
        """Write the seconds so far; SpeechBrain calls it."""
        Path(path).write_text(f"{self.total_s()!r}\n", encoding="utf-8")

    @mark_as_loader
    def load(self, path, end_of_epoch):
        """Go on from the seconds of a checkpoint; SpeechBrain calls it."""
        del end_of_epoch
        self.before_s = float(Path(path).read_text(encoding="utf-8"))
