"""Trains an encoder of several speakers (``mixture -> identities -> step``).

Source: H. Han et al., "MIRNet: Learning multiple identities representations
in overlapped speech", Interspeech 2020, Section 3.4: labels alone, under the
permutation that fits best.
"""

import logging
from typing import NamedTuple

import speechbrain as sb
import torch
from torch import Tensor

from speechbrain_denokd.brains.steps import StepBrain
from speechbrain_denokd.distill.clean_sources import hear_sources
from speechbrain_denokd.encoders.multi_output import MultiIdentityOutput
from speechbrain_denokd.losses.collapse import CollapseMonitor, CollapseReport
from speechbrain_denokd.metrics import eer
from speechbrain_denokd.overlap.identities import (
    closest_pair_scores,
    identities,
)

logger = logging.getLogger(__name__)


class Heard(NamedTuple):
    """What a batch of mixtures is made into.

    Attributes
    ----------
    output : MultiIdentityOutput
    scores : (B, K, n) torch.Tensor, optional
        Of each output for each training speaker; in training.
    clean : (B, K, D') torch.Tensor, optional
        The teacher's embedding of each source alone; where there is one.
    """

    output: MultiIdentityOutput
    scores: Tensor | None = None
    clean: Tensor | None = None


class MultiIdentityBrain(StepBrain):
    """Encoder of mixtures + one classifier for all of its outputs.

    Modules: ``student`` (``wavs, lens -> MultiIdentityOutput``), ``classifier``
    and, to learn from what a teacher of single speakers makes of each source
    alone, ``teacher`` (`FrozenTeacher`) and ``clean_term``
    (`CleanSourceTerm`).

    Read from ``hparams``, besides what `StepBrain` reads: ``identity_loss``
    (`PitIdentityLoss`), ``margin_schedule`` (a function of the epochs done;
    not read by a softmax), ``w_clean`` (weight of ``clean_term``),
    ``dev_set`` (`MixtureTrialSet`), ``distance`` of its scores, and
    ``collapse_from_epoch``, the first epoch in which a collapse is warned of:
    an untrained network looks collapsed.
    """

    # -- what is computed ------------------------------------------------

    def compute_forward(self, batch, stage) -> Heard:
        """Identities; in training class scores too, and what a teacher says."""
        batch = batch.to(self.device)
        wavs, lens = batch.sig
        output = self.modules.student(wavs, lens)
        if stage != sb.Stage.TRAIN:
            return Heard(output)
        return Heard(
            output,
            self.classify(output.embeddings),
            self.hear_sources(batch) if "teacher" in self.modules else None,
        )

    def classify(self, embeddings: Tensor) -> Tensor:
        """(B, K, D) -> (B, K, n) scores of the one classifier, in float32."""
        n_outputs = embeddings.shape[1]
        with torch.autocast(embeddings.device.type, enabled=False):
            rows = embeddings.float().flatten(0, 1).unsqueeze(1)
            scores = self.modules.classifier(rows).squeeze(1)
        return scores.unflatten(0, (-1, n_outputs))

    def hear_sources(self, batch) -> Tensor:
        """(B, K, D') embeddings by the teacher of each source alone."""
        return hear_sources(self.modules.teacher.encoder, batch.sources.data)

    def compute_objectives(self, predictions, batch, stage) -> Tensor:
        """Sum of the losses; on the dev set, identities are kept."""
        if stage != sb.Stage.TRAIN:
            found = identities(predictions.output).cpu().numpy()
            self.dev_embeddings.update(zip(batch.id, found, strict=True))
            return torch.zeros(())
        labels = batch.label.data
        found = self.hparams.identity_loss(predictions.scores, labels)
        losses = {"speaker": found.loss}
        if predictions.clean is not None:
            losses["clean"] = self.hparams.w_clean * self.modules.clean_term(
                predictions.output.embeddings,
                predictions.clean,
                found.assignment,
            )
        self.monitor.update(
            predictions.output.embeddings,
            predictions.scores,
            labels,
            found,
            same_gender=_same_gender(batch.genders),
        )
        self.log(losses)
        return sum(losses.values())

    # -- one step --------------------------------------------------------

    def on_fit_batch_start(self, batch, should_step):
        """Set margin, learning rate and random state for this step."""
        super().on_fit_batch_start(batch, should_step)
        head = self.hparams.identity_loss.head
        if head is not None:
            head.margin = self.hparams.margin_schedule(self.epochs_done())

    # -- stages ----------------------------------------------------------

    def on_stage_start(self, stage, epoch=None):
        """Start the sums, the monitor, or the identities of the dev set."""
        super().on_stage_start(stage, epoch)
        if stage == sb.Stage.TRAIN:
            self.monitor = CollapseMonitor()
        else:
            self.dev_embeddings = {}

    def on_stage_end(self, stage, stage_loss, epoch=None):
        """Report the epoch; after training, whether the outputs collapsed."""
        super().on_stage_end(stage, stage_loss, epoch)
        # Resumed behind the last batch of an epoch: nothing was watched.
        if stage != sb.Stage.TRAIN or not self._sums:
            return
        reports = self.monitor.end_epoch()
        self.train_stats |= monitors(reports)
        if epoch < self.hparams.collapse_from_epoch:
            return
        for group, report in reports.items():
            for sign in report.signs:
                logger.warning(
                    "epoch %d, %s mixtures: the network looks collapsed: %s; "
                    "try another seed, a lower learning rate or louder second "
                    "speakers",
                    epoch,
                    group.replace("_", "-"),
                    sign,
                )

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

    def settings_shown(self) -> dict[str, float]:
        """The margin, where the loss has one."""
        head = self.hparams.identity_loss.head
        return {} if head is None else {"margin": head.margin}


def monitors(reports: dict[str, CollapseReport]) -> dict[str, float]:
    """An epoch's collapse reports as named scalars, for the log.

    Arguments
    ---------
    reports : dict of str to CollapseReport
        Of `CollapseMonitor.end_epoch`.

    Returns
    -------
    dict of str to float
        ``agreement``, ``same_choice``, ``swap_rate`` and ``output<k>_loss``
        of all mixtures; agreement and mean loss of each group of genders.

    Example
    -------
    >>> report = CollapseReport(8, 0.25, 0.0, 0.5, float("nan"), (1.0, 2.0))
    >>> found = monitors({"all": report, "same_gender": report})
    >>> found["swap_rate"], found["output2_loss"], found["same_gender_loss"]
    (0.5, 2.0, 1.5)
    """
    whole = reports["all"]
    scalars = {
        "agreement": whole.agreement,
        "same_choice": whole.same_choice,
        "swap_rate": whole.swap_rate,
    }
    for number, loss in enumerate(whole.output_losses, start=1):
        scalars[f"output{number}_loss"] = loss
    for group, report in reports.items():
        if group != "all":
            scalars[f"{group}_agreement"] = report.agreement
            losses = report.output_losses
            scalars[f"{group}_loss"] = sum(losses) / len(losses)
    return scalars


def _same_gender(pairs: list[str]) -> Tensor | None:
    """Whether "f-m", ... is of one gender; None where a corpus says none."""
    if any("-" not in pair for pair in pairs):
        return None
    return torch.tensor([len(set(pair.split("-"))) == 1 for pair in pairs])
