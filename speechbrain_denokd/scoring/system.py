"""The scoring system: everything behind the encoder, as one object.

``embedding -> BackEnd -> score norm -> calibration -> log-likelihood ratio``

It is stored in the model folder as ``scoring.json`` and
``scoring.safetensors``; see `scoring.system_folder`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from speechbrain_denokd.data.trials import Trial
from speechbrain_denokd.metrics import OperatingPoint
from speechbrain_denokd.scoring.backend import BackEnd
from speechbrain_denokd.scoring.calibration import Calibration, effective_prior
from speechbrain_denokd.scoring.cohort import Cohort
from speechbrain_denokd.scoring.norm import (
    NO_NORM,
    ScoreNorm,
    check_norm,
    cohort_statistics,
    normalise,
)
from speechbrain_denokd.scoring.pairs import score_pairs
from speechbrain_denokd.scoring.quality import measures_of
from speechbrain_denokd.scoring.scored import (
    ScoredTrials,
    TrialScores,
    gather_trials,
)
from speechbrain_denokd.scoring.scorer import check_embeddings
from speechbrain_denokd.scoring.stored import check_keys
from speechbrain_denokd.scoring.system_folder import (
    arrays_below,
    is_in,
    read_system_folder,
    write_system_folder,
)


class ScoringSystem:
    """A fitted back-end, score norm and calibration.

    Arguments
    ---------
    backend : BackEnd
        Fitted, where it learns.
    norm : ScoreNorm
    cohort : Cohort, optional
        For every norm but "none".
    calibration : Calibration, optional
        Fitted to the scores of this back-end and norm.

    Raises
    ------
    ValueError
        If norm and cohort do not belong together, or the calibration needs
        qualities that are unknown or that the norm does not give.

    Example
    -------
    >>> from speechbrain_denokd.scoring.backend import cosine_backend
    >>> system = ScoringSystem(cosine_backend(centre=False))
    >>> embeddings = {"a": np.array([3.0, 4.0]), "b": np.array([4.0, 3.0])}
    >>> system.score_trials(embeddings, [Trial(True, "a", "b")]).raw.round(4)
    array([0.96])
    """

    def __init__(
        self,
        backend: BackEnd,
        norm: ScoreNorm = NO_NORM,
        cohort: Cohort | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        size = 0 if cohort is None else len(cohort.embeddings)
        check_norm(norm, size)
        self.backend = backend
        self.norm = norm
        self.cohort = cohort
        self.calibration = calibration
        # float32 halves the time of the many products with the cohort.
        self._prepared_cohort = cohort and backend.transform(
            cohort.embeddings
        ).astype(np.float32)
        if calibration is not None:
            measures = measures_of(calibration.quality_names)
            if "cohort_mean" in measures and cohort is None:
                raise ValueError(
                    "the calibration depends on cohort means, but the norm is "
                    "'none'; give the norm and cohort that it was fitted with"
                )

    @property
    def point(self) -> OperatingPoint | None:
        """Operating point it was calibrated for, at unit costs."""
        if self.calibration is None:
            return None
        return OperatingPoint("calibration", self.calibration.prior)

    def score_trials(
        self,
        embeddings: Mapping[str, np.ndarray],
        trials: Sequence[Trial],
        durations_s: Mapping[str, float] | None = None,
    ) -> TrialScores:
        """Score a trial list.

        Arguments
        ---------
        embeddings : mapping of str to (D,) numpy.ndarray
            By utterance ID, as the encoder returns them.
        trials : (N,) sequence of Trial
            With IDs on both sides.
        durations_s : mapping of str to float, optional
            Seconds of each utterance; needed if the calibration uses them.

        Returns
        -------
        TrialScores

        Raises
        ------
        ValueError
            If a side has no embedding or needs a duration and has none, or
            an embedding is refused.
        """
        scored = self._score(*gather_trials(embeddings, trials, durations_s))
        return scored.finish(self.calibration)

    def score_indexed(
        self,
        embeddings: np.ndarray,
        enroll: np.ndarray,
        test: np.ndarray,
        durations_s: np.ndarray | None = None,
    ) -> TrialScores:
        """Score pairs of rows of one matrix; each row is prepared once.

        Arguments
        ---------
        embeddings : (U, D) numpy.ndarray
            As the encoder returns them.
        enroll, test : (N,) numpy.ndarray of int
            Rows.
        durations_s : (U,) numpy.ndarray, optional
            Seconds; needed if the calibration uses them.

        Returns
        -------
        TrialScores

        Raises
        ------
        ValueError
            As `score_trials`, or if rows are out of range.

        Example
        -------
        >>> from speechbrain_denokd.scoring.backend import cosine_backend
        >>> system = ScoringSystem(
        ...     cosine_backend(centre=False),
        ...     ScoreNorm("as", top_n=2),
        ...     Cohort(np.array([[1, 0], [0, 1], [-1, 0]]), "speakers"),
        ... )
        >>> x = np.array([[3.0, 4.0], [4.0, 3.0]])
        >>> system.score_indexed(x, [0], [1]).normalised.round(4)
        array([2.6])
        """
        scored = self._score(embeddings, enroll, test, durations_s)
        return scored.finish(self.calibration)

    def score_pairs(
        self,
        enroll: np.ndarray,
        test: np.ndarray,
        enroll_s: np.ndarray | None = None,
        test_s: np.ndarray | None = None,
    ) -> TrialScores:
        """Score row i of enroll against row i of test.

        Arguments
        ---------
        enroll, test : (N, D) numpy.ndarray
            As the encoder returns them.
        enroll_s, test_s : (N,) numpy.ndarray, optional
            Seconds; needed if the calibration uses them.

        Returns
        -------
        TrialScores

        Raises
        ------
        ValueError
            As `score_trials`, or if the shapes differ.

        Example
        -------
        >>> from speechbrain_denokd.scoring.backend import cosine_backend
        >>> system = ScoringSystem(cosine_backend(centre=False))
        >>> system.score_pairs(np.eye(2), np.ones((2, 2))).raw.round(4)
        array([0.7071, 0.7071])
        """
        enroll, test = np.asarray(enroll), np.asarray(test)
        if enroll.shape != test.shape:
            raise ValueError(
                f"enrolment embeddings of shape {enroll.shape} cannot be "
                f"paired with test embeddings of shape {test.shape}; give one "
                "row a trial on both sides"
            )
        durations_s = None
        if enroll_s is not None and test_s is not None:
            durations_s = np.concatenate([enroll_s, test_s])
        rows = np.arange(len(enroll))
        both = np.concatenate([enroll, test])
        return self.score_indexed(both, rows, rows + len(rows), durations_s)

    def calibrated(
        self,
        embeddings: Mapping[str, np.ndarray],
        trials: Sequence[Trial],
        durations_s: Mapping[str, float] | None = None,
        *,
        use_quality: bool = False,
        point: OperatingPoint,
    ) -> tuple["ScoringSystem", TrialScores]:
        """Fit a calibration to development trials.

        Arguments
        ---------
        embeddings, durations_s
            As in `score_trials`.
        trials : (N,) sequence of Trial
            Of speakers that neither encoder nor back-end has learnt from.
        use_quality : bool
            Let durations, where given, magnitudes, and cohort means, with a
            norm, take part.
        point : OperatingPoint
            What decisions will be made for; the fit is weighted for it.

        Returns
        -------
        system : ScoringSystem
            This one with the calibration.
        scores : TrialScores
            Of the development trials.

        Raises
        ------
        ValueError
            As `score_trials` and ``Calibration.fit``.

        Example
        -------
        >>> from speechbrain_denokd.scoring.backend import cosine_backend
        >>> rng = np.random.default_rng(0)
        >>> x = {f"{n:02}": rng.normal(n % 4 / 2, 1, 8) for n in range(24)}
        >>> trials = [Trial(int(a) % 4 == int(b) % 4, a, b)
        ...           for a in x for b in x if a < b]
        >>> system, scores = ScoringSystem(cosine_backend(False)).calibrated(
        ...     x, trials, point=OperatingPoint("even", 0.5)
        ... )
        >>> system.calibration.n_targets
        60
        """
        scored = self._score(*gather_trials(embeddings, trials, durations_s))
        measures = scored.measures() if use_quality else []
        calibration = Calibration.fit(
            scored.normalised,
            np.array([trial.is_target for trial in trials]),
            scored.qualities(measures),
            prior=effective_prior(point.p_target, point.c_miss, point.c_fa),
        )
        parts = self.backend, self.norm, self.cohort, calibration
        return ScoringSystem(*parts), scored.finish(calibration)

    def describe(self) -> dict[str, Any]:
        """Return what the scores come from, as JSON values."""
        return {
            "backend": self.backend.settings(),
            "norm": self.norm._asdict(),
            "cohort": self.cohort and self.cohort.settings(),
            "calibration": self.calibration and self.calibration.settings(),
        }

    def save(self, folder: str | Path) -> None:
        """Write ``scoring.json`` and ``scoring.safetensors``.

        Arguments
        ---------
        folder : str or Path
            Made when missing; what it held before is replaced.

        Raises
        ------
        ValueError
            If the back-end is not fitted, or not of this package's classes.
        """
        arrays = {
            f"backend.{name}": array
            for name, array in self.backend.arrays().items()
        }
        if self.cohort is not None:
            arrays["cohort"] = self.cohort.embeddings
        write_system_folder(folder, self.describe(), arrays)

    @staticmethod
    def is_in(folder: str | Path) -> bool:
        """Whether a folder holds a scoring system, or a part of one."""
        return is_in(folder)

    @classmethod
    def load(cls, folder: str | Path) -> "ScoringSystem":
        """Read what `save` wrote; nothing in the files is run.

        Arguments
        ---------
        folder : str or Path

        Returns
        -------
        ScoringSystem

        Raises
        ------
        FileNotFoundError
            If a file is missing.
        ValueError
            If a file is damaged, or holds anything that `save` would not
            have written.

        Example
        -------
        >>> import tempfile
        >>> from speechbrain_denokd.scoring.backend import cosine_backend
        >>> folder = tempfile.mkdtemp()
        >>> ScoringSystem(cosine_backend().fit(np.eye(2))).save(folder)
        >>> ScoringSystem.load(folder).describe()["norm"]
        {'kind': 'none', 'top_n': None}
        """
        settings, arrays = read_system_folder(folder)
        try:
            return cls._restore(settings, arrays)
        except TypeError as error:  # such as a number where a list should be
            raise ValueError(
                f"the scoring.json of {folder} has a value of another type "
                f"than was written ({error}); copy it again"
            ) from error

    @classmethod
    def _restore(
        cls, settings: Mapping[str, Any], arrays: dict[str, np.ndarray]
    ) -> "ScoringSystem":
        """Rebuild a system of the values of its files."""
        names = ("backend", "norm", "cohort", "calibration")
        check_keys(settings, names, "scoring system")
        backend, norm, cohort, calibration = (settings[name] for name in names)
        check_keys(norm, ScoreNorm._fields, "norm of the scoring system")
        if cohort is not None:
            cohort = Cohort.restore(cohort, arrays.pop("cohort", None))
        if calibration is not None:
            calibration = Calibration.restore(calibration)
        backend = BackEnd.restore(backend, arrays_below("backend.", arrays))
        return cls(backend, ScoreNorm(**norm), cohort, calibration)

    def _score(
        self,
        embeddings: np.ndarray,
        enroll: np.ndarray,
        test: np.ndarray,
        durations_s: np.ndarray | None,
    ) -> ScoredTrials:
        """Score pairs of rows up to normalisation."""
        embeddings = check_embeddings(embeddings, keep_float32=True)
        prepared = self.backend.transform(embeddings)
        raw = score_pairs(self.backend.scorer, prepared, enroll, test)
        sides = np.asarray(enroll), np.asarray(test)
        statistics, of_sides = None, (None, None)
        if self.cohort is not None:
            # One recording on each side scores alike both ways round, so the
            # statistics of an utterance serve it on either side.
            statistics = cohort_statistics(
                self.backend.scorer,
                prepared.astype(np.float32, copy=False),
                self._prepared_cohort,
                self.norm.top_n,
            )
            of_sides = [statistics.take(side) for side in sides]
        return ScoredTrials(
            raw,
            normalise(raw, *of_sides, self.norm.kind),
            sides,
            np.linalg.norm(embeddings, axis=1),
            durations_s,
            statistics,
        )
