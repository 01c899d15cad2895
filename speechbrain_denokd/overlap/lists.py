"""A corpus's fixed mixtures and trials: drawn once, read when asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from speechbrain_denokd.data.librispeech import hold_out
from speechbrain_denokd.data.manifest import read_manifest, write_manifest
from speechbrain_denokd.overlap.plan import MixtureShape
from speechbrain_denokd.overlap.prepare import prepare_mixtures
from speechbrain_denokd.overlap.trial_set import (
    MixtureTrialSet,
    read_mixture_trial_set,
)

DEV, SEEN = "dev", "seen"


class OverlapTest(NamedTuple):
    """Two trial lists over the mixtures of one manifest.

    Attributes
    ----------
    name : str
        As shown in tables.
    mixtures : MixtureTrialSet
        Mixture against mixture.
    presence : MixtureTrialSet
        "Is this person in the recording?"
    """

    name: str
    mixtures: MixtureTrialSet
    presence: MixtureTrialSet


@dataclass(frozen=True)
class MixtureLists:
    """Where a set-up's mixtures come from. Nothing is read before it is asked.

    Arguments
    ---------
    save_folder : str
        Receives the lists, which hold no audio.
    data_root : str
        Folder that ``{data_root}`` stands for in the manifests.
    dev : str
        Manifest; the EER of its mixtures picks the best checkpoint.
    tests : mapping of str to str
        Manifest by name: "unseen" for speakers that are not in training,
        "seen" for utterances of training speakers that are not trained on.
    n_triples, n_dev_triples : int
        Triples of a test, and of the dev manifest: two trials each. MIRNet's
        paper tests on 200, which resolve 0.5 %.
    n_presence_trials : int
        Most trials "is this person in the recording?" of a list.
    shape : MixtureShape
        Length, overlap ratios and levels.
    match_genders : bool
        As `draw_triples`.
    seed : int
        Of the lists: another training seed is tested on the same ones.
    train : str, optional
        Training manifest, of whose speakers some utterances are held out for
        a further test, "seen"; `held_out` says which not to train on.
    seen_share : float
        Share of each speaker's utterances that is held out, at least two.

    Raises
    ------
    ValueError
        If a test is named "dev", or "seen" where utterances are held out.

    Example
    -------
    >>> lists = MixtureLists("lists", "data", "dev.csv", {"unseen": "test.csv"})
    >>> lists.n_triples, lists.shape.duration_s
    (200, 3.0)
    """

    save_folder: str
    data_root: str
    dev: str
    tests: Mapping[str, str]
    n_triples: int = 200
    n_dev_triples: int = 200
    n_presence_trials: int = 1200
    shape: MixtureShape = field(default_factory=MixtureShape)
    match_genders: bool = True
    seed: int = 0
    train: str | None = None
    seen_share: float = 0.25

    def __post_init__(self):
        for name in [DEV, *([SEEN] if self.train else [])]:
            if name in self.tests:
                raise ValueError(
                    f"a test is named {name!r}, as other mixtures are; give "
                    "it another name"
                )

    @property
    def manifests(self) -> dict[str, str]:
        """Manifest of each test by name, held-out utterances first."""
        seen = {SEEN: str(Path(self.save_folder) / f"{SEEN}.csv")}
        return {**(seen if self.train else {}), **self.tests}

    @cached_property
    def held_out(self) -> frozenset[str]:
        """IDs of training utterances that are not to be trained on."""
        if not self.train:
            return frozenset()
        rows = read_manifest(self.manifests[SEEN], self.data_root)
        return frozenset(row.id for row in rows)

    def prepare(self):
        """Draw the lists that are not there; after the corpus is prepared."""
        if self.train:
            rows = read_manifest(self.train, self.data_root)
            _, seen = hold_out(rows, self.seen_share, self.seed)
            Path(self.save_folder).mkdir(parents=True, exist_ok=True)
            write_manifest(self.manifests[SEEN], seen, self.data_root)
        for name, manifest in {DEV: self.dev, **self.manifests}.items():
            prepare_mixtures(
                name,
                manifest,
                self.data_root,
                self.save_folder,
                self.n_dev_triples if name == DEV else self.n_triples,
                self.n_presence_trials,
                self.shape,
                self.match_genders,
                self.seed,
            )

    @cached_property
    def dev_set(self) -> MixtureTrialSet:
        """Mixture against mixture, of the dev manifest."""
        return self._read(DEV, self.dev, "mixtures")

    @cached_property
    def test_sets(self) -> list[OverlapTest]:
        """Both kinds of trials of each test."""
        return [
            OverlapTest(
                name,
                self._read(name, manifest, "mixtures"),
                self._read(name, manifest, "presence"),
            )
            for name, manifest in self.manifests.items()
        ]

    def _read(self, name: str, manifest: str, kind: str) -> MixtureTrialSet:
        folder = Path(self.save_folder)
        return read_mixture_trial_set(
            name,
            manifest,
            folder / f"mixtures_{name}.csv",
            folder / f"trials_{kind}_{name}.txt",
            self.data_root,
        )
