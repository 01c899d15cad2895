"""Trains masks and the encoder behind them (``mixture, sources -> step``).

Two costs of every output and every source, both from the clean sources: of the
masks, and of the identities, which are to be what a teacher of single speakers
makes of each source alone. They are summed before outputs are assigned to
sources. Labels are not read.
"""

import speechbrain as sb
import torch
from torch import Tensor

from speechbrain_denokd.brains.mixtures import MixtureBrain
from speechbrain_denokd.distill.clean_sources import (
    clean_source_costs,
    hear_sources,
)
from speechbrain_denokd.encoders.multi_output import MultiIdentityOutput
from speechbrain_denokd.losses.assignment import best_assignment
from speechbrain_denokd.losses.collapse import agreement
from speechbrain_denokd.losses.mask_cross_entropy import mask_costs
from speechbrain_denokd.tasks.task import unwrapped


class SpeakerMaskBrain(MixtureBrain):
    """Learns a `SpeakerMaskedEncoder` from mixtures and their sources.

    Modules: ``student`` (a `SpeakerMaskedEncoder`), ``teacher``
    (`FrozenTeacher`, with embeddings of the student's size).

    Read from ``hparams``, besides what `MixtureBrain` reads: ``w_mask`` and
    ``w_clean``, weights of the two costs.
    """

    def compute_forward(self, batch, stage) -> MultiIdentityOutput:
        """Identities and masks of the mixtures."""
        return self.modules.student(*batch.to(self.device).sig)

    def compute_objectives(
        self, predictions: MultiIdentityOutput, batch, stage
    ) -> Tensor:
        """The costs of the best assignment; on the dev set, none."""
        if stage != sb.Stage.TRAIN:
            return self.keep(predictions, batch)
        costs = self.costs(predictions, *batch.sources)
        assignment = best_assignment(sum(costs.values())).unsqueeze(2)
        losses = {
            name: pairs.gather(2, assignment).sum(dim=(1, 2)).mean()
            for name, pairs in costs.items()
        }
        self.log(losses)
        # What shows a collapse: alike outputs, and one order for all.
        self.log(
            {
                "agreement": agreement(predictions.embeddings).mean(),
                "swap_rate": (assignment[:, 0, 0] != 0).float().mean(),
            }
        )
        return sum(losses.values())

    def costs(
        self, predictions: MultiIdentityOutput, sources: Tensor, lens: Tensor
    ) -> dict[str, Tensor]:
        """Weighted costs by name, each (B, K, K): output, source."""
        n_sources = sources.shape[1]
        with torch.no_grad():
            levels, _ = unwrapped(self.modules.student).levels(
                sources.flatten(0, 1), lens.repeat_interleave(n_sources)
            )
        clean = hear_sources(self.modules.teacher.encoder, sources)
        return {
            "mask": self.hparams.w_mask
            * mask_costs(
                predictions.log_masks,
                predictions.frames,
                predictions.n_frames,
                levels.unflatten(0, (-1, n_sources)),
            ),
            "clean": self.hparams.w_clean
            * clean_source_costs(predictions.embeddings, clean),
        }
