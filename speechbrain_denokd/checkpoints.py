"""Checkpoints that exist whole or not at all."""

from pickle import UnpicklingError

from speechbrain.utils.checkpoints import METAFNAME, Checkpointer
from speechbrain.utils.distributed import ddp_barrier, if_main_process

_PENDING = METAFNAME + ".pending"
_CHOICES = ("best", "last")


def search_key(choice: str, measure: str) -> dict[str, str]:
    """Which checkpoint becomes the model, as SpeechBrain is asked for it.

    The best on the development trials, or the last: of few development
    speakers the best may be a lucky one, from before the learning rate has
    come down.

    Arguments
    ---------
    choice : {"best", "last"}
    measure : str
        What the checkpoints are compared by; the lower the better.

    Returns
    -------
    dict
        Of ``Checkpointer.find_checkpoint`` and ``Brain.on_evaluate_start``.

    Raises
    ------
    ValueError
        If there is no such choice.

    Example
    -------
    >>> search_key("best", "eer"), search_key("last", "eer")
    ({'min_key': 'eer'}, {})
    """
    if choice not in _CHOICES:
        raise ValueError(
            f"checkpoint is {choice!r}; use one of: {', '.join(_CHOICES)}"
        )
    return {"min_key": measure} if choice == "best" else {}


class AtomicCheckpointer(Checkpointer):
    """SpeechBrain's checkpointer, safe against a kill while it saves.

    SpeechBrain writes the file that marks a folder as a checkpoint first; a
    process killed before the weights are written leaves a checkpoint that
    cannot be loaded, and the next run stops there. Here the mark is written
    under another name and renamed last: an unfinished folder is no checkpoint.

    Arguments
    ---------
    *args, **kwargs
        Those of ``speechbrain.utils.checkpoints.Checkpointer``.

    Example
    -------
    >>> import tempfile, torch
    >>> checkpointer = AtomicCheckpointer(
    ...     tempfile.mkdtemp(), {"model": torch.nn.Linear(1, 1)}
    ... )
    >>> checkpoint = checkpointer.save_checkpoint(meta={"eer": 0.1})
    >>> checkpointer.find_checkpoint(min_key="eer").meta["eer"]
    0.1
    """

    def save_checkpoint(self, *args, **kwargs):
        """Save, then mark the folder as a checkpoint; as the base class."""
        checkpoint = super().save_checkpoint(*args, **kwargs)
        if if_main_process():
            (checkpoint.path / _PENDING).rename(checkpoint.path / METAFNAME)
        # Every process lists the folders next, and must find the same ones.
        ddp_barrier()
        return checkpoint

    def _save_checkpoint_metafile(self, fpath, *args, **kwargs):
        # Saving over a named checkpoint: it is none while it is rewritten.
        fpath.unlink(missing_ok=True)
        return super()._save_checkpoint_metafile(
            fpath.with_name(_PENDING), *args, **kwargs
        )

    def load_checkpoint(self, checkpoint):
        """Load, or say which folder is damaged and what to do; as the base.

        Raises
        ------
        ValueError
            If a file of the checkpoint is truncated or of another model.
        """
        try:
            return super().load_checkpoint(checkpoint)
        except (
            RuntimeError,
            EOFError,
            KeyError,
            ValueError,
            UnpicklingError,
        ) as error:
            lines = str(error).split("\n")[:2] + [type(error).__name__]
            reason = " ".join(line.strip() for line in lines if line)
            raise ValueError(
                f"the checkpoint {checkpoint.path} cannot be loaded "
                f"({reason}); delete that folder to go on from the one before "
                "it, or choose another output_folder if the model has changed"
            ) from error
