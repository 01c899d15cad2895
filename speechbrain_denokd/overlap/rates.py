"""Error rates of overlapped trials (``scores -> rates, tables``)."""

from collections.abc import Mapping

import numpy as np

from speechbrain_denokd.bootstrap import speaker_interval
from speechbrain_denokd.metrics import eer, error_rates, rates_by_condition
from speechbrain_denokd.overlap.conditions import mixture_conditions
from speechbrain_denokd.overlap.trial_set import MixtureTrialSet
from speechbrain_denokd.tables import markdown_table

FAR_POINTS = (0.01, 0.05, 0.10)


def trial_speakers(trial_set: MixtureTrialSet) -> tuple[list[str], list[str]]:
    """One speaker for each side of a trial, for resampling.

    Of a target, the speaker whom both sides share. A nontarget may have two
    speakers or more on a side, of whom the first by name stands for all.

    Arguments
    ---------
    trial_set : MixtureTrialSet

    Returns
    -------
    enroll, test : (N,) list of str

    Example
    -------
    >>> from speechbrain_denokd.data.trials import Trial
    >>> from speechbrain_denokd.overlap.mixtures import Mixture, Source
    >>> mixtures = [
    ...     Mixture(n, 1.0, tuple(Source(s, s, 0, 1, 0, 0) for s in n))
    ...     for n in ("ba", "cb", "dc")
    ... ]
    >>> trials = [Trial(True, "ba", "cb"), Trial(False, "ba", "dc")]
    >>> trial_speakers(MixtureTrialSet("test", [], mixtures, [], trials))
    (['b', 'a'], ['b', 'c'])
    """
    speakers = {row.id: {row.spk_id} for row in trial_set.enrollments}
    speakers |= {m.id: set(m.spk_ids) for m in trial_set.mixtures}
    sides = []
    for trial in trial_set.trials:
        enroll, test = speakers[trial.enroll], speakers[trial.test]
        shared = enroll & test
        sides.append((min(shared or enroll), min(shared or test)))
    return [side[0] for side in sides], [side[1] for side in sides]


def overlap_rates(scores: np.ndarray, trial_set: MixtureTrialSet) -> dict:
    """Error rates of a list, by gender pair and by overlap ratio too.

    Arguments
    ---------
    scores : (N,) numpy.ndarray
        Higher is closer.
    trial_set : MixtureTrialSet

    Returns
    -------
    dict
        ``eer``, ``eer_interval`` (95 %, over speakers), ``frr_at_far`` by
        false-acceptance rate, counts, and under ``conditions`` what
        `rates_by_condition` has. JSON can hold it.
    """
    trials = trial_set.trials
    is_target = np.array([trial.is_target for trial in trials])
    conditions = mixture_conditions(
        trials,
        trial_set.mixtures,
        [*trial_set.sources, *trial_set.enrollments],
    )
    return {
        "eer": float(eer(scores, is_target)),
        "eer_interval": list(
            speaker_interval(scores, is_target, *trial_speakers(trial_set))
        ),
        "frr_at_far": {
            f"{far:g}": frr_at_far(scores, is_target, far) for far in FAR_POINTS
        },
        "n_targets": int(is_target.sum()),
        "n_nontargets": int((~is_target).sum()),
        "conditions": rates_by_condition(scores, is_target, conditions),
    }


def frr_at_far(scores: np.ndarray, is_target: np.ndarray, far: float) -> float:
    """Share of targets rejected where at most ``far`` of the others pass.

    Arguments
    ---------
    scores : (N,) numpy.ndarray
    is_target : (N,) numpy.ndarray of bool
    far : float
        Highest false-acceptance rate.

    Returns
    -------
    float

    Example
    -------
    >>> scores = np.array([0.9, 0.4, 0.8, 0.1])
    >>> is_target = np.array([True, True, False, False])
    >>> frr_at_far(scores, is_target, 0.1), frr_at_far(scores, is_target, 0.5)
    (0.5, 0.0)
    """
    _, p_miss, p_fa = error_rates(scores, is_target)
    return float(np.min(p_miss[p_fa <= far]))


def overlap_table(results: Mapping[str, Mapping]) -> str:
    """Error rates by system and trials, in Markdown.

    Arguments
    ---------
    results : mapping of str to mapping
        Of `overlap_rates`, by a name.

    Returns
    -------
    str

    Example
    -------
    >>> rates = {
    ...     "eer": 0.06, "eer_interval": (0.04, 0.085),
    ...     "frr_at_far": {"0.05": 0.08},
    ...     "conditions": {"gender": {"f-m": {"eer": 0.01}}, "overlap": {}},
    ... }
    >>> print(overlap_table({"mirnet, cosine": rates}))
    | system         | EER (%) | 95 % interval | FRR at FAR 5 % | f-m  |
    | -------------- | ------- | ------------- | -------------- | ---- |
    | mirnet, cosine | 6.00    | 4.00 – 8.50   | 8.00           | 1.00 |
    """
    labels = list(
        dict.fromkeys(
            label for rates in results.values() for label in _parts(rates)
        )
    )
    rows = [
        [
            name,
            _percent(rates["eer"]),
            " – ".join(_percent(limit) for limit in rates["eer_interval"]),
            _percent(rates["frr_at_far"]["0.05"]),
            *(_percent(_parts(rates).get(label)) for label in labels),
        ]
        for name, rates in results.items()
    ]
    return markdown_table(
        [
            "system",
            "EER (%)",
            "95 % interval",
            "FRR at FAR 5 %",
            *labels,
        ],
        rows,
    )


def _parts(rates: Mapping) -> dict[str, float | None]:
    """EER by gender pair, then by overlap ratio."""
    return {
        label: part["eer"]
        for parts in rates["conditions"].values()
        for label, part in parts.items()
    }


def _percent(rate: float | None) -> str:
    return "–" if rate is None else f"{100 * rate:.2f}"
