"""What commands read: trial sets, with the bundled corpus as the default."""

from pathlib import Path

from speechbrain_denokd.data.corpus import TrialSet, read_trial_set


def open_trial_set(
    data_root: str,
    manifest: str | None,
    trials: str | None,
    split: str = "test",
) -> TrialSet:
    """Read a manifest and a trial list.

    Arguments
    ---------
    data_root : str
    manifest, trials : str, optional
        By default ``<split>.csv`` and ``trials_<split>.txt`` in the root.
    split : str

    Returns
    -------
    TrialSet

    Example
    -------
    >>> trial_set = open_trial_set("tests/samples", None, None, "dev")
    >>> trial_set.name
    'dev'
    """
    root = Path(data_root)
    return read_trial_set(
        split,
        manifest or root / f"{split}.csv",
        trials or root / f"trials_{split}.txt",
        root,
    )
