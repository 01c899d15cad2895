"""VoxCeleb's official trial lists: file -> trials, their size checked.

Source: the "cleaned" and the original lists of Vox1-O, -E and -H on the
VoxCeleb web page; A. Nagrani et al., "VoxCeleb: Large-scale speaker
verification in the wild", Computer Speech and Language 2020.
"""

from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from speechbrain_denokd.data.trials import Trial, read_trials


class TrialList(NamedTuple):
    """File name and size of an official list.

    Attributes
    ----------
    filename : str
        As on the VoxCeleb web page.
    n_trials : int
        Lines.

    Example
    -------
    >>> TRIAL_LISTS["O"]
    TrialList(filename='veri_test2.txt', n_trials=37611)
    """

    filename: str
    n_trials: int


# Results on an original and on a cleaned list are not comparable, which is
# why every list goes by its own name.
TRIAL_LISTS = MappingProxyType(
    {
        "O": TrialList("veri_test2.txt", 37_611),
        "O-original": TrialList("veri_test.txt", 37_720),
        "E": TrialList("list_test_all2.txt", 579_818),
        "E-original": TrialList("list_test_all.txt", 581_480),
        "H": TrialList("list_test_hard2.txt", 550_894),
        "H-original": TrialList("list_test_hard.txt", 552_536),
    }
)


def read_official_list(name: str, folder: str | Path) -> list[Trial]:
    """Read one of VoxCeleb's trial lists and check that it is whole.

    Arguments
    ---------
    name : str
        A key of ``TRIAL_LISTS``: "O", "E", "H" (cleaned) or with
        "-original".
    folder : str or Path
        Folder that holds the list.

    Returns
    -------
    list of Trial
        With paths such as ``id10270/5r0dWxy17C8/00001.wav``.

    Raises
    ------
    ValueError
        If there is no list of that name, or it has another number of trials.
    FileNotFoundError
        If the folder lacks the file.

    Example
    -------
    >>> try:
    ...     read_official_list("O", "nowhere")
    ... except FileNotFoundError as error:
    ...     print(str(error).split(":")[0])
    The trial list Vox1-O is missing at nowhere/veri_test2.txt
    """
    if name not in TRIAL_LISTS:
        raise ValueError(
            f"There is no VoxCeleb list {name}: use {', '.join(TRIAL_LISTS)}."
        )
    filename, n_expected = TRIAL_LISTS[name]
    path = Path(folder) / filename
    if not path.is_file():
        raise FileNotFoundError(
            f"The trial list Vox1-{name} is missing at {path}: take "
            f"{filename} from the VoxCeleb web page and put it there, or "
            "pass trials_folder."
        )
    trials = read_trials(path)
    check_n_trials(f"Vox1-{name}", path, len(trials), n_expected)
    return trials


def check_n_trials(
    name: str, path: str | Path, n_found: int, n_expected: int
) -> None:
    """Refuse a list of another size than the published one.

    Arguments
    ---------
    name : str
        As shown in tables.
    path : str or Path
        Where it was read.
    n_found, n_expected : int
        Trials.

    Raises
    ------
    ValueError
        If the sizes differ.

    Example
    -------
    >>> check_n_trials("Vox1-O", "veri_test2.txt", 37_611, 37_611)
    """
    if n_found != n_expected:
        raise ValueError(
            f"The trial list {name} ({path}) should have {n_expected} trials, "
            f"but has {n_found}: take it from where it is published again."
        )
