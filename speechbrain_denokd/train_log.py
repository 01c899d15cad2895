"""Where a run's epochs are written: a text file, and TensorBoard if wanted."""

from pathlib import Path

from speechbrain.utils.train_logger import FileTrainLogger, TensorboardLogger


class TrainLog:
    """One line per epoch in ``train_log.txt``; curves for TensorBoard.

    Arguments
    ---------
    folder : str or Path
        The experiment's.
    tensorboard : bool
        Whether ``folder/tensorboard`` is written too; needs the extra
        ``[tensorboard]``.

    Example
    -------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> log = TrainLog(folder)
    >>> log.log_stats({"epoch": 1}, {"speaker": 2.0}, {"EER_percent": 9.5})
    >>> (folder / "train_log.txt").read_text().strip()
    'epoch: 1 - train speaker: 2.00 - valid EER_percent: 9.50'
    """

    def __init__(self, folder: str | Path, tensorboard: bool = False):
        self.file = FileTrainLogger(str(Path(folder) / "train_log.txt"))
        self.folder = Path(folder) / "tensorboard"
        self.tensorboard = tensorboard
        self._curves = None

    def log_stats(self, stats_meta, train_stats, valid_stats):
        """Write one epoch; as the loggers of SpeechBrain."""
        stats = {
            "stats_meta": stats_meta,
            "train_stats": train_stats,
            "valid_stats": valid_stats,
        }
        self.file.log_stats(**stats)
        if self.tensorboard:
            if self._curves is None:  # its folder is made when it is needed
                self._curves = TensorboardLogger(str(self.folder))
            self._curves.log_stats(**stats)
