"""What commands read: trial sets, with the bundled corpus as the default."""

from pathlib import Path

from speechbrain_denokd.data.corpus import TrialSet, read_trial_set
from speechbrain_denokd.data.manifest import read_manifest
from speechbrain_denokd.data.trials import read_trials
from speechbrain_denokd.scoring.enrolled import resolve_enrolled
from speechbrain_denokd.scoring.enrollment import read_enrollment


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


def open_enrolled_set(
    data_root: str, manifest: str, trials: str | None, enrollment: str
) -> tuple[TrialSet, dict[str, list[str]]]:
    """Read trials of models, and the recordings that the models are of.

    Arguments
    ---------
    data_root, manifest : str
    trials : str, optional
        By default ``trials_test.txt`` in the root.
    enrollment : str
        Lines ``model recording [recording ...]``.

    Returns
    -------
    TrialSet
        With every recording of either side.
    dict of str to list of str
        Utterance IDs by model.
    """
    rows = read_manifest(manifest, data_root)
    resolved, models = resolve_enrolled(
        read_trials(trials or Path(data_root) / "trials_test.txt"),
        read_enrollment(enrollment),
        rows,
        data_root,
    )
    used = {trial.test for trial in resolved}.union(*models.values())
    used_rows = [row for row in rows if row.id in used]
    return TrialSet("test", used_rows, resolved), models
