"""Has a several-speaker network collapsed? (``outputs -> monitors``).

A network trained on labels alone has ways out that a falling loss does not
show: both outputs name the louder speaker; one output learns, the other does
not; each output takes one gender, so that only mixed pairs work.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from speechbrain_denokd.losses.multi_identity import PitOutput

# Outputs of different speakers have cosines well below, identical ones 1.
MAX_AGREEMENT = 0.9
# An output that names the same speaker as another is wrong once: a network
# for which this is the rule cannot name more than one.
MAX_SAME_CHOICE = 0.5
# In labels' random order no output has the harder task. Small losses differ
# by large factors, so half a nat is free.
MAX_LOSS_RATIO, FREE_LOSS = 2.0, 0.5

_GROUPS = ("all", "same_gender", "cross_gender")


class CollapseReport(NamedTuple):
    """Means over the mixtures of one group.

    Attributes
    ----------
    n_mixtures : int
    agreement : float
        Cosine between two outputs of a mixture.
    same_choice : float
        Share of pairs of outputs that prefer the same training speaker.
    swap_rate : float
        Share of mixtures whose outputs are not in the labels' order: about
        ``1 - 1 / K!`` where that order is random. Far from it, an output has
        learned something about the order (the louder one first?).
    change_rate : float
        Share of mixtures, among those of the epoch before, whose outputs have
        other owners than then; NaN where there are none. It should fall.
    output_losses : tuple of float
        Speaker loss of each output.
    """

    n_mixtures: int
    agreement: float
    same_choice: float
    swap_rate: float
    change_rate: float
    output_losses: tuple[float, ...]

    @property
    def signs(self) -> tuple[str, ...]:
        """What speaks for a collapse, in words; empty where nothing does."""
        low, high = min(self.output_losses), max(self.output_losses)
        checks = {
            f"the outputs agree: mean cosine {self.agreement:.2f} > "
            f"{MAX_AGREEMENT}": self.agreement > MAX_AGREEMENT,
            f"the outputs name one speaker: {self.same_choice:.2f} > "
            f"{MAX_SAME_CHOICE}": self.same_choice > MAX_SAME_CHOICE,
            f"one output does not learn: losses from {low:.2f} to {high:.2f}": (
                high > MAX_LOSS_RATIO * low + FREE_LOSS
            ),
        }
        return tuple(text for text, holds in checks.items() if holds)

    @property
    def is_collapsed(self) -> bool:
        """Whether any threshold of this module is passed."""
        return bool(self.signs)


class CollapseMonitor:
    """Gathers one epoch's mixtures, and reports.

    Values stay on the device until the report: reading each would wait for
    it. An untrained network looks collapsed, since all its embeddings are
    alike: ask after the first epochs.

    Example
    -------
    >>> from speechbrain_denokd.losses.multi_identity import PitIdentityLoss
    >>> monitor, labels = CollapseMonitor(), torch.tensor([[0, 1], [2, 0]])
    >>> scores = 9 * F.one_hot(labels, 3).float()
    >>> found = PitIdentityLoss()(scores, labels)
    >>> monitor.update(scores, scores, labels, found)
    >>> monitor.end_epoch()["all"].is_collapsed
    False
    >>> same = scores[:, :1].expand(-1, 2, -1)
    >>> monitor.update(same, same, labels, PitIdentityLoss()(same, labels))
    >>> monitor.end_epoch()["all"].signs[0]
    'the outputs agree: mean cosine 1.00 > 0.9'
    """

    def __init__(self):
        self._rows: list[Tensor] = []
        self._owners: list[Tensor] = []
        self._names: list[str | None] = []
        self._previous: dict[str | None, tuple[int, ...]] = {}

    def update(
        self,
        embeddings: Tensor,
        scores: Tensor,
        labels: Tensor,
        found: PitOutput,
        names: Sequence[str] | None = None,
        same_gender: Tensor | None = None,
    ):
        """Add a batch of mixtures.

        Arguments
        ---------
        embeddings : (B, K, D) torch.Tensor
        scores : (B, K, n) torch.Tensor
            Without margin.
        labels : (B, K) torch.Tensor of int64
        found : PitOutput
            Of the same scores and labels.
        names : sequence of B str, optional
            Of mixtures that come again in every epoch, as those of a
            development set; without them nothing is compared to the epoch
            before.
        same_gender : (B,) torch.Tensor of bool, optional
            Whether all speakers of the mixture have one gender.

        Raises
        ------
        ValueError
            If there are not as many names as mixtures.
        """
        n_mixtures = len(labels)
        if names is not None and len(names) != n_mixtures:
            raise ValueError(
                f"{len(names)} names for {n_mixtures} mixtures; give one each"
            )
        if same_gender is None:
            gender = torch.full((n_mixtures,), -1.0, device=labels.device)
        else:
            gender = same_gender.to(labels.device).float()
        in_order = torch.arange(labels.shape[1], device=labels.device)
        swapped = (found.assignment != in_order).any(dim=1)
        columns = [
            gender,
            agreement(embeddings.detach()),
            same_choice(scores.detach()),
            swapped.float(),
        ]
        self._rows.append(
            torch.cat([torch.stack(columns, 1), found.output_losses], dim=1)
        )
        self._names.extend([None] * n_mixtures if names is None else names)
        self._owners.append(labels.gather(1, found.assignment))

    def end_epoch(self) -> dict[str, CollapseReport]:
        """Report by group, and start again.

        Returns
        -------
        dict of str to CollapseReport
            "all", and "same_gender" and "cross_gender" where there are any.

        Raises
        ------
        ValueError
            If there were no mixtures.
        """
        if not self._rows:
            raise ValueError(
                "0 mixtures since the last report, but it needs 1 or more; "
                "call update on every batch"
            )
        rows = torch.cat(self._rows).double().cpu()
        gender, changed = rows[:, 0], self._changes()
        masks = (torch.ones_like(gender).bool(), gender == 1, gender == 0)
        reports = {
            group: _report(rows[mask, 1:], changed[mask])
            for group, mask in zip(_GROUPS, masks, strict=True)
            if mask.any()
        }
        self._rows, self._owners, self._names = [], [], []
        return reports

    def _changes(self) -> Tensor:
        """1 where a mixture's outputs have new owners, NaN where unknown."""
        owners = [tuple(row) for row in torch.cat(self._owners).tolist()]
        now = dict(zip(self._names, owners, strict=True))
        changed = [
            float(self._previous[name] != now[name])
            if name is not None and name in self._previous
            else float("nan")
            for name in self._names
        ]
        self._previous = now
        return torch.tensor(changed, dtype=torch.float64)


def agreement(embeddings: Tensor) -> Tensor:
    """Mean cosine between the outputs of each mixture.

    Arguments
    ---------
    embeddings : (B, K, D) torch.Tensor

    Returns
    -------
    (B,) torch.Tensor of float32

    Example
    -------
    >>> agreement(torch.tensor([[[1.0, 0.0], [3.0, 4.0]]]))
    tensor([0.6000])
    """
    unit = F.normalize(embeddings.float(), dim=2)
    first, second = _pairs(embeddings.shape[1], embeddings.device)
    return (unit[:, first] * unit[:, second]).sum(dim=2).mean(dim=1)


def same_choice(scores: Tensor) -> Tensor:
    """Share of the pairs of outputs whose best score is for one speaker.

    Arguments
    ---------
    scores : (B, K, n) torch.Tensor

    Returns
    -------
    (B,) torch.Tensor of float32

    Example
    -------
    >>> same_choice(torch.tensor([[[0.1, 0.9], [0.4, 0.6], [0.7, 0.3]]]))
    tensor([0.3333])
    """
    choices = scores.argmax(dim=2)
    first, second = _pairs(scores.shape[1], scores.device)
    same = choices[:, first] == choices[:, second]
    return same.float().mean(dim=1)


def _pairs(n_speakers: int, device) -> Tensor:
    """(2, pairs): indices of all pairs of different outputs."""
    return torch.triu_indices(n_speakers, n_speakers, 1, device=device)


def _report(rows: Tensor, changed: Tensor) -> CollapseReport:
    """Means of the columns that `CollapseMonitor.update` writes."""
    means = rows.mean(dim=0).tolist()
    return CollapseReport(
        n_mixtures=len(rows),
        agreement=means[0],
        same_choice=means[1],
        swap_rate=means[2],
        change_rate=changed.nanmean().item(),
        output_losses=tuple(means[3:]),
    )
