"""Weights and sums distillation terms (``student, teacher -> {name: scalar}``).

The losses of DenoKD, Eq. (9), are entries of this mapping; methods differ by
YAML alone.
"""

from torch import Tensor, nn

from speechbrain_denokd.distill.label_term import LabelTerm
from speechbrain_denokd.distill.prediction import Prediction


class Distiller(nn.Module):
    """Named terms, each with a weight and an optional linear ramp.

    Arguments
    ---------
    terms : dict of str to torch.nn.Module
        ``term(student, teacher, labels) -> TermOutput``.
    weights : dict of str to float
        One for each term.
    ramp_epochs : dict of str to float, optional
        A term's weight is multiplied by min(epoch / ramp_epochs, 1), epochs
        counted from 1; terms not named are at full weight from the start.

    Raises
    ------
    ValueError
        If the names of ``terms`` and ``weights`` differ, or a ramp names no
        term.

    Example
    -------
    >>> import torch
    >>> from speechbrain_denokd.distill.label import LabelKL
    >>> from speechbrain_denokd.distill.label_term import LabelTerm
    >>> distiller = Distiller({"label": LabelTerm(LabelKL())}, {"label": 1.0})
    >>> one = Prediction(None, torch.tensor([[3.0, 1.0, 0.0]]))
    >>> two = Prediction(None, torch.tensor([[1.0, 2.0, 0.0]]))
    >>> losses, monitors = distiller(two, one, torch.tensor([0]), epoch=1)
    >>> {name: round(loss.item(), 4) for name, loss in losses.items()}
    {'label': 0.8112}
    """

    def __init__(
        self,
        terms: dict[str, nn.Module],
        weights: dict[str, float],
        ramp_epochs: dict[str, float] | None = None,
    ):
        super().__init__()
        ramp_epochs = dict(ramp_epochs or {})
        if set(terms) != set(weights):
            raise ValueError(
                f"terms {sorted(terms)} and weights {sorted(weights)} must "
                "have the same names"
            )
        unknown = set(ramp_epochs) - set(terms)
        if unknown:
            raise ValueError(
                f"ramp_epochs names {sorted(unknown)}, which is no term of "
                f"{sorted(terms)}"
            )
        self.terms = nn.ModuleDict(terms)
        self.weights = dict(weights)
        self.ramp_epochs = ramp_epochs

    @property
    def needs_labels(self) -> bool:
        """Whether a term compares class scores."""
        return any(isinstance(t, LabelTerm) for t in self.terms.values())

    def weight(self, name: str, epoch: float) -> float:
        """Weight of a term in an epoch, counted from 1."""
        ramp = self.ramp_epochs.get(name, 0)
        return self.weights[name] * (min(epoch / ramp, 1.0) if ramp else 1.0)

    def forward(
        self,
        student: Prediction,
        teacher: Prediction,
        labels: Tensor,
        epoch: float,
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Weighted losses to sum, and unweighted scalars to log.

        Returns
        -------
        losses : dict of str to torch.Tensor
            One weighted scalar for each term, under its name.
        monitors : dict of str to torch.Tensor
            Detached, under ``term/quantity``.
        """
        losses, monitors = {}, {}
        for name, term in self.terms.items():
            output = term(student, teacher, labels)
            losses[name] = self.weight(name, epoch) * output.loss
            for quantity, value in output.monitors.items():
                monitors[f"{name}/{quantity}"] = value.detach()
        return losses, monitors
