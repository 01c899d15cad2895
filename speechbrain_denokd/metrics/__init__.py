"""Numbers that say how good scores are (the arrow ``scores -> metrics``).

`eer` and `min_dcf` are this project's; what other toolkits call so has the
toolkit's name: `speechbrain_eer`, `nist_min_dcf`, ... (``metrics.compat``).
"""

from speechbrain_denokd.metrics.cllr import cllr, min_cllr, pav_llrs
from speechbrain_denokd.metrics.compat import (
    nist_eer,
    nist_min_dcf,
    speechbrain_eer,
    speechbrain_min_dcf,
    voxceleb_eer,
)
from speechbrain_denokd.metrics.conditions import (
    duration_bins,
    gender_pairs,
    rates_by_condition,
    session_pairs,
)
from speechbrain_denokd.metrics.convex_hull import hull_points
from speechbrain_denokd.metrics.dcf import (
    DENOKD,
    PRESETS,
    SRE08,
    SRE16,
    SSRFNET,
    VOXSRC,
    OperatingPoint,
    act_dcf,
    bayes_threshold,
    detection_costs,
    mean_act_dcf,
    mean_min_dcf,
    min_dcf,
    min_dcf_of_rates,
    points_label,
    preset,
)
from speechbrain_denokd.metrics.eer import (
    eer,
    eer_of_rates,
    eer_threshold,
    rocch_eer,
)
from speechbrain_denokd.metrics.error_rates import (
    RankedTrials,
    at_corners,
    check_trials,
    corner_points,
    error_rates,
    rank_trials,
    ranked_error_rates,
    weighted_error_rates,
)
from speechbrain_denokd.metrics.label_index import label_index

__all__ = [
    "DENOKD",
    "PRESETS",
    "SRE08",
    "SRE16",
    "SSRFNET",
    "VOXSRC",
    "OperatingPoint",
    "RankedTrials",
    "act_dcf",
    "at_corners",
    "bayes_threshold",
    "check_trials",
    "cllr",
    "corner_points",
    "detection_costs",
    "duration_bins",
    "eer",
    "eer_of_rates",
    "eer_threshold",
    "error_rates",
    "gender_pairs",
    "hull_points",
    "label_index",
    "mean_act_dcf",
    "mean_min_dcf",
    "min_cllr",
    "min_dcf",
    "min_dcf_of_rates",
    "nist_eer",
    "nist_min_dcf",
    "pav_llrs",
    "points_label",
    "preset",
    "rank_trials",
    "ranked_error_rates",
    "rates_by_condition",
    "rocch_eer",
    "session_pairs",
    "speechbrain_eer",
    "speechbrain_min_dcf",
    "voxceleb_eer",
    "weighted_error_rates",
]
