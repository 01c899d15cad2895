"""The cohort of score normalisation."""

import numpy as np
import pytest

from speechbrain_denokd.scoring.cohort import (
    Cohort,
    check_no_shared_speakers,
    speaker_means,
)

EMBEDDINGS = np.random.default_rng(0).normal(size=(60, 4))
LABELS = [f"s{i % 7}" for i in range(60)]


def test_reference_means_by_masks():
    expected = [
        EMBEDDINGS[np.array(LABELS) == name].mean(axis=0)
        for name in sorted(set(LABELS))
    ]
    np.testing.assert_allclose(speaker_means(EMBEDDINGS, LABELS), expected)


def test_fact_means_are_of_the_embeddings_as_they_are():
    """The long one pulls; lengths are not normalised before."""
    means = speaker_means(np.array([[10.0, 0.0], [0.0, 1.0]]), ["a", "a"])
    assert means.tolist() == [[5.0, 0.5]]


def test_fact_means_of_float32_are_summed_in_float64():
    values = np.array([[2.0**24]] + [[1.0]] * 3, dtype=np.float32)
    assert speaker_means(values, [0] * 4)[0, 0] == (2**24 + 3) / 4


def test_law_order_of_recordings_does_not_matter():
    order = np.random.default_rng(1).permutation(60)
    np.testing.assert_allclose(
        speaker_means(EMBEDDINGS[order], [LABELS[i] for i in order]),
        speaker_means(EMBEDDINGS, LABELS),
    )


def test_law_a_drawn_cohort_is_a_part_of_the_whole_in_its_order():
    whole = Cohort.from_speakers(EMBEDDINGS, LABELS).embeddings.tolist()
    drawn = Cohort.from_speakers(EMBEDDINGS, LABELS, max_size=3)
    places = [whole.index(row) for row in drawn.embeddings.tolist()]
    assert len(places) == 3
    assert places == sorted(places)


def test_law_the_seed_decides_the_draw():
    draws = [
        Cohort.from_utterances(EMBEDDINGS, max_size=20, seed=seed).fingerprint()
        for seed in (5, 5, 6)
    ]
    assert draws[0] == draws[1] != draws[2]


def test_law_a_limit_above_the_size_keeps_all():
    few = Cohort.from_utterances(EMBEDDINGS, max_size=60)
    assert few.fingerprint() == Cohort.from_utterances(EMBEDDINGS).fingerprint()


def test_fact_fingerprint_of_three_numbers():
    """Made once with sha256sum of the line and the little-endian bytes."""
    cohort = Cohort(np.array([[1.0, -2.0, 0.5]]), "utterances")
    assert cohort.fingerprint() == (
        "1d6efc6dd3c326a247db5ea730082a75facb55e9dd10ad318dd74f66d8bbf5d0"
    )


def test_law_the_fingerprint_sees_every_bit_and_the_kind_not_the_source():
    changed = EMBEDDINGS.astype(np.float32)
    changed[59, 3] = np.nextafter(changed[59, 3], np.float32(9))
    prints = {
        Cohort(EMBEDDINGS, "speakers", "here").fingerprint(),
        Cohort(EMBEDDINGS, "speakers", "there").fingerprint(),
        Cohort(EMBEDDINGS, "utterances").fingerprint(),
        Cohort(changed, "speakers").fingerprint(),
        Cohort(EMBEDDINGS.reshape(30, 8), "speakers").fingerprint(),
    }
    assert len(prints) == 4


def test_law_a_cohort_does_not_change_with_what_it_was_made_from():
    mine = EMBEDDINGS.astype(np.float32)
    cohort = Cohort(mine, "utterances")
    before = cohort.fingerprint()
    mine[:] = 0
    assert cohort.fingerprint() == before
    with pytest.raises(ValueError, match="read-only"):
        cohort.embeddings[0] = 1


def test_law_restored_is_the_same():
    cohort = Cohort(EMBEDDINGS, "speakers", "sixty")
    again = Cohort.restore(cohort.settings(), cohort.embeddings)
    assert again.settings() == cohort.settings()


def test_a_changed_number_is_noticed():
    cohort = Cohort(EMBEDDINGS, "speakers")
    changed = cohort.embeddings.copy()
    changed[0, 0] += 1e-3
    with pytest.raises(ValueError, match="another cohort than was saved: fing"):
        Cohort.restore(cohort.settings(), changed)
    with pytest.raises(ValueError, match="size 59 instead of 60"):
        Cohort.restore(cohort.settings(), cohort.embeddings[:-1])
    with pytest.raises(ValueError, match="cohort of 60 rows are missing"):
        Cohort.restore(cohort.settings(), None)
    with pytest.raises(ValueError, match="unexpected \\['colour'\\]"):
        Cohort.restore({**cohort.settings(), "colour": 1}, EMBEDDINGS)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ((EMBEDDINGS, "people"), "kind 'people' is unknown"),
        ((EMBEDDINGS, "speakers", 7), "source of a cohort is 7"),
        ((EMBEDDINGS * np.nan, "speakers"), "60 of 60 cohort embeddings"),
        ((EMBEDDINGS[:0], "speakers"), "cohort embeddings must be a matrix"),
    ],
)
def test_what_is_no_cohort_is_refused(arguments, match):
    with pytest.raises(ValueError, match=match):
        Cohort(*arguments)


def test_a_cohort_of_nobody_is_refused():
    with pytest.raises(ValueError, match="max_size is 0"):
        Cohort.from_utterances(EMBEDDINGS, max_size=0)


def test_speakers_of_the_trials_are_refused():
    check_no_shared_speakers(["a", "b"], ["c", "d"])
    with pytest.raises(ValueError, match="2 of 3 cohort .* \\(first: 'b'\\)"):
        check_no_shared_speakers(["c", "a", "b"], iter(["x", "c", "b"]))
