"""What changes with training time: margin and learning rate.

Each schedule is a function of the progress in epochs (a float that grows with
every step), not a counter: a resumed run needs no state to continue it.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class MarginSchedule:
    """Margin that rises by exponential saturation.

    Source: the margin scheduler of 3D-Speaker, which DenoKD used (Section
    III-B: 0 for 20 epochs, "exponentially increased to 0.2 in the next 20").
    In between, with r the share of the rise that is over:
    m = m0 + (m1 - m0) (1 - exp(r ln(1e-3 / (1 + 1e-6)))).

    Arguments
    ---------
    start_epoch, end_epoch : float
        Finished epochs at which the rise starts and ends.
    initial, final : float
        Margins in radians.

    Raises
    ------
    ValueError
        If the rise ends before it starts.

    Example
    -------
    >>> schedule = MarginSchedule(20, 40)
    >>> [round(schedule(epochs), 6) for epochs in (20, 30, 40)]
    [0.0, 0.193675, 0.2]
    """

    start_epoch: float
    end_epoch: float
    initial: float = 0.0
    final: float = 0.2

    def __post_init__(self):
        if self.end_epoch < self.start_epoch:
            raise ValueError(
                f"the margin's end_epoch={self.end_epoch} lies before its "
                f"start_epoch={self.start_epoch}; swap them"
            )

    def __call__(self, epochs: float) -> float:
        """Margin after ``epochs`` finished epochs (fractions count)."""
        if epochs < self.start_epoch:
            return self.initial
        if epochs >= self.end_epoch:
            return self.final
        done = (epochs - self.start_epoch) / (self.end_epoch - self.start_epoch)
        risen = 1 - math.exp(done * math.log(1e-3 / (1 + 1e-6)))
        return self.initial + (self.final - self.initial) * risen


@dataclass(frozen=True)
class WarmupCosine:
    """Linear warm-up, then a cosine down to the lowest rate.

    Source: DenoKD, Section III-B (cosine annealing, 5 warm-up epochs); the
    formula is 3D-Speaker's.

    Arguments
    ---------
    highest, lowest : float
        Learning rates.
    warmup_epochs, n_epochs : float
        Length of the warm-up and of the whole run.

    Raises
    ------
    ValueError
        If the warm-up is not shorter than the run.

    Example
    -------
    >>> schedule = WarmupCosine(0.2, 5e-5, warmup_epochs=5, n_epochs=70)
    >>> [round(schedule(epochs), 6) for epochs in (0, 2.5, 5, 37.5, 70)]
    [5e-05, 0.100025, 0.2, 0.100025, 5e-05]
    """

    highest: float
    lowest: float
    warmup_epochs: float
    n_epochs: float

    def __post_init__(self):
        if self.warmup_epochs >= self.n_epochs:
            raise ValueError(
                f"warmup_epochs={self.warmup_epochs} must be less than "
                f"n_epochs={self.n_epochs}; shorten the warm-up"
            )

    def __call__(self, epochs: float) -> float:
        """Learning rate after ``epochs`` finished epochs."""
        span = self.highest - self.lowest
        if epochs < self.warmup_epochs:
            return self.lowest + span * epochs / self.warmup_epochs
        left = self.n_epochs - self.warmup_epochs
        angle = (
            math.pi * (min(epochs, self.n_epochs) - self.warmup_epochs) / left
        )
        return self.lowest + 0.5 * span * (1 + math.cos(angle))
