"""Trains a student with a frozen teacher (``student, teacher -> losses``)."""

import speechbrain as sb
from torch import Tensor

from speechbrain_denokd.brains.speaker import SpeakerBrain
from speechbrain_denokd.distill.prediction import Predictions


class DistillBrain(SpeakerBrain):
    """Adds distillation to the classification loss: DenoKD, Eq. (9).

    Modules, besides those of `SpeakerBrain`: ``teacher`` (a `FrozenTeacher`)
    and ``distiller`` (a `Distiller`). Student and teacher hear the same
    augmented crop: frame-level terms compare what they make of it.
    """

    def compute_forward(self, batch, stage) -> Predictions:
        """As `SpeakerBrain`; the teacher listens in training."""
        predictions = super().compute_forward(batch, stage)
        if stage != sb.Stage.TRAIN:
            return predictions
        teacher = self.modules.teacher.hear(batch, self.labels(batch))
        return predictions._replace(teacher=teacher)

    def compute_losses(
        self, predictions: Predictions, batch
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Classification loss and every distillation term, by name."""
        losses, monitors = super().compute_losses(predictions, batch)
        distilled, watched = self.modules.distiller(
            predictions.student,
            predictions.teacher,
            self.labels(batch),
            self.epoch,
        )
        return losses | distilled, monitors | watched
