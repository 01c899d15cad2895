"""Trains a separator (``sig, enroll -> each speaker -> costs -> step``)."""

import speechbrain as sb
import torch
from torch import Tensor

from speechbrain_denokd.brains.steps import StepBrain
from speechbrain_denokd.encoders.masks import valid_samples
from speechbrain_denokd.separation.losses import NegativeSiSdr, assigned_cost
from speechbrain_denokd.separation.separator import Separated


class SeparationBrain(StepBrain):
    """Separator and what tells it the speakers.

    Read from ``hparams``, besides what `StepBrain` reads: ``costs``
    (`WeightedCosts`), ``enroll_s`` (None where nobody is enrolled).

    Modules: ``separator`` (a `Separator`), ``identity`` (`NoIdentity`,
    `EnrolledIdentity` or `MixtureIdentity`; it does not learn).

    The checkpoint with the highest SI-SDRi on the development mixtures is the
    model.
    """

    measure = "neg_si_sdr_i"

    def compute_forward(self, batch, stage) -> Separated:
        """Each speaker of each mixture."""
        batch = batch.to(self.device)
        wavs, lens = batch.sig
        enroll = None
        if self.hparams.enroll_s is not None:
            enroll = batch.enroll.data
        embeddings = self.modules.identity(wavs, lens, enroll)
        return self.modules.separator(wavs, lens, embeddings)

    def compute_objectives(self, separated: Separated, batch, stage) -> Tensor:
        """Costs of the best assignment; on the dev set, SI-SDRi is kept."""
        sources, lens = batch.sources
        n_samples = valid_samples(lens, sources.shape[2])
        permute = not self.modules.identity.ordered
        if stage != sb.Stage.TRAIN:
            wavs = batch.sig.data
            gains = _si_sdr_i(separated, wavs, sources, n_samples, permute)
            self.dev_gains += gains.tolist()
            return torch.zeros(())
        with torch.autocast(sources.device.type, enabled=False):
            named = self.hparams.costs(separated, sources, n_samples)
            total = sum(named.values())
            cost, assignment = assigned_cost(total, permute)
        places = assignment.unsqueeze(2)
        self.log(
            {
                name: pairs.gather(2, places).mean()
                for name, pairs in named.items()
            }
        )
        return cost.mean()

    def on_stage_start(self, stage, epoch=None):
        """Forget the gains of the epoch before."""
        super().on_stage_start(stage, epoch)
        if stage != sb.Stage.TRAIN:
            self.dev_gains = []

    def development(self) -> tuple[float, dict[str, float]]:
        """Mean SI-SDRi over the speakers of the development mixtures."""
        mean = sum(self.dev_gains) / len(self.dev_gains)
        return -mean, {"SI_SDRi_dB": mean}


def _si_sdr_i(
    separated: Separated,
    wavs: Tensor,
    sources: Tensor,
    n_samples: Tensor,
    permute: bool,
) -> Tensor:
    """What separation added to each speaker's SI-SDR, in dB, (B * K,)."""
    si_sdr = NegativeSiSdr()
    costs = si_sdr(separated, sources, n_samples)
    _, assignment = assigned_cost(costs, permute)
    untouched = separated._replace(wavs=wavs.unsqueeze(1).expand_as(sources))
    before = si_sdr(untouched, sources, n_samples)
    places = assignment.unsqueeze(2)
    return (before.gather(2, places) - costs.gather(2, places)).flatten()
