import numpy as np
import pytest
import soundfile

from speechbrain_denokd.data.manifest import Utterance
from speechbrain_denokd.overlap.levels import measured_sir_db
from speechbrain_denokd.overlap.mixture_set import add_up
from speechbrain_denokd.overlap.plan import (
    MixturePlan,
    MixtureShape,
    make_mixtures,
)
from tests.overlap.voices import voices


@pytest.mark.parametrize("n_sources", [2, 3])
def test_law_a_mixture_is_what_was_planned(tmp_path, n_sources):
    rows = voices(tmp_path, "fmf", 1, 1)[:n_sources]
    shape = MixtureShape(0.2, overlaps=(0.6,), sir_db=(-20, 20))
    rng = np.random.default_rng(3)
    plans = [shape.plan(f"m{n}", rows, 0.6, rng) for n in range(12)]
    by_id = {row.id: row for row in rows}
    orders, lowered = set(), 0
    for plan, mixture in zip(plans, make_mixtures(plans), strict=True):
        assert mixture.id == plan.id and mixture.duration == 0.2
        assert mixture.overlap == pytest.approx(0.6, abs=1e-3)
        names = [source.utterance for source in mixture.sources]
        assert names == [row.id for row in plan.rows]
        orders.add(tuple(names))
        mixed = add_up(mixture, [by_id[name] for name in names])
        assert np.abs(mixed.mixture).max() <= 1
        heard = [
            source[offset : offset + plan.length]
            for source, offset in zip(mixed.sources, plan.offsets, strict=True)
        ]
        found = measured_sir_db(heard, plan.offsets)
        assert found.tolist() == pytest.approx(plan.sir_db, abs=2e-4)
        assert max(map(abs, plan.sir_db)) <= 20
        lowered += mixture.sources[0].gain_db < 0
    assert len(orders) > 1
    assert lowered


def test_law_starts_reach_both_ends(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.full(3203, 0.5), 16000)
    rows = [
        Utterance(name, 0.2, str(path), 0, stop, name)
        for name, stop in (("ann", 3203), ("bob", None))
    ]
    shape = MixtureShape(0.2, overlaps=(1.0,))
    rng = np.random.default_rng(0)
    starts = {
        s for _ in range(60) for s in shape.plan("m", rows, 1.0, rng).starts
    }
    assert starts == {0, 1, 2, 3}


def test_silence_is_named(tmp_path):
    path = tmp_path / "mute.wav"
    soundfile.write(path, np.zeros(900), 16000)
    row = Utterance("mute", 0.05, str(path), 50, 900, "ann")
    plan = MixturePlan("m1", (row,), 800, (10,), (0,), ())
    with pytest.raises(
        ValueError, match="mute.wav is silent from sample 60 to 860.* mute out"
    ):
        make_mixtures([plan])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"overlaps": ()}, "overlaps is empty"),
        ({"overlaps": (0.5, 2)}, "overlap is 2: choose a share"),
        ({"sir_db": (5, -5)}, "sir_db is 5 to -5"),
        ({"duration_s": 0}, "2 sources cannot be laid out over 0"),
    ],
)
def test_impossible_shapes(options, message):
    with pytest.raises(ValueError, match=message):
        MixtureShape(**options)
