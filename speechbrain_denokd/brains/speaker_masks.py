"""Trains masks before a frozen encoder (``mixture, sources -> masks -> step``).

The encoder of single speakers is not run in training: what it makes of a
spectrogram is right where the spectrogram is the speaker's own. Labels are not
read.
"""

import speechbrain as sb
import torch
from torch import Tensor

from speechbrain_denokd.brains.mixtures import MixtureBrain
from speechbrain_denokd.encoders.multi_output import MultiIdentityOutput
from speechbrain_denokd.encoders.speaker_masks import Masked
from speechbrain_denokd.losses.assignment import best_assignment
from speechbrain_denokd.losses.mask_cross_entropy import mask_costs
from speechbrain_denokd.tasks.task import unwrapped


class SpeakerMaskBrain(MixtureBrain):
    """Learns a `SpeakerMaskedEncoder`'s masks from the clean sources.

    Modules: ``student`` (a `SpeakerMaskedEncoder`). It reads from ``hparams``
    what `MixtureBrain` reads.
    """

    def compute_forward(self, batch, stage) -> Masked | MultiIdentityOutput:
        """Masks in training, else identities."""
        wavs, lens = batch.to(self.device).sig
        return self.modules.student(wavs, lens, embed=stage != sb.Stage.TRAIN)

    def compute_objectives(self, predictions, batch, stage) -> Tensor:
        """Cross entropy of the best assignment; on the dev set, nothing."""
        if stage != sb.Stage.TRAIN:
            return self.keep(predictions, batch)
        sources, lens = batch.sources
        n_sources = sources.shape[1]
        with torch.no_grad():
            levels, _ = unwrapped(self.modules.student).levels(
                sources.flatten(0, 1), lens.repeat_interleave(n_sources)
            )
        costs = mask_costs(*predictions, levels.unflatten(0, (-1, n_sources)))
        assignment = best_assignment(costs).unsqueeze(2)
        loss = costs.gather(2, assignment).sum(dim=(1, 2)).mean()
        # Both orders of the sources are as likely: far from one half, the
        # masks have learnt the order. Masks that collapse cost log K.
        swapped = (assignment[:, 0, 0] != 0).float().mean()
        self.log({"mask": loss, "swap_rate": swapped})
        return loss
