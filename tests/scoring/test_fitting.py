"""Plans become fitted scoring systems."""

import numpy as np
import pytest

from speechbrain_denokd.data.corpus import TrialSet
from speechbrain_denokd.data.manifest import Utterance
from speechbrain_denokd.data.trials import Trial
from speechbrain_denokd.metrics import cllr
from speechbrain_denokd.scoring.backend import plda_backend
from speechbrain_denokd.scoring.cohort import speaker_means
from speechbrain_denokd.scoring.fitting import (
    EVEN,
    Embedded,
    Plan,
    fit_system,
    make_cohort,
)

DIM = 6


def recordings(n_speakers, n_each, seed):
    """Utterances and embeddings of speakers around their means."""
    rng = np.random.default_rng(seed)
    rows, embeddings = [], {}
    for speaker in range(n_speakers):
        mean = rng.normal(size=DIM)
        for n in range(n_each):
            name = f"s{seed}-{speaker}-{n}"
            speaker_id = f"s{seed}-{speaker}"
            rows.append(Utterance(name, 3.0, "", 0, None, speaker_id))
            embeddings[name] = mean + 0.6 * rng.normal(size=DIM)
    return rows, embeddings


@pytest.fixture
def train():
    rows, embeddings = recordings(30, 5, seed=1)
    return Embedded.of(embeddings, rows, "toy")


@pytest.fixture
def dev():
    rows, embeddings = recordings(8, 4, seed=2)
    trials = [
        Trial(a.spk_id == b.spk_id, a.id, b.id)
        for i, a in enumerate(rows)
        for b in rows[i + 1 :]
    ]
    return TrialSet("dev", rows, trials), embeddings


def test_reference_the_back_end_learns_from_training_alone(train, dev):
    trial_set, embeddings = dev
    system, scores = fit_system(
        Plan("plda"), train, trial_set, embeddings, EVEN
    )
    alone = plda_backend().fit(train.embeddings, train.speakers)
    enroll, test = (
        np.stack([embeddings[t[side]] for t in trial_set.trials])
        for side in (1, 2)
    )
    np.testing.assert_allclose(
        scores.raw, alone.score(enroll, test), rtol=0, atol=1e-9
    )


@pytest.mark.parametrize("backend", ["centred_cosine", "lda", "plda", "psda"])
@pytest.mark.parametrize("norm", ["none", "s", "as"])
def test_law_calibration_beats_the_raw_score(train, dev, backend, norm):
    plan = Plan(backend, 4 if backend == "lda" else None, norm, top_n=10)
    system, scores = fit_system(plan, train, *dev, EVEN)
    is_target = [trial.is_target for trial in dev[0].trials]
    assert cllr(scores.llr, is_target) <= cllr(scores.normalised, is_target)
    assert (system.cohort is None) == (norm == "none")


def test_fact_plain_cosine_needs_no_training_data(dev):
    assert not Plan().learns
    system, scores = fit_system(Plan(), None, *dev, EVEN)
    assert system.calibration.n_targets == 8 * 6


def test_fact_quality_takes_what_there_is(train, dev):
    plan = Plan(norm="s", quality=True)
    system, _ = fit_system(plan, train, *dev, EVEN)
    assert system.calibration.quality_names == (
        "log_duration_min",
        "log_duration_max",
        "magnitude_min",
        "magnitude_max",
        "cohort_mean_min",
        "cohort_mean_max",
    )


def test_fact_cohorts_are_of_speakers_or_utterances(train):
    speakers = make_cohort("speakers", train)
    np.testing.assert_allclose(
        speakers.embeddings,
        speaker_means(train.embeddings, train.speakers),
        rtol=1e-6,
    )
    assert len(make_cohort("utterances", train).embeddings) == 150
    with pytest.raises(ValueError, match="no cohort of 'songs'"):
        make_cohort("songs", train)
