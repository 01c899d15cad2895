"""Label-level terms: a distance between class scores, with a margin mode.

With the margin on one side only, the target probability falls there and mass
moves to the other classes: which logits are compared is a choice to name.
"""

from torch import Tensor, nn

from speechbrain_denokd.distill.prediction import Prediction, TermOutput

MARGIN_MODES = ("none", "student", "both")


class LabelTerm(nn.Module):
    """Applies a label-level loss to the logits of both networks.

    Arguments
    ---------
    loss : torch.nn.Module
        ``(student_logits, teacher_logits, labels) -> scalar``: `LabelKL`,
        `DecoupledKD`, `NonTargetKD` or `GroupedKD`.
    margin : str
        "none": scaled cosines on both sides, comparable distributions (the
        default). "student": the student's training logits against a
        margin-free teacher. "both": the margin on both, as D.-T. Truong et
        al., ICASSP 2024, trained.

    Raises
    ------
    ValueError
        If ``margin`` is none of the three, or a network has no class scores.

    Example
    -------
    >>> import torch
    >>> from speechbrain_denokd.distill.label import LabelKL
    >>> term = LabelTerm(LabelKL())
    >>> same = Prediction(None, torch.tensor([[3.0, 1.0, 0.0]]))
    >>> term(same, same, torch.tensor([0])).loss.item()
    0.0
    """

    def __init__(self, loss: nn.Module, margin: str = "none"):
        super().__init__()
        if margin not in MARGIN_MODES:
            raise ValueError(f"margin={margin!r}; use one of {MARGIN_MODES}")
        self.loss = loss
        self.margin = margin

    def forward(
        self, student: Prediction, teacher: Prediction, labels: Tensor
    ) -> TermOutput:
        """The weightless loss for (B,) ``labels``."""
        student_logits = (
            student.logits if self.margin == "none" else student.margin_logits
        )
        teacher_logits = (
            teacher.margin_logits if self.margin == "both" else teacher.logits
        )
        for side, logits in (
            ("student", student_logits),
            ("teacher", teacher_logits),
        ):
            if logits is None:
                raise ValueError(
                    f"the {side} has no class scores, which label distillation "
                    "needs; give it a classifier or drop the label term"
                )
        loss = self.loss(student_logits, teacher_logits.detach(), labels)
        return TermOutput(loss, {})
