"""What Brains of mixtures have in common (``dev mixtures -> EER``)."""

import speechbrain as sb
import torch
from torch import Tensor

from speechbrain_denokd.brains.steps import StepBrain
from speechbrain_denokd.encoders.multi_output import MultiIdentityOutput
from speechbrain_denokd.metrics import eer
from speechbrain_denokd.overlap.identities import (
    closest_pair_scores,
    identities,
)


class MixtureBrain(StepBrain):
    """Picks the checkpoint whose identities part the dev mixtures best.

    A subclass says how it learns; on the development set its
    ``compute_objectives`` returns `keep`.

    Read from ``hparams``, besides what `StepBrain` reads: ``dev_set``
    (`MixtureTrialSet`) and ``distance`` of its scores.
    """

    def on_stage_start(self, stage, epoch=None):
        """Start the sums, or the identities of the dev set."""
        super().on_stage_start(stage, epoch)
        if stage != sb.Stage.TRAIN:
            self.dev_embeddings = {}

    def keep(self, output: MultiIdentityOutput, batch) -> Tensor:
        """Keep the identities of a batch of the dev set; costs nothing."""
        found = identities(output).cpu().numpy()
        self.dev_embeddings.update(zip(batch.id, found, strict=True))
        return torch.zeros(())

    def development(self) -> tuple[float, dict[str, float]]:
        """EER of mixture against mixture, Eq. (6) and (7)."""
        dev_set = self.hparams.dev_set
        if self.debug and len(self.dev_embeddings) < len(dev_set.mixtures):
            return 1.0, {"EER_percent": 100.0}  # --debug cuts it short
        rates = eer(
            *closest_pair_scores(
                self.dev_embeddings, dev_set.trials, self.hparams.distance
            )
        )
        return float(rates), {"EER_percent": 100 * float(rates)}
