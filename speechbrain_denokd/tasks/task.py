"""What the training flow asks of a task (``page -> modules, data, result``).

`training` keeps what all tasks share: the command line, the record of the
settings, resuming, several processes, checkpoints, ``metrics.json``. A task
says which modules are trained, on which data, and what is left at the end.
"""

import speechbrain as sb
from speechbrain.dataio.batch import PaddedBatch
from speechbrain.utils.distributed import run_on_main
from torch import nn
from torch.utils.data import DataLoader, Dataset

from speechbrain_denokd.config import Page, settings


class Task:
    """One task; a page names its own with the key ``task``.

    A page without that key trains speaker verification. The methods are
    called in the order in which they stand here, once each.

    Attributes
    ----------
    collate : callable
        Makes a batch of a list of the training data's items.

    Example
    -------
    >>> from speechbrain_denokd.tasks.verification import SpeakerVerification
    >>> issubclass(SpeakerVerification, Task)
    True
    """

    collate = PaddedBatch

    def prepare(self, page: Page):
        """Write what manifests and lists are missing; once, on one process.

        Arguments
        ---------
        page : Page
        """
        for prepare in settings(page)["corpus"].prepare:
            run_on_main(prepare)

    def modules(self, page: Page) -> dict[str, nn.Module]:
        """What the Brain trains, and frozen teachers, with their first weights.

        Arguments
        ---------
        page : Page

        Returns
        -------
        dict of str to torch.nn.Module
            With the encoder under ``student`` where there is one. Modules all
            of whose parameters are frozen are not in the checkpoints.
        """
        raise NotImplementedError

    def train_data(self, page: Page) -> Dataset:
        """Training items, asked for by ``(epoch, index)``.

        Arguments
        ---------
        page : Page

        Returns
        -------
        torch.utils.data.Dataset
        """
        raise NotImplementedError

    def brain_hparams(self, page: Page) -> dict:
        """What the Brain reads besides the page's and the set-up's keys.

        Arguments
        ---------
        page : Page

        Returns
        -------
        dict
        """
        return {}

    def dev_loader(self, page: Page) -> DataLoader:
        """Batches of the development set, the same in every epoch.

        Arguments
        ---------
        page : Page

        Returns
        -------
        torch.utils.data.DataLoader
        """
        raise NotImplementedError

    def finish(self, brain: sb.Brain, page: Page) -> dict:
        """Write the model folder, evaluate what it loads to, print tables.

        Arguments
        ---------
        brain : speechbrain.Brain
            With the weights of the checkpoint that the set-up chooses.
        page : Page

        Returns
        -------
        dict
            For ``metrics.json``: at least ``tests`` (results by test) and
            ``n_parameters``.
        """
        raise NotImplementedError


def unwrapped(module: nn.Module) -> nn.Module:
    """The module itself, where DistributedDataParallel wraps it.

    Arguments
    ---------
    module : torch.nn.Module

    Returns
    -------
    torch.nn.Module

    Example
    -------
    >>> unwrapped(nn.Linear(2, 1))
    Linear(in_features=2, out_features=1, bias=True)
    """
    return getattr(module, "module", module)
