"""What scores say: error rates, parts of them, differences, plots.

The arrow ``scores -> metrics`` with everything that is known of the trials.
Speakers, not trials, are what is resampled for intervals.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from speechbrain_denokd.bootstrap import speaker_intervals
from speechbrain_denokd.comparison import Comparison, compare_systems
from speechbrain_denokd.data.trials import Trial
from speechbrain_denokd.known_scores import Scored
from speechbrain_denokd.metrics import (
    DENOKD,
    OperatingPoint,
    act_dcf,
    bayes_threshold,
    cllr,
    duration_bins,
    eer,
    eer_of_rates,
    gender_pairs,
    mean_act_dcf,
    mean_min_dcf,
    min_cllr,
    min_dcf,
    min_dcf_of_rates,
    rates_by_condition,
    session_pairs,
)
from speechbrain_denokd.plots import (
    det_band,
    plot_calibration,
    plot_det,
    plot_histograms,
)
from speechbrain_denokd.scoring.system import TrialScores

CONFIDENCE = 0.95


def rates_of(
    scored: Scored,
    llrs: np.ndarray | None = None,
    points: Sequence[OperatingPoint] = DENOKD,
) -> dict:
    """Error rates of scored trials, with what defines them.

    Arguments
    ---------
    scored : Scored
    llrs : (N,) numpy.ndarray, optional
        Log-likelihood ratios, where the scores themselves are none.
    points : sequence of OperatingPoint
        Of minDCF and actDCF; the costs of several are averaged.

    Returns
    -------
    dict
        ``eer``, ``min_dcf``, with 95 % intervals over speakers if they are
        known; ``act_dcf``, ``cllr`` and ``min_cllr`` if there are
        log-likelihood ratios; parameters and counts.
    """
    scores, is_target = scored.scores, scored.is_target
    rates = {
        "eer": float(eer(scores, is_target)),
        "min_dcf": mean_min_dcf(scores, is_target, points),
        "points": [point._asdict() for point in points],
        "n_targets": int(is_target.sum()),
        "n_nontargets": int((~is_target).sum()),
    }
    if scored.speakers is not None:
        rates |= _intervals(scored, points)
    if llrs is None and scored.is_calibrated:
        llrs = scores
    if llrs is not None:
        rates |= {
            "act_dcf": mean_act_dcf(llrs, is_target, points),
            "cllr": float(cllr(llrs, is_target)),
            "min_cllr": float(min_cllr(llrs, is_target)),
        }
    return rates


def _intervals(scored: Scored, points: Sequence[OperatingPoint]) -> dict:
    enroll, test = scored.speakers
    metrics = {
        "eer": eer_of_rates,
        "min_dcf": partial(_mean_cost_of_rates, points=points),
    }
    found = speaker_intervals(
        scored.scores,
        scored.is_target,
        enroll,
        test,
        metrics=metrics,
        confidence=CONFIDENCE,
    )
    return {
        **{f"{name}_interval": list(found[name]) for name in metrics},
        "confidence": CONFIDENCE,
        "n_speakers": len(set(enroll) | set(test)),
    }


def _mean_cost_of_rates(p_miss, p_fa, points):
    costs = [min_dcf_of_rates(p_miss, p_fa, *point[1:]) for point in points]
    return np.mean(costs, axis=0)


CONDITIONS = {
    "gender": gender_pairs,
    "duration": duration_bins,
    "session": session_pairs,
}


def breakdown(scored: Scored, names: Sequence[str]) -> dict:
    """Error rates of parts of the trials.

    Arguments
    ---------
    scored : Scored
    names : sequence of str
        Of ``CONDITIONS``.

    Returns
    -------
    dict of str to dict of str to dict
        As `rates_by_condition`.

    Raises
    ------
    ValueError
        If a name is unknown, or no manifest is known.
    """
    unknown = [name for name in names if name not in CONDITIONS]
    if unknown:
        raise ValueError(
            f"no condition {unknown[0]!r}; use {', '.join(CONDITIONS)}"
        )
    if scored.sides is None:
        raise ValueError(
            "conditions are read from the manifest, which is not known here; "
            "pass --manifest and --data_root"
        )
    return rates_by_condition(
        scored.scores,
        scored.is_target,
        {name: CONDITIONS[name](*scored.sides) for name in names},
        with_cllr=scored.is_calibrated,
    )


def compare_scores(first: Scored, second: Scored) -> dict[str, Comparison]:
    """Difference of two systems on the same trials, with its interval.

    Arguments
    ---------
    first, second : Scored
        The trials may stand in another order.

    Returns
    -------
    dict of str to Comparison
        ``eer`` and ``min_dcf`` (DenoKD's point): first minus second.

    Raises
    ------
    ValueError
        If the trials differ or their speakers are not known.
    """
    order = {pair: n for n, pair in enumerate(first.pairs)}
    missing = [pair for pair in second.pairs if pair not in order]
    if missing or len(second.pairs) != len(order):
        raise ValueError(
            f"the files hold {len(first.pairs)} and {len(second.pairs)} "
            f"trials, of which {len(missing)} of the second are not in the "
            "first; score the same list with both systems"
        )
    speakers = first.speakers
    if speakers is None:
        raise ValueError(
            "speakers are resampled, and they are not known here; pass "
            "--manifest and --data_root"
        )
    rows = [order[pair] for pair in second.pairs]
    aligned = np.empty_like(second.scores)
    aligned[rows] = second.scores
    n_differ = int((first.is_target[rows] != second.is_target).sum())
    if n_differ:
        raise ValueError(
            f"{n_differ} trials are labelled otherwise in the second file; "
            "score the same list with both systems"
        )
    metrics = {
        "eer": eer_of_rates,
        "min_dcf": partial(_mean_cost_of_rates, points=DENOKD),
    }
    return {
        name: compare_systems(
            first.scores, aligned, first.is_target, *speakers, metric=metric
        )
        for name, metric in metrics.items()
    }


def draw(scored: Mapping[str, Scored], folder: Path) -> None:
    """Draw DET curves and score histograms; of LLRs, their calibration.

    Arguments
    ---------
    scored : mapping of str to Scored
        By the name in the legend.
    folder : Path
        Receives ``det.png``, ``histograms.png`` and ``calibration.png``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    curves = {name: (one.scores, one.is_target) for name, one in scored.items()}
    llrs = {n: curves[n] for n, one in scored.items() if one.is_calibrated}
    bands = {
        name: det_band(one.scores, one.is_target, *one.speakers)
        for name, one in scored.items()
        if one.speakers is not None
    }
    plot_det(curves, folder / "det.png", calibrated=list(llrs), bands=bands)
    thresholds = dict.fromkeys(llrs, bayes_threshold(*DENOKD[0][1:]))
    plot_histograms(curves, folder / "histograms.png", thresholds)
    if llrs:
        plot_calibration(llrs, folder / "calibration.png")


def calibration_rates(
    scores: TrialScores, trials: Sequence[Trial], point: OperatingPoint
) -> dict:
    """What calibration changed, on the trials that it was fitted to.

    Arguments
    ---------
    scores : TrialScores
        With log-likelihood ratios.
    trials : (N,) sequence of Trial
    point : OperatingPoint
        That decisions assume.

    Returns
    -------
    dict
        ``eer``, ``min_dcf``, ``min_cllr`` and ``threshold``, and under
        ``before`` and ``after`` ``act_dcf`` and ``cllr``, where *before*
        takes the scores themselves for log-likelihood ratios.
    """
    is_target = np.array([trial.is_target for trial in trials])
    costs = point[1:]
    return {
        "point": point._asdict(),
        "threshold": bayes_threshold(*costs),
        "eer": eer(scores.llr, is_target),
        "min_dcf": min_dcf(scores.llr, is_target, *costs),
        "min_cllr": min_cllr(scores.llr, is_target),
        **{
            when: {
                "act_dcf": act_dcf(values, is_target, *costs),
                "cllr": cllr(values, is_target),
            }
            for when, values in (
                ("before", scores.normalised),
                ("after", scores.llr),
            )
        },
    }
