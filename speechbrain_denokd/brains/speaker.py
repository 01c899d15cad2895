"""Trains an encoder with a margin classifier (``sig -> speaker loss -> step``).

The margin, as the learning rate of every `StepBrain`, depends on the step
alone.
"""

import speechbrain as sb
import torch
import torch.nn.functional as F
from torch import Tensor

from speechbrain_denokd.brains.steps import StepBrain
from speechbrain_denokd.distill.prediction import Prediction, Predictions
from speechbrain_denokd.metrics import eer
from speechbrain_denokd.scoring.cosine import cosine_scores


class SpeakerBrain(StepBrain):
    """Encoder + margin classifier; the student alone.

    Read from ``hparams``, besides what `StepBrain` reads: ``aam``
    (`AamSoftmax`), ``margin_schedule`` (a function of the epochs done) and
    ``dev_set`` (`TrialSet`).

    Modules: ``student`` (an encoder) and ``classifier`` (cosines to the
    training speakers).
    """

    # -- what is computed ------------------------------------------------

    def compute_forward(self, batch, stage) -> Predictions:
        """Taps and class scores in training, taps alone otherwise."""
        batch = batch.to(self.device)
        wavs, lens = batch.sig
        output = self.modules.student(wavs, lens)
        if stage != sb.Stage.TRAIN:
            return Predictions(Prediction(output))
        # Half precision would round cosines to steps of the margin's size.
        with torch.autocast(wavs.device.type, enabled=False):
            embedding = output.embedding.float().unsqueeze(1)
            cosines = self.modules.classifier(embedding).squeeze(1)
        aam, labels = self.hparams.aam, self.labels(batch)
        return Predictions(
            Prediction(
                output, aam.logits(cosines), aam.margin_logits(cosines, labels)
            )
        )

    def compute_objectives(self, predictions, batch, stage) -> Tensor:
        """Sum of the named losses; on the dev set, embeddings are kept."""
        if stage != sb.Stage.TRAIN:
            for name, embedding in zip(
                batch.id, predictions.student.output.embedding, strict=True
            ):
                self.dev_embeddings[name] = embedding.float().cpu().numpy()
            return torch.zeros(())
        losses, monitors = self.compute_losses(predictions, batch)
        total = sum(losses.values())
        self.log({**losses, **monitors})
        return total

    def compute_losses(
        self, predictions: Predictions, batch
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Losses to sum, and scalars to log; the classification loss alone.

        Returns
        -------
        losses, monitors : dict of str to torch.Tensor
        """
        loss = F.cross_entropy(
            predictions.student.margin_logits, self.labels(batch)
        )
        return {"speaker": loss}, {}

    @staticmethod
    def labels(batch) -> Tensor:
        """Class of each utterance, (B,)."""
        return batch.label.data.squeeze(1)

    # -- one step --------------------------------------------------------

    def on_fit_batch_start(self, batch, should_step):
        """Set margin, learning rate and random state for this step."""
        super().on_fit_batch_start(batch, should_step)
        self.hparams.aam.margin = self.hparams.margin_schedule(
            self.epochs_done()
        )

    # -- stages ----------------------------------------------------------

    def on_stage_start(self, stage, epoch=None):
        """Start the sums, or the embeddings, that `on_stage_end` reports."""
        super().on_stage_start(stage, epoch)
        if stage != sb.Stage.TRAIN:
            self.dev_embeddings = {}

    def development(self) -> tuple[float, dict[str, float]]:
        """EER of the development trials."""
        dev_eer = self._dev_eer()
        return dev_eer, {"EER_percent": 100 * dev_eer}

    def settings_shown(self) -> dict[str, float]:
        """The margin."""
        return {"margin": self.hparams.aam.margin}

    def _dev_eer(self) -> float:
        dev_set = self.hparams.dev_set
        if self.debug and len(self.dev_embeddings) < len(dev_set.utterances):
            return 1.0  # --debug cuts the dev set short: no rate to report
        scores, is_target = cosine_scores(self.dev_embeddings, dev_set.trials)
        return float(eer(scores, is_target))
