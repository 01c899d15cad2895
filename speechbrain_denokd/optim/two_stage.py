"""AdamW first, then SGD (``gradients -> step``), as SSRFNet is trained.

Source: SSRFNet, Section 3.1: AdamW for a warm-up, then SGD with Nesterov
momentum. Its code swaps optimisers in a callback and loses the second one's
state on resuming; here both are one optimiser, saved and loaded together.
"""

from collections.abc import Callable, Iterable

import torch
from torch import nn


class TwoStage(torch.optim.Optimizer):
    """Two optimisers over the same parameters, one after the other.

    Which of them steps follows from ``epochs_done`` of its parameter groups,
    which the Brain sets before every step beside ``lr``: there is no counter
    to lose, and a resumed run switches at the same step.

    Arguments
    ---------
    params : iterable of torch.nn.Parameter
    first, second : callable
        ``parameters -> optimiser``.
    first_epochs : float
        Epochs of the first; fractions count.

    Raises
    ------
    ValueError
        If ``first_epochs`` is negative.

    Example
    -------
    >>> from functools import partial
    >>> weight = nn.Parameter(torch.tensor([1.0]))
    >>> optimizer = TwoStage(
    ...     [weight],
    ...     partial(torch.optim.AdamW, lr=0.1, weight_decay=0.0),
    ...     partial(torch.optim.SGD, lr=0.1),
    ...     first_epochs=1.0,
    ... )
    >>> for epochs_done in (0.0, 1.0):
    ...     weight.grad = torch.tensor([3.0])
    ...     for group in optimizer.param_groups:
    ...         group["epochs_done"], group["lr"] = epochs_done, 0.1
    ...     optimizer.step()
    ...     print(round(weight.item(), 4))
    0.9
    0.6
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        first: Callable[[list], torch.optim.Optimizer],
        second: Callable[[list], torch.optim.Optimizer],
        first_epochs: float,
    ):
        if first_epochs < 0:
            raise ValueError(
                f"first_epochs={first_epochs} must be 0 or more; 0 leaves all "
                "to the second optimiser"
            )
        params = list(params)
        super().__init__(params, {"epochs_done": 0.0})
        self.first, self.second = first(params), second(params)
        self.first_epochs = first_epochs

    def step(self, closure=None):
        """Step with the optimiser whose time it is, at this step's rate."""
        for group, *parts in self._groups():
            for part in parts:
                part["lr"] = group["lr"]
        return self._active().step(closure)

    def state_dict(self) -> dict:
        """State of both."""
        return {
            "groups": [
                {k: v for k, v in group.items() if k != "params"}
                for group in self.param_groups
            ],
            "first": self.first.state_dict(),
            "second": self.second.state_dict(),
        }

    def load_state_dict(self, state_dict: dict):
        """State of both, as `state_dict` returned it."""
        for group, saved in zip(
            self.param_groups, state_dict["groups"], strict=True
        ):
            group.update(saved)
        self.first.load_state_dict(state_dict["first"])
        self.second.load_state_dict(state_dict["second"])

    def _groups(self):
        return zip(
            self.param_groups,
            self.first.param_groups,
            self.second.param_groups,
            strict=True,
        )

    def _active(self) -> torch.optim.Optimizer:
        done = self.param_groups[0]["epochs_done"]
        return self.first if done < self.first_epochs else self.second
