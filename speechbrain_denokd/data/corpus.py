"""A corpus: its manifests and trial lists, prepared and read once."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from speechbrain_denokd.data.manifest import Utterance, read_manifest
from speechbrain_denokd.data.trials import (
    Trial,
    read_trials,
    resolve_trials,
    speakers_in_training,
)

logger = logging.getLogger(__name__)


class TrialSet(NamedTuple):
    """Utterances and the comparisons to make among them.

    Attributes
    ----------
    name : str
        As shown in tables.
    utterances : list of Utterance
        Those that take part in a trial.
    trials : list of Trial
        With manifest IDs on both sides.
    """

    name: str
    utterances: list[Utterance]
    trials: list[Trial]


def read_trial_set(
    name: str,
    manifest: str | Path,
    trials: str | Path,
    data_root: str | Path,
    check_audio: bool = True,
) -> TrialSet:
    r"""Read a manifest and a trial list, and join them.

    Arguments
    ---------
    name : str
        As shown in tables.
    manifest, trials : str or Path
        CSV file and text file.
    data_root : str or Path
        Folder that ``{data_root}`` and the trials' paths stand for.
    check_audio : bool
        Whether every file of the manifest is looked at.

    Returns
    -------
    TrialSet
        With only the utterances that take part.

    Raises
    ------
    FileNotFoundError, ValueError
        As `read_manifest`, `read_trials` and `resolve_trials` do.

    Example
    -------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "test.csv").write_text(
    ...     "ID,duration,wav,start,stop,spk_id\n"
    ...     "u1,1,a.wav,,,s\nu2,1,b.wav,,,s\nu3,1,c.wav,,,t\n"
    ... )
    >>> _ = (folder / "trials.txt").write_text("1 u1 u2\n0 u1 u3\n")
    >>> read_trial_set(
    ...     "test", folder / "test.csv", folder / "trials.txt", folder,
    ...     check_audio=False,
    ... ).trials[1]
    Trial(is_target=False, enroll='u1', test='u3')
    """
    rows = read_manifest(manifest, data_root, check_audio)
    resolved = resolve_trials(read_trials(trials), rows, data_root)
    used = {side for trial in resolved for side in trial[1:]}
    return TrialSet(name, [row for row in rows if row.id in used], resolved)


@dataclass(frozen=True)
class Corpus:
    """Where a set-up's data lies. Nothing is read before it is asked for.

    Arguments
    ---------
    data_root : str
        Folder that ``{data_root}`` stands for in the manifests.
    train : str
        Training manifest.
    dev : mapping
        ``{manifest: ..., trials: ...}``; its EER picks the best checkpoint.
    tests : mapping of str to mapping
        The same for each test, by name.
    prepare : sequence of callables
        What writes the manifests; called once, before they are read.

    Example
    -------
    >>> corpus = Corpus("tests/samples", "train.csv", {}, {})
    >>> corpus.data_root
    'tests/samples'
    """

    data_root: str
    train: str
    dev: Mapping[str, str]
    tests: Mapping[str, Mapping[str, str]]
    prepare: Sequence[Callable[[], object]] = ()

    @cached_property
    def train_rows(self) -> list[Utterance]:
        """Training utterances."""
        return read_manifest(self.train, self.data_root)

    @cached_property
    def speakers(self) -> list[str]:
        """Training speakers, sorted: the classes in their order.

        Sorted, because a published teacher's class head is.
        """
        return sorted({row.spk_id for row in self.train_rows})

    @cached_property
    def dev_set(self) -> TrialSet:
        """Development trials."""
        return self._trial_set("dev", self.dev)

    @cached_property
    def test_sets(self) -> list[TrialSet]:
        """Test trials, by the names they have in the YAML."""
        return [
            self._trial_set(name, files) for name, files in self.tests.items()
        ]

    def files_of(self, name: str) -> dict[str, str]:
        """Manifest and root of a test, for whoever reads its scores later.

        Example
        -------
        >>> files = {"manifest": "c/test.csv", "trials": "c/trials.txt"}
        >>> Corpus("c", "c/train.csv", {}, {"test": files}).files_of("test")
        {'manifest': 'c/test.csv', 'data_root': 'c'}
        """
        manifest = str(self.tests[name]["manifest"])
        return {"manifest": manifest, "data_root": str(self.data_root)}

    def _trial_set(self, name: str, files: Mapping[str, str]) -> TrialSet:
        trial_set = read_trial_set(
            name, files["manifest"], files["trials"], self.data_root
        )
        speakers = {row.spk_id for row in trial_set.utterances}
        seen = speakers_in_training(speakers, self.speakers)
        if seen:
            logger.warning(
                "%d of %d speakers of the %s trials are also in training "
                "(first: %s): its error rates will look too good",
                len(seen),
                len(speakers),
                name,
                seen[0],
            )
        return trial_set
