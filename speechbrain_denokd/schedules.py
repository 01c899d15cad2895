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
        if epochs < self.warmup_epochs:
            span = self.highest - self.lowest
            return self.lowest + span * epochs / self.warmup_epochs
        left = self.n_epochs - self.warmup_epochs
        done = (epochs - self.warmup_epochs) / left
        return _cosine(self.highest, self.lowest, done)


@dataclass(frozen=True)
class TwoStageCosine:
    """A cosine for a first optimiser, then another one for a second.

    Source: K. Koo et al., "SSRFNet", 2026, Section 3.3: AdamW from 1e-3 to
    1e-4 in 5,000 steps, SGD from 1e-1 to 1e-4 until step 304,000, which are
    0.586 and 35.6 epochs of 8,531 steps. Goes with
    `speechbrain_denokd.optim.two_stage.TwoStage` and its ``first_epochs``.

    Arguments
    ---------
    first_highest, first_lowest : float
        Learning rates of the first optimiser.
    first_epochs : float
        Epochs of the first; 0 leaves all to the second.
    highest, lowest : float
        Learning rates of the second.
    n_epochs : float
        Length of the whole run.

    Raises
    ------
    ValueError
        If the first stage is not shorter than the run.

    Example
    -------
    >>> schedule = TwoStageCosine(1e-3, 1e-4, 2, 0.1, 1e-4, n_epochs=12)
    >>> [round(schedule(epochs), 6) for epochs in (0, 1, 2, 7, 12)]
    [0.001, 0.00055, 0.1, 0.05005, 0.0001]
    """

    first_highest: float
    first_lowest: float
    first_epochs: float
    highest: float
    lowest: float
    n_epochs: float

    def __post_init__(self):
        if not 0 <= self.first_epochs < self.n_epochs:
            raise ValueError(
                f"first_epochs={self.first_epochs} must be 0 or more and less "
                f"than n_epochs={self.n_epochs}; set --warmup_epochs"
            )

    def __call__(self, epochs: float) -> float:
        """Learning rate after ``epochs`` finished epochs."""
        if epochs < self.first_epochs:
            done = epochs / self.first_epochs
            return _cosine(self.first_highest, self.first_lowest, done)
        left = self.n_epochs - self.first_epochs
        done = (epochs - self.first_epochs) / left
        return _cosine(self.highest, self.lowest, done)


def _cosine(highest: float, lowest: float, done: float) -> float:
    """Half a cosine; ``done`` is the share that is over."""
    angle = math.pi * min(done, 1.0)
    return lowest + 0.5 * (highest - lowest) * (1 + math.cos(angle))
