"""Trains an encoder with a margin classifier (``sig -> speaker loss -> step``).

What a step draws at random depends on (seed, epoch, step, rank) alone, and so
do the learning rate and the margin: a resumed run repeats the steps that an
uninterrupted one takes.
"""

import logging
from collections.abc import Mapping

import numpy as np
import speechbrain as sb
import torch
import torch.nn.functional as F
from speechbrain.utils.distributed import get_rank
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from speechbrain_denokd.distill.prediction import Prediction, Predictions
from speechbrain_denokd.metrics import eer
from speechbrain_denokd.scoring.cosine import cosine_scores

logger = logging.getLogger(__name__)


class SpeakerBrain(sb.Brain):
    """Encoder + margin classifier; the student alone.

    Read from ``hparams``: ``seed``, ``aam`` (`AamSoftmax`), ``margin_schedule``
    and ``lr_schedule`` (functions of the epochs done), ``dev_set``
    (`TrialSet`), ``n_batches`` per epoch, ``train_logger`` (`TrainLog`).

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
        """Set learning rate, margin and random state for this step."""
        # Brain counts steps from 1.
        epochs_done = self.epoch - 1 + (self.step - 1) / self.hparams.n_batches
        for group in self.optimizer.param_groups:
            group["lr"] = self.hparams.lr_schedule(epochs_done)
            # For optimisers of two stages, which switch by it.
            group["epochs_done"] = epochs_done
        self.hparams.aam.margin = self.hparams.margin_schedule(epochs_done)
        key = [self.hparams.seed, self.epoch, self.step, get_rank() or 0]
        torch.manual_seed(int(np.random.SeedSequence(key).generate_state(1)[0]))

    def init_optimizers(self):
        """One optimiser over what can be trained: a teacher cannot."""
        trainable = [p for p in self.modules.parameters() if p.requires_grad]
        self.optimizer = self.opt_class(trainable)
        self.optimizers_dict = {"opt_class": self.optimizer}
        if self.checkpointer is not None:
            self.checkpointer.add_recoverable("optimizer", self.optimizer)

    def optimizers_step(self):
        """Clip the gradient of *all* parameter groups together, then step.

        Brain clips the first group of each optimiser and leaves the others.
        """
        self.scaler.unscale_(self.optimizer)
        parameters = [
            p for group in self.optimizer.param_groups for p in group["params"]
        ]
        norm = torch.nn.utils.clip_grad_norm_(parameters, self.max_grad_norm)
        self.log({"gradient_norm": norm})
        finite = self.scaler.is_enabled() or bool(torch.isfinite(norm))
        if finite or not self.skip_nonfinite_grads:
            self.scaler.step(self.optimizer)
        else:
            logger.warning("a step was skipped: its gradient is not finite")
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self.optimizer_step += 1

    # -- stages ----------------------------------------------------------

    def on_fit_start(self):
        """Resume after the batches that the last checkpoint has seen."""
        super().on_fit_start()
        self.train_sampler.skip(self.step)

    def on_stage_start(self, stage, epoch=None):
        """Start the sums that `on_stage_end` reports."""
        self.epoch = epoch
        if stage == sb.Stage.TRAIN:
            self._sums, self._counts = {}, {}
        else:
            self.dev_embeddings = {}

    def log(self, scalars: Mapping[str, Tensor]):
        """Add named scalars to this epoch's averages."""
        for name, value in scalars.items():
            # Kept on the device: reading a value would wait for it.
            self._sums[name] = self._sums.get(name, 0.0) + value.detach()
            self._counts[name] = self._counts.get(name, 0) + 1

    def on_stage_end(self, stage, stage_loss, epoch=None):
        """Report the epoch and save it, with its dev EER."""
        if stage == sb.Stage.TRAIN:
            self.train_stats = {
                name: float(total) / self._counts[name]
                for name, total in self._sums.items()
            }
            return
        dev_eer = self._dev_eer()
        self.hparams.train_logger.log_stats(
            {
                "epoch": epoch,
                "lr": self.optimizer.param_groups[0]["lr"],
                "margin": self.hparams.aam.margin,
            },
            train_stats=self.train_stats,
            valid_stats={"EER_percent": 100 * dev_eer},
        )
        self.checkpointer.save_and_keep_only(
            meta={"eer": dev_eer, "epoch": epoch},
            min_keys=["eer"],
            num_to_keep=1,
            verbosity=logging.DEBUG,
        )

    def _dev_eer(self) -> float:
        dev_set = self.hparams.dev_set
        if self.debug and len(self.dev_embeddings) < len(dev_set.utterances):
            return 1.0  # --debug cuts the dev set short: no rate to report
        scores, is_target = cosine_scores(self.dev_embeddings, dev_set.trials)
        return float(eer(scores, is_target))

    # -- several processes -----------------------------------------------

    def _wrap_distributed(self):
        """DDP per module; without SyncBatchNorm on the CPU, which has none.

        Buffers are not broadcast: a batch norm that is called several times in
        a step (the noise predictor's) would be changed under its own graph.
        """
        if not self.distributed_launch:
            return
        on_gpu = torch.device(self.device).type == "cuda"
        for name, module in self.modules.items():
            if not any(p.requires_grad for p in module.parameters()):
                continue
            if on_gpu:
                module = torch.nn.SyncBatchNorm.convert_sync_batchnorm(module)
            self.modules[name] = DistributedDataParallel(
                module,
                device_ids=[self.device] if on_gpu else None,
                broadcast_buffers=False,
                find_unused_parameters=self.find_unused_parameters,
            )
