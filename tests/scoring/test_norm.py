"""Score normalisation."""

import numpy as np
import pytest

from speechbrain_denokd.scoring.cosine import Cosine
from speechbrain_denokd.scoring.norm import (
    CohortStatistics,
    ScoreNorm,
    check_norm,
    cohort_statistics,
    normalise,
)

# Scores of the two sides of one trial against a cohort of five.
ENROLL = np.array([[0.5, 0.4, 0.3, 0.2, 0.1]])
TEST = np.array([[0.6, 0.2, 0.1, 0.0, -0.1]])
SCORE = np.array([0.8])


class Product:
    """Scores that are products, so that a unit cohort gives the embedding.

    Not symmetric: it adds the number of recordings of the enrolment side.
    """

    def __init__(self):
        self.calls = []

    def score_matrix(self, enroll, test, n_enroll=None):
        self.calls.append((enroll, test))
        scores = enroll @ test.T
        return scores if n_enroll is None else scores + n_enroll[:, None]


def statistics(scores, top_n=None):
    """Of cohort scores that are given: those of a unit cohort."""
    return cohort_statistics(Product(), scores, np.eye(scores.shape[1]), top_n)


@pytest.mark.parametrize(
    ("kind", "top_n", "expected"),
    [
        ("none", None, 0.8),
        ("z", None, 3.53553391),
        ("t", None, 2.64833884),
        ("s", None, 3.09193637),
        ("as", 3, 3.60676487),  # 2.94491118 with unbiased deviations
    ],
)
def test_fact_a_trial_by_hand(kind, top_n, expected):
    sides = statistics(ENROLL, top_n), statistics(TEST, top_n)
    assert normalise(SCORE, *sides, kind)[0] == pytest.approx(expected)


def sorted_statistics(embeddings, cohort, top_n):
    """The whole matrix, sorted, in float64."""
    sides = [
        x / np.linalg.norm(x, axis=1, keepdims=True)
        for x in (embeddings.astype(float), cohort.astype(float))
    ]
    best = np.sort(sides[0] @ sides[1].T, axis=1)[:, ::-1][:, :top_n]
    return best.mean(axis=1), best.std(axis=1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("top_n", [2, 30, 69, 70, None])
def test_reference_whole_matrix_sorted(top_n, dtype):
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(600, 12)).astype(dtype)
    cohort = rng.normal(size=(70, 12)).astype(dtype)
    found = cohort_statistics(Cosine(), embeddings, cohort, top_n)
    expected = sorted_statistics(embeddings, cohort, top_n)
    atol = 1e-6 if dtype is np.float32 else 1e-12
    np.testing.assert_allclose(found, expected, rtol=0, atol=atol)


@pytest.mark.parametrize("side", ["enroll", "test"])
def test_law_blocks_bound_the_memory_and_change_nothing(side):
    rng = np.random.default_rng(1)
    embeddings, cohort = rng.normal(size=(37, 4)), rng.normal(size=(9, 4))
    whole = cohort_statistics(Cosine(), embeddings, cohort, 3, side)
    for block_bytes in (0, 8 * 9 * 5, 8 * 9 * 36):
        scorer = Product()
        cohort_statistics(
            scorer, embeddings, cohort, 3, side, block_bytes=block_bytes
        )
        sizes = [8 * len(e) * len(t) for e, t in scorer.calls]
        assert max(sizes) <= max(block_bytes, 8 * 9)
        parts = cohort_statistics(
            Cosine(), embeddings, cohort, 3, side, block_bytes=block_bytes
        )
        np.testing.assert_allclose(parts, whole, rtol=1e-12)


def test_fact_the_utterances_take_the_side_that_is_asked_for():
    """With recordings counted on the enrolment side, whichever that is."""
    rng = np.random.default_rng(2)
    embeddings, cohort = rng.normal(size=(8, 3)), rng.normal(size=(5, 3))
    counts = {"enroll": np.arange(8), "test": np.arange(5)}
    added = {"enroll": np.arange(8)[:, None], "test": np.arange(5)}
    for side in counts:
        scores = embeddings @ cohort.T + added[side]
        found = cohort_statistics(
            Product(), embeddings, cohort, None, side, counts[side], 8 * 5 * 3
        )
        np.testing.assert_allclose(found.mean, scores.mean(axis=1))
        np.testing.assert_allclose(found.std, scores.std(axis=1))


def test_law_float32_is_not_widened_on_the_way():
    scorer = Product()
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    cohort_statistics(scorer, x, x)
    assert [side.dtype for side in scorer.calls[0]] == [np.float32] * 2


@pytest.mark.parametrize(("kind", "top_n"), [("s", None), ("as", 4)])
def test_law_both_sides_count_alike(kind, top_n):
    rng = np.random.default_rng(3)
    one, two = (statistics(rng.normal(size=(6, 9)), top_n) for _ in range(2))
    scores = rng.normal(size=6)
    np.testing.assert_allclose(
        normalise(scores, one, two, kind), normalise(scores, two, one, kind)
    )


@pytest.mark.parametrize("kind", ["z", "t", "s", "as"])
def test_law_the_unit_of_the_scores_does_not_matter(kind):
    rng = np.random.default_rng(4)
    matrices = rng.normal(size=(2, 6, 9))
    scores = rng.normal(size=6)
    top_n = 4 if kind == "as" else None
    first, second = (
        normalise(
            scale * scores + shift,
            *(statistics(scale * m + shift, top_n) for m in matrices),
            kind,
        )
        for scale, shift in ((1, 0), (20, -7))
    )
    np.testing.assert_allclose(first, second, rtol=1e-9)


def test_law_z_needs_no_test_side_and_t_no_enrolment():
    side = statistics(ENROLL)
    z = normalise(SCORE, side, None, "z")
    assert z == normalise(SCORE, None, side, "t")


def test_scores_are_copied_even_without_a_norm():
    scores = np.array([1.0, 2.0])
    normalise(scores, None, None, "none")[0] = 7
    assert scores.tolist() == [1, 2]


def test_take_repeats_rows():
    taken = CohortStatistics(np.arange(3.0), np.ones(3)).take([2, 0, 2])
    assert taken.mean.tolist() == [2, 0, 2]


def test_an_utterance_that_scores_all_the_cohort_alike_is_named():
    scores = np.random.default_rng(0).normal(size=(300, 5))
    scores[270, 1:] = 0.25  # the only highest four
    scores[270, 0] = -1
    with pytest.raises(ValueError, match="1 of 300 .* utterance 270, all 0.25"):
        statistics(scores, top_n=4)
    assert statistics(scores).std[270] == pytest.approx(0.5)


def test_repeated_cohort_rows_are_alike_in_float32_too():
    rng = np.random.default_rng(0)
    cohort = np.repeat(rng.normal(size=(1, 192)), 5, axis=0)
    x = rng.normal(size=(3, 192))
    with pytest.raises(ValueError, match="3 of 3 utterances are all alike"):
        cohort_statistics(
            Cosine(), x.astype(np.float32), cohort.astype(np.float32)
        )


@pytest.mark.filterwarnings("ignore:invalid value encountered")
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("top_n", [None, 5])
def test_scores_that_are_not_finite_are_named(value, top_n):
    scores = np.random.default_rng(0).normal(size=(4, 5))
    scores[2, 3] = value
    scorer = type("Fixed", (), {"score_matrix": lambda *_: scores})()
    with pytest.raises(ValueError, match=r"1 of 4 .* utterance 2\)"):
        cohort_statistics(scorer, np.eye(4), np.eye(5), top_n)


@pytest.mark.parametrize(
    ("top_n", "side", "match"),
    [
        (6, "enroll", "top_n is 6, but the cohort has 5 rows; give at most 5"),
        (1, "enroll", "two cohort scores, but top_n is 1"),
        (2.0, "enroll", "top_n is 2.0; give a whole number"),
        (2, "both", r"side is 'both'; give one of \['enroll', 'test'\]"),
    ],
)
def test_statistics_that_do_not_exist_are_refused(top_n, side, match):
    with pytest.raises(ValueError, match=match):
        cohort_statistics(Product(), ENROLL, np.eye(5), top_n, side)


@pytest.mark.parametrize(
    ("sides", "kind", "match"),
    [
        ((1, 1), "x", "kind is 'x'; give one of"),
        ((0, 1), "z", "'z' of 2 scores .* shape None for the enroll side"),
        ((1, 0), "as", "'as' of 2 scores .* shape None for the test side"),
        ((1, 2), "s", r"shape \(3,\) for the test side; give one mean"),
    ],
)
def test_missing_statistics_are_refused(sides, kind, match):
    choices = [
        None,
        *(CohortStatistics(np.zeros(n), np.ones(n)) for n in (2, 3)),
    ]
    with pytest.raises(ValueError, match=match):
        normalise(np.zeros(2), *(choices[side] for side in sides), kind)


@pytest.mark.parametrize(
    ("norm", "size", "match"),
    [
        (ScoreNorm("zt"), 9, "kind is 'zt'"),
        (ScoreNorm("none"), 9, "'none' comes with a cohort of 9 rows"),
        (ScoreNorm("z"), 0, "'z' comes with a cohort of 0 rows"),
        (ScoreNorm("as"), 9, "'as' comes with top_n = None"),
        (ScoreNorm("s", 3), 9, "'s' comes with top_n = 3"),
        (ScoreNorm("as", 10), 9, "top_n is 10, but the cohort has 9"),
        (ScoreNorm("t"), 1, "the cohort has 1 rows; give 2 or more"),
    ],
)
def test_norms_that_cannot_be_are_refused(norm, size, match):
    with pytest.raises(ValueError, match=match):
        check_norm(norm, size)
