"""The rows of ``benchmarks.scoring``: data made by ``prepare``, then the work.

``prepare`` imports what its row needs and nothing else, so that the peak of
the row's process is that of the row.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

# VoxCeleb1-E (581,480 trials) and -H (550,894 trials over 138,137 utterances
# of 1,251 and 1,190 speakers); the cohort is VoxCeleb2-dev's speaker means.
N_TRIALS_E = 581_480
N_TRIALS_H, N_UTTERANCES_H = 550_894, 138_137
N_SPEAKERS, N_COHORT, TOP_N, DIM = 1_251, 5_994, 300, 192


class Row(NamedTuple):
    """One line of the table.

    Attributes
    ----------
    title, size : str
        As the table shows them.
    prepare : callable
        Makes the data; returns the work, which returns its result as text.
    """

    title: str
    size: str
    prepare: Callable[[], Callable[[], str]]


def labelled_scores(n_trials: int, seed: int = 0):
    """(N,) normal scores, half of them targets, two deviations apart."""
    rng = np.random.default_rng(seed)
    is_target = np.arange(n_trials) < n_trials // 2
    return rng.normal(size=n_trials) + 2.0 * is_target, is_target


def speaker_embeddings(n_utterances, n_speakers, dtype=np.float64, seed=0):
    """(N, DIM) embeddings around speaker means, and (N,) speakers."""
    rng = np.random.default_rng(seed)
    speakers = rng.integers(n_speakers, size=n_utterances)
    means = rng.standard_normal((n_speakers, DIM), dtype=np.float32)
    noise = rng.standard_normal((n_utterances, DIM), dtype=np.float32)
    return (means[speakers] + noise).astype(dtype, copy=False), speakers


def _metrics():
    from speechbrain_denokd.metrics import (
        eer_of_rates,
        error_rates,
        min_dcf_of_rates,
    )

    scores, is_target = labelled_scores(N_TRIALS_E)

    def work():
        _, p_miss, p_fa = error_rates(scores, is_target)
        eer = eer_of_rates(p_miss, p_fa)
        return f"EER {eer:.5f}, minDCF {min_dcf_of_rates(p_miss, p_fa):.5f}"

    return work


def _split(n_trials):
    import torch

    scores, is_target = labelled_scores(n_trials)
    return torch.tensor(scores[is_target]), torch.tensor(scores[~is_target])


def _speechbrain_eer():
    from speechbrain.utils.metric_stats import EER

    targets, nontargets = _split(37_611)
    return lambda: f"EER {EER(targets, nontargets)[0]:.5f}"


def _compat_eer():
    from speechbrain_denokd.metrics import speechbrain_eer

    scores, is_target = labelled_scores(37_611)
    return lambda: f"EER {speechbrain_eer(scores, is_target):.5f}"


def _speechbrain_min_dcf():
    from speechbrain.utils.metric_stats import minDCF

    targets, nontargets = _split(10_000)
    return lambda: f"minDCF {float(minDCF(targets, nontargets)[0]):.5f}"


def _compat_min_dcf():
    from speechbrain_denokd.metrics import speechbrain_min_dcf

    scores, is_target = labelled_scores(10_000)
    return lambda: f"minDCF {speechbrain_min_dcf(scores, is_target):.5f}"


def _trial_pairs(n_trials):
    rng = np.random.default_rng(1)
    return rng.integers(N_UTTERANCES_H, size=(2, n_trials))


def _as_norm():
    from speechbrain_denokd.scoring.backend import cosine_backend
    from speechbrain_denokd.scoring.cohort import Cohort
    from speechbrain_denokd.scoring.system import ScoreNorm, ScoringSystem

    embeddings, _ = speaker_embeddings(N_UTTERANCES_H, N_SPEAKERS, np.float32)
    cohort, _ = speaker_embeddings(N_COHORT, N_COHORT, np.float32, seed=2)
    enroll, test = _trial_pairs(N_TRIALS_H)
    backend = cosine_backend(centre=False).fit(cohort, np.arange(N_COHORT))
    system = ScoringSystem(
        backend, ScoreNorm("as", TOP_N), Cohort(cohort, "speakers")
    )

    def work():
        scores = system.score_indexed(embeddings, enroll, test)
        return f"mean score {scores.normalised.mean():.4f}"

    return work


def _looped_as_norm():
    """Per trial, as SpeechBrain's VoxCeleb recipe does: 2,000 trials."""
    import torch

    embeddings, _ = speaker_embeddings(N_UTTERANCES_H, N_SPEAKERS, np.float32)
    cohort, _ = speaker_embeddings(N_COHORT, N_COHORT, np.float32, seed=2)
    enroll, test = _trial_pairs(N_TRIALS_H)
    wavs, others = torch.from_numpy(embeddings), torch.from_numpy(cohort)
    cosine = torch.nn.CosineSimilarity(dim=-1)

    def work():
        total = 0.0
        for one, two in zip(enroll[:2000], test[:2000], strict=True):
            one, two = wavs[one][None], wavs[two][None]
            score = cosine(one, two)[0]
            for side in (one, two):
                top = torch.topk(
                    cosine(side.repeat(N_COHORT, 1), others), TOP_N
                ).values
                total += float((score - top.mean()) / top.std()) / 2
        return f"mean score {total / 2000:.4f}"

    return work


def _plda():
    from speechbrain_denokd.scoring.plda import Plda

    embeddings, speakers = speaker_embeddings(20_000, 2_000)

    def work():
        model = Plda(n_iterations=10).fit(embeddings, speakers)
        return f"log-likelihood {model.log_likelihoods[-1]:.6g}"

    return work


def _speechbrain_plda():
    from speechbrain.processing.PLDA_LDA import PLDA, StatObject_SB

    embeddings, speakers = speaker_embeddings(20_000, 2_000)
    nothing = np.array([None] * len(speakers))

    def work():
        statistics = StatObject_SB(
            modelset=speakers.astype(str).astype("|O"),
            segset=np.arange(len(speakers)).astype(str).astype("|O"),
            start=nothing,
            stop=nothing,
            stat0=np.ones((len(speakers), 1)),
            stat1=embeddings.copy(),
        )
        plda = PLDA(rank_f=DIM - 1, nb_iter=10)
        plda.plda(statistics)
        return f"rank {plda.F.shape[1]}"

    return work


def _bootstrap():
    from speechbrain_denokd.bootstrap import speaker_interval

    rng = np.random.default_rng(0)
    scores, is_target = labelled_scores(N_TRIALS_E)
    enroll = rng.integers(N_SPEAKERS, size=N_TRIALS_E)
    step = rng.integers(1, N_SPEAKERS, size=N_TRIALS_E)
    test = np.where(is_target, enroll, (enroll + step) % N_SPEAKERS)

    def work():
        low, high = speaker_interval(scores, is_target, enroll, test)
        return f"EER interval {low:.5f} – {high:.5f}"

    return work


ROWS = {
    "metrics": Row("EER + minDCF", "581,480 trials", _metrics),
    "compat_eer": Row("EER by SpeechBrain's rule", "37,611", _compat_eer),
    "speechbrain_eer": Row("SpeechBrain EER", "37,611", _speechbrain_eer),
    "compat_min_dcf": Row(
        "minDCF by SpeechBrain's rule", "10,000", _compat_min_dcf
    ),
    "speechbrain_min_dcf": Row(
        "SpeechBrain minDCF", "10,000", _speechbrain_min_dcf
    ),
    "as_norm": Row(
        "cosine + AS-norm (5,994 speakers, top 300)",
        "550,894 trials of 138,137 x 192",
        _as_norm,
    ),
    "looped_as_norm": Row(
        "the same, a loop over trials as in SpeechBrain's recipe",
        "2,000 trials",
        _looped_as_norm,
    ),
    "plda": Row("PLDA, 10 EM iterations", "20,000 x 192", _plda),
    "speechbrain_plda": Row(
        "SpeechBrain PLDA, 10 iterations", "20,000 x 192", _speechbrain_plda
    ),
    "bootstrap": Row(
        "interval of the EER, 1,000 resamples", "581,480 trials", _bootstrap
    ),
}
