"""Trains masks before a frozen encoder (``mixture, sources -> masks -> step``).

The encoder of single speakers is not run in training: what it makes of a
spectrogram is right where the spectrogram is the speaker's own. Labels are not
read.
"""

import speechbrain as sb
import torch
from torch import Tensor

from speechbrain_denokd.brains.steps import StepBrain
from speechbrain_denokd.encoders.speaker_masks import Masked
from speechbrain_denokd.losses.assignment import best_assignment
from speechbrain_denokd.losses.mask_cross_entropy import mask_costs
from speechbrain_denokd.tasks.task import unwrapped


class SpeakerMaskBrain(StepBrain):
    """Learns a `SpeakerMaskedEncoder`'s masks from the clean sources.

    Modules: ``student`` (a `SpeakerMaskedEncoder`). It reads from ``hparams``
    what `StepBrain` reads. The checkpoint whose masks of the development
    mixtures cost least is the model: an error rate of so few trials, which
    moves in steps of a percent, would choose by chance.
    """

    measure = "mask"

    def compute_forward(self, batch, stage) -> Masked:
        """Masks of the mixtures."""
        wavs, lens = batch.to(self.device).sig
        return self.modules.student(wavs, lens, embed=False)

    def compute_objectives(self, masked: Masked, batch, stage) -> Tensor:
        """Cross entropy of the best assignment; on the dev set, it is kept."""
        sources, lens = batch.sources
        n_sources = sources.shape[1]
        with torch.no_grad():
            levels, _ = unwrapped(self.modules.student).levels(
                sources.flatten(0, 1), lens.repeat_interleave(n_sources)
            )
        costs = mask_costs(*masked, levels.unflatten(0, (-1, n_sources)))
        assignment = best_assignment(costs).unsqueeze(2)
        losses = costs.gather(2, assignment).sum(dim=(1, 2))
        if stage != sb.Stage.TRAIN:
            self.dev_losses += losses.tolist()
            return torch.zeros(())
        # Both orders of the sources are as likely: far from one half, the
        # masks have learnt the order. Masks that collapse cost log K.
        swapped = (assignment[:, 0, 0] != 0).float().mean()
        self.log({"mask": losses.mean(), "swap_rate": swapped})
        return losses.mean()

    def on_stage_start(self, stage, epoch=None):
        """Forget the losses of the epoch before."""
        super().on_stage_start(stage, epoch)
        if stage != sb.Stage.TRAIN:
            self.dev_losses = []

    def development(self) -> tuple[float, dict[str, float]]:
        """Mean cross entropy of the development mixtures."""
        mean = sum(self.dev_losses) / len(self.dev_losses)
        return mean, {"mask": mean}
