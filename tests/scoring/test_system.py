"""The whole scoring system."""

import json

import numpy as np
import pytest

from speechbrain_denokd.data.trials import Trial
from speechbrain_denokd.metrics import OperatingPoint, cllr
from speechbrain_denokd.scoring.backend import (
    cosine_backend,
    lda_backend,
    plda_backend,
    psda_backend,
)
from speechbrain_denokd.scoring.calibration import Calibration
from speechbrain_denokd.scoring.cohort import Cohort
from speechbrain_denokd.scoring.norm import ScoreNorm
from speechbrain_denokd.scoring.system import ScoringSystem

DIM, N_TRAIN, N_TEST = 10, 30, 8  # components, speakers, speakers
POINT = OperatingPoint("test", 0.1, c_miss=2.0)
BACKENDS = {
    "cosine": cosine_backend,
    "lda": lambda: lda_backend(6),
    "plda": lambda: plda_backend(6),
    "psda": psda_backend,
}
AS_NORM = ScoreNorm("as", 9)
NORMS = [ScoreNorm(), *(ScoreNorm(k) for k in "zts"), AS_NORM]


def speakers(n_speakers, n_each, seed):
    """Embeddings (N, D) around speakers' centres, off the origin."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(n_speakers, DIM)) + np.linspace(0, 2, DIM)
    labels = np.repeat(np.arange(n_speakers), n_each)
    noise = rng.normal(size=(len(labels), DIM))
    return (centres[labels] + noise).astype(np.float32), labels


TRAIN, TRAIN_LABELS = speakers(N_TRAIN, 6, seed=1)
TEST, TEST_LABELS = speakers(N_TEST, 5, seed=2)
NAMES = [f"u{i}" for i in range(len(TEST))]
EMBEDDINGS = dict(zip(NAMES, TEST, strict=True))
SECONDS = dict(zip(NAMES, np.linspace(1.5, 22, len(TEST)), strict=True))
PAIRS = [(i, j) for i in range(len(TEST)) for j in range(i)]
TRIALS = [
    Trial(bool(TEST_LABELS[i] == TEST_LABELS[j]), NAMES[i], NAMES[j])
    for i, j in PAIRS
]
IS_TARGET = np.array([trial.is_target for trial in TRIALS])


def make(backend="cosine", norm=AS_NORM):
    cohort = None
    if norm.kind != "none":
        cohort = Cohort.from_speakers(TRAIN, TRAIN_LABELS, source="training")
    fitted = BACKENDS[backend]().fit(TRAIN, TRAIN_LABELS)
    return ScoringSystem(fitted, norm, cohort)


def calibrated(backend="cosine", norm=AS_NORM):
    return make(backend, norm).calibrated(
        EMBEDDINGS, TRIALS, SECONDS, use_quality=True, point=POINT
    )


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def test_reference_the_usual_recipe_trial_by_trial():
    """Mean subtracted, cosine, speaker means as cohort, the best 9 sorted."""
    mean = TRAIN.astype(float).mean(axis=0)
    cohort = unit(
        np.stack(
            [TRAIN[TRAIN_LABELS == k].mean(axis=0) for k in range(N_TRAIN)]
        )
        - mean
    )
    found = make().score_trials(EMBEDDINGS, TRIALS)
    assert found.llr is None
    for n, (i, j) in list(enumerate(PAIRS))[::37]:
        sides = unit(TEST[[i, j]] - mean)
        score = sides[0] @ sides[1]
        normalised = 0.0
        for side in sides:
            best = np.sort(cohort @ side)[-9:]
            normalised += (score - best.mean()) / best.std() / 2
        assert found.raw[n] == pytest.approx(score, abs=1e-6)
        assert found.normalised[n] == pytest.approx(normalised, abs=1e-4)


@pytest.mark.parametrize("norm", NORMS, ids=lambda norm: norm.kind)
@pytest.mark.parametrize("backend", BACKENDS)
def test_law_three_ways_to_score_agree(backend, norm):
    system, _ = calibrated(backend, norm)
    rows = tuple(np.array(PAIRS).T)
    seconds = np.array(list(SECONDS.values()))
    ways = [
        system.score_trials(EMBEDDINGS, TRIALS, SECONDS),
        system.score_indexed(TEST, *rows, seconds),
        system.score_pairs(
            *(TEST[side] for side in rows), *(seconds[side] for side in rows)
        ),
    ]
    for way in ways[1:]:
        np.testing.assert_allclose(way, ways[0], atol=1e-4)


@pytest.mark.parametrize("kind", ["none", "s", "as"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_law_the_sides_count_alike(backend, kind):
    system, scores = calibrated(
        backend, ScoreNorm(kind, 9 if kind == "as" else None)
    )
    swapped = [Trial(t.is_target, t.test, t.enroll) for t in TRIALS]
    again = system.score_trials(EMBEDDINGS, swapped, SECONDS)
    np.testing.assert_allclose(again, scores, atol=1e-4)


@pytest.mark.parametrize(("kind", "side"), [("z", 0), ("t", 1)])
def test_fact_z_is_of_the_enrolment_side_and_t_of_the_test_side(kind, side):
    cohort = Cohort.from_speakers(TRAIN, TRAIN_LABELS)
    system = ScoringSystem(cosine_backend(False), ScoreNorm(kind), cohort)
    sides = TEST[:20], TEST[20:]
    against = unit(sides[side]) @ unit(cohort.embeddings).T
    expected = (unit(sides[0]) * unit(sides[1])).sum(axis=1)
    expected = (expected - against.mean(axis=1)) / against.std(axis=1)
    found = system.score_pairs(*sides).normalised
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_fact_the_cohort_goes_through_the_back_end():
    """Raw rows and their doubles are one cohort to a cosine back-end."""
    cohort = Cohort.from_speakers(TRAIN, TRAIN_LABELS)
    doubled = Cohort(2 * cohort.embeddings, "speakers")
    backend = cosine_backend(centre=False)
    one, other = (
        ScoringSystem(backend, ScoreNorm("s"), c).score_pairs(TEST, TEST[::-1])
        for c in (cohort, doubled)
    )
    np.testing.assert_allclose(one.normalised, other.normalised, atol=1e-5)


def test_law_calibration_is_of_the_normalised_scores():
    system, scores = make("plda").calibrated(EMBEDDINGS, TRIALS, point=POINT)
    expected = Calibration.fit(scores.normalised, IS_TARGET, prior=2 / 11)
    assert system.calibration == expected
    np.testing.assert_allclose(scores.llr, expected.llr(scores.normalised))
    assert cllr(scores.llr, IS_TARGET) < cllr(scores.normalised, IS_TARGET)


def test_fact_the_point_is_that_of_the_calibration():
    """0.1 x 2 against 0.9 x 1 is what 2 / 11 against 9 / 11 is."""
    system, _ = calibrated()
    assert system.point.p_target == pytest.approx(2 / 11)
    assert (system.point.c_miss, system.point.c_fa) == (1, 1)
    assert make().point is None


@pytest.mark.parametrize(
    ("kind", "seconds", "measures"),
    [
        ("as", SECONDS, ["log_duration", "magnitude", "cohort_mean"]),
        ("none", SECONDS, ["log_duration", "magnitude"]),
        ("none", None, ["magnitude"]),
    ],
)
def test_fact_qualities_are_those_there_are(kind, seconds, measures):
    system, _ = make(
        norm=ScoreNorm(kind, 9 if kind == "as" else None)
    ).calibrated(EMBEDDINGS, TRIALS, seconds, use_quality=True, point=POINT)
    names = [f"{m}_{e}" for m in measures for e in ("min", "max")]
    assert list(system.calibration.quality_names) == names


@pytest.mark.parametrize("norm", NORMS, ids=lambda norm: norm.kind)
@pytest.mark.parametrize("backend", BACKENDS)
def test_law_a_loaded_system_gives_the_same_bits(backend, norm, tmp_path):
    system, scores = calibrated(backend, norm)
    assert not ScoringSystem.is_in(tmp_path)
    system.save(tmp_path)
    assert ScoringSystem.is_in(tmp_path)
    again = ScoringSystem.load(tmp_path)
    assert again.describe() == system.describe()
    found = again.score_trials(EMBEDDINGS, TRIALS, SECONDS)
    assert all(map(np.array_equal, found, scores))


def test_law_saving_again_gives_the_same_bytes(tmp_path):
    system, _ = calibrated("plda")
    system.save(tmp_path / "one")
    ScoringSystem.load(tmp_path / "one").save(tmp_path / "two")
    for name in ("scoring.json", "scoring.safetensors"):
        one, two = ((tmp_path / f / name).read_bytes() for f in ("one", "two"))
        assert one == two


def test_fact_describe_names_every_part():
    parts = json.loads(json.dumps(make("lda").describe()))
    assert [t["kind"] for t in parts["backend"]["transforms"]][1] == "Lda"
    assert parts["norm"] == {"kind": "as", "top_n": 9}
    assert parts["calibration"] is None
    cohort = parts["cohort"]
    assert (cohort["kind"], cohort["size"]) == ("speakers", N_TRAIN)
    assert cohort["source"] == "training"
    assert make(norm=ScoreNorm()).describe()["cohort"] is None


def rewrite(folder, change):
    path = folder / "scoring.json"
    settings = json.loads(path.read_text())
    change(settings)
    path.write_text(json.dumps(settings))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda s: s.update(colour=1), r"unexpected \['colour'\]"),
        (lambda s: s.pop("norm"), r"missing \['norm'\]"),
        (lambda s: s["norm"].update(x=1), r"norm of .*unexpected \['x'\]"),
        (lambda s: s["norm"].update(top_n=31), "top_n is 31, but the cohort"),
        (lambda s: s["norm"].update(top_n=9.0), "top_n is 9.0"),
        (lambda s: s["norm"].update(kind="q"), "kind is 'q'"),
        (lambda s: s["cohort"].update(fingerprint="0"), "another cohort than"),
        (lambda s: s.update(cohort=None), r"1 arrays .* \(first: 'cohort'\)"),
        (lambda s: s.update(norm=5), "value of another type than was written"),
        (lambda s: s["backend"].update(scorer=[1]), "value of another type"),
        (lambda s: s.update(calibration={}), "missing .*'offset'"),
        (lambda s: s["calibration"].update(scale=-1), "scale of the calib"),
        (lambda s: s["backend"]["scorer"].update(kind="os"), "'os', which is"),
        (lambda s: s["backend"].pop("scorer"), r"missing \['scorer'\]"),
    ],
)
def test_changed_settings_are_refused(change, match, tmp_path):
    calibrated()[0].save(tmp_path)
    rewrite(tmp_path, change)
    with pytest.raises(ValueError, match=match):
        ScoringSystem.load(tmp_path)


def test_a_changed_cohort_is_refused(tmp_path):
    make().save(tmp_path)
    path = tmp_path / "scoring.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is damaged, or not of the same"):
        ScoringSystem.load(tmp_path)


def test_a_calibration_keeps_the_norm_it_was_fitted_with():
    calibration = calibrated()[0].calibration
    with pytest.raises(ValueError, match="depends on cohort means, but the"):
        ScoringSystem(cosine_backend(False), calibration=calibration)


def test_a_calibration_with_unknown_qualities_is_refused():
    strange = Calibration(1.0, 0.0, ("noise",), (1.0,))
    with pytest.raises(ValueError, match=r"no measures with .*\['noise'\]"):
        ScoringSystem(cosine_backend(False), calibration=strange)


def test_durations_that_the_calibration_needs_are_asked_for():
    system, _ = calibrated()
    with pytest.raises(ValueError, match=r"depends on \['log_duration'\]"):
        system.score_trials(EMBEDDINGS, TRIALS)
    with pytest.raises(ValueError, match=r"depends on \['log_duration'\]"):
        system.score_pairs(TEST, TEST, enroll_s=np.ones(len(TEST)))


def test_sides_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match=r"\(40, 10\) cannot .*\(39, 10\)"):
        make().score_pairs(TEST, TEST[1:])


def test_a_back_end_that_is_not_fitted_is_refused():
    with pytest.raises(ValueError, match="call fit first"):
        ScoringSystem(cosine_backend()).score_pairs(TEST, TEST)
