"""How every Brain of this package steps (``batch -> loss -> step``).

What a step draws at random depends on (seed, epoch, step, rank) alone, and so
does the learning rate: a resumed run repeats the steps that an uninterrupted
one takes.
"""

import logging
from collections.abc import Mapping

import numpy as np
import speechbrain as sb
import torch
from speechbrain.utils.distributed import get_rank
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

logger = logging.getLogger(__name__)


class StepBrain(sb.Brain):
    """Steps, logs and checkpoints; what is computed is a subclass's.

    A subclass writes ``compute_forward``, ``compute_objectives`` (which calls
    `log`) and `development`.

    Read from ``hparams``: ``seed``, ``lr_schedule`` (a function of the epochs
    done), ``n_batches`` per epoch, ``train_logger`` (`TrainLog`).

    Attributes
    ----------
    measure : str
        Name, in a checkpoint's meta, of what the development set says; the
        checkpoint with the lowest is the model.
    """

    measure = "eer"

    # -- one step --------------------------------------------------------

    def on_fit_batch_start(self, batch, should_step):
        """Set learning rate and random state for this step."""
        epochs_done = self.epochs_done()
        for group in self.optimizer.param_groups:
            group["lr"] = self.hparams.lr_schedule(epochs_done)
            # For optimisers of two stages, which switch by it.
            group["epochs_done"] = epochs_done
        key = [self.hparams.seed, self.epoch, self.step, get_rank() or 0]
        torch.manual_seed(int(np.random.SeedSequence(key).generate_state(1)[0]))

    def epochs_done(self) -> float:
        """Epochs before this step, with the share of the one it is in."""
        # Brain counts steps from 1.
        return self.epoch - 1 + (self.step - 1) / self.hparams.n_batches

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

    def log(self, scalars: Mapping[str, Tensor]):
        """Add named scalars to this epoch's averages."""
        for name, value in scalars.items():
            # Kept on the device: reading a value would wait for it.
            self._sums[name] = self._sums.get(name, 0.0) + value.detach()
            self._counts[name] = self._counts.get(name, 0) + 1

    def on_stage_end(self, stage, stage_loss, epoch=None):
        """Report the epoch and save it, with what the dev set says."""
        if stage == sb.Stage.TRAIN:
            self.train_stats = {
                name: float(total) / self._counts[name]
                for name, total in self._sums.items()
            }
            return
        value, shown = self.development()
        self.hparams.train_logger.log_stats(
            {
                "epoch": epoch,
                "lr": self.optimizer.param_groups[0]["lr"],
                **self.settings_shown(),
            },
            train_stats=self.train_stats,
            valid_stats=shown,
        )
        self.checkpointer.save_and_keep_only(
            meta={self.measure: value, "epoch": epoch},
            min_keys=[self.measure],
            num_to_keep=1,
            verbosity=logging.DEBUG,
        )

    def development(self) -> tuple[float, dict[str, float]]:
        """What the development set says of the epoch, lowest is best.

        Returns
        -------
        value : float
            Chooses the checkpoint.
        shown : dict of str to float
            For the log.
        """
        raise NotImplementedError

    def settings_shown(self) -> dict[str, float]:
        """What the log shows beside epoch and learning rate."""
        return {}

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
