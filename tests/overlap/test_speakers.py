from collections import Counter
from itertools import permutations, product

import numpy as np
import pytest

from speechbrain_denokd.data.manifest import Utterance
from speechbrain_denokd.overlap.speakers import SpeakerPool, n_samples
from tests.overlap.voices import paper_rows
from tests.tiny import ramp_file


def pool_of(kinds):
    """Speakers of kinds such as ``f2``: gender and number of utterances."""
    return SpeakerPool(
        [
            row
            for number, kind in enumerate(kinds)
            for row in paper_rows(" " * number + kind[0], 1, int(kind[1]))
            if row.spk_id == f"s{number}"
        ]
    )


@pytest.mark.parametrize(
    "kinds",
    [("f2", "f1", "m2", "m1"), ("f1", "f1", "m2"), ("f2", "f2", "f1", "m1")],
)
def test_reference_can_draw_by_trying_everything(kinds):
    pool = pool_of(kinds)
    for genders in product("fm", repeat=3):
        for needed in product((1, 2), repeat=3):
            possible = any(
                all(
                    kind[0] == gender and int(kind[1]) >= n
                    for kind, gender, n in zip(
                        chosen, genders, needed, strict=True
                    )
                )
                for chosen in permutations(kinds, 3)
            )
            assert pool.can_draw(genders, needed) == possible
            for seed in range(5 if possible else 0):
                rng = np.random.default_rng(seed)
                speakers = pool.draw(genders, needed, rng)
                assert len(set(speakers)) == 3
                assert [pool.gender_of[s] for s in speakers] == list(genders)
                assert all(
                    len(pool.rows_of[s]) >= n
                    for s, n in zip(speakers, needed, strict=True)
                )


def test_law_all_speakers_are_equally_likely():
    pool = SpeakerPool(paper_rows("fffm") + paper_rows("f", 9, 9))
    rng = np.random.default_rng(0)
    counts = Counter(pool.draw(["f"], [1], rng)[0] for _ in range(600))
    assert set(counts) == {"s0", "s1", "s2"}
    assert all(count == pytest.approx(200, abs=45) for count in counts.values())
    anybody = {pool.draw([None], [1], rng)[0] for _ in range(60)}
    assert anybody == {"s0", "s1", "s2", "s3"}


def test_fact_another_utterance_of_another_session():
    pool = SpeakerPool(paper_rows("f", n_sessions=2, n_each=2))
    rng = np.random.default_rng(0)
    first = pool.rows_of["s0"][0]
    found = {pool.utterance("s0", rng, first).id for _ in range(50)}
    assert found == {"s0-1-0", "s0-1-1"}
    # One session alone: another utterance of it.
    pool = SpeakerPool(paper_rows("f", n_sessions=1, n_each=3))
    found = {pool.utterance("s0", rng, first).id for _ in range(50)}
    assert found == {"s0-0-1", "s0-0-2"}


def test_fact_short_utterances_take_no_part(tmp_path):
    path = ramp_file(tmp_path / "a.wav", 3200)
    rows = [
        Utterance("long", 0.2, path, 0, 3200, "ann"),
        Utterance("short", 0.2, path, 1, 3200, "bob"),
        Utterance("open", 0.2, path, 0, None, "cyd"),
        Utterance("late", 0.2, path, 1, None, "dan"),
    ]
    assert list(SpeakerPool(rows, shortest_s=0.2).rows_of) == ["ann", "cyd"]
    assert [n_samples(row) for row in rows] == [3200, 3199, 3200, 3199]


def test_too_few_speakers():
    pool = SpeakerPool(paper_rows("fm"))
    with pytest.raises(ValueError, match="too few speakers of gender 'f'"):
        pool.draw(["f", "f"], [1, 1], np.random.default_rng(0))


def test_no_other_utterance():
    pool = SpeakerPool(paper_rows("f", 1, 1))
    with pytest.raises(ValueError, match="s0 has one utterance alone"):
        pool.utterance("s0", np.random.default_rng(0), pool.rows_of["s0"][0])
