"""Where VoxCeleb's prepared tests lie: names of lists -> ``Corpus.tests``."""

from collections.abc import Sequence
from pathlib import Path

from speechbrain_denokd.data.voxceleb_lists import TRIAL_LISTS


def title_of(name: str) -> str:
    """A list's name in tables and messages.

    Example
    -------
    >>> title_of("O"), title_of("VCMix")
    ('Vox1-O', 'VCMix')
    """
    return f"Vox1-{name}" if name in TRIAL_LISTS else name


def voxceleb_tests(
    folder: str | Path, trial_lists: Sequence[str]
) -> dict[str, dict[str, str]]:
    """Files of each test list, as `Corpus` wants them.

    Arguments
    ---------
    folder : str or Path
        ``save_folder`` of `prepare_voxceleb`.
    trial_lists : sequence of str
        As given to it: "O", "E", "H", "VoxSRC23-val", "VCMix", ...

    Returns
    -------
    dict of str to dict
        ``{manifest: ..., trials: ...}`` by the name shown in tables.

    Example
    -------
    >>> voxceleb_tests("manifests", ["O"])["Vox1-O"]["trials"]
    'manifests/trials_test_O.txt'
    """
    folder = Path(folder)
    return {
        title_of(name): {
            "manifest": str(folder / f"test_{name}.csv"),
            "trials": str(folder / f"trials_test_{name}.txt"),
        }
        for name in trial_lists
    }
