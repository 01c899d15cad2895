import numpy as np
import pytest

from speechbrain_denokd.data.manifest import Utterance
from speechbrain_denokd.data.table import ManifestError
from speechbrain_denokd.overlap.mixtures import (
    COLUMNS,
    Mixture,
    Source,
    read_mixtures,
    source_rows,
    write_mixtures,
)

ROWS = [
    Utterance("a1", 3.0, "a.wav", 1000, 49000, "ann"),
    Utterance("b1", 2.0, "b.wav", 0, 32000, "bob"),
    Utterance("c1", 2.0, "c.wav", 0, None, "cyd"),
    Utterance("a2", 2.0, "a2.wav", 0, 32000, "ann"),
]
GOOD = "m1,2.5,a1|b1,0|0.5,2|1.5,0|1,0|-3.5,ann|bob"


HEADER = ",".join(COLUMNS)


def write(folder, *rows, header=HEADER):
    path = folder / "mixtures.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_fact_rows(tmp_path):
    [mixture] = read_mixtures(write(tmp_path, GOOD), ROWS)
    assert mixture == Mixture(
        "m1",
        2.5,
        (
            Source("a1", "ann", 0.0, 2.0, 0.0, 0.0),
            Source("b1", "bob", 0.5, 1.5, 1.0, -3.5),
        ),
    )
    # ann  0 ---------- 2
    # bob       1 --------- 2.5
    assert mixture.overlap == pytest.approx(1 / 2.5)
    assert mixture.spk_ids == ("ann", "bob")


def test_law_written_is_read_to_the_sample(tmp_path):
    rng = np.random.default_rng(0)
    mixtures = []
    for number in range(200):
        # The first sample of a stretch, its length, its place: in samples.
        starts, lengths = rng.integers(0, 9000, 2), rng.integers(1, 23000, 2)
        offsets = rng.permutation([0, int(rng.integers(20000))])
        gains = np.round(rng.uniform(-40, 40, 2), 4)
        sources = tuple(
            Source(row.id, row.spk_id, s / 16000, n / 16000, o / 16000, g)
            for row, s, n, o, g in zip(
                ROWS[:2],
                starts.tolist(),
                lengths.tolist(),
                offsets.tolist(),
                gains.tolist(),
                strict=True,
            )
        )
        duration = int((offsets + lengths).max()) / 16000
        mixtures.append(Mixture(f"m{number}", duration, sources))
    write_mixtures(tmp_path / "sub" / "m.csv", mixtures)
    text = (tmp_path / "sub" / "m.csv").read_text()
    assert "e-" not in text
    assert read_mixtures(tmp_path / "sub" / "m.csv", ROWS) == mixtures


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("m2,2,x|b1,0|0,2|2,0|0,0|0,ann|bob", "x is not in the manifest"),
        ("m2,2,a1|b1,0|0,2|2,0|0,0|0,ann|eve", "b1 is of speaker bob, not eve"),
        ("m2,2,a1|a2,0|0,2|2,0|0,0|0,ann|ann", "ann.ann are not all diff"),
        ("m2,2,a1,0,2,0,0,ann", "needs two sources, this one has 1"),
        ("m2,2,a1|b1,0,2|2,0|0,0|0,ann|bob", "starts_s has 1 values for 2"),
        ("m2,2,a1|b1,0|0,2|2,0|0,0|0,ann", "spk_ids has 1 values for 2"),
        ("m2,2,a1|b1,0|x,2|2,0|0,0|0,ann|bob", "starts_s 'x' is not a number"),
        ("m2,2,a1|b1,0|0,2|2,0|-1,0|0,ann|bob", "offsets_s -1 is below 0"),
        ("m2,2,a1|b1,0|0,2|2,0|0,0|inf,ann|bob", "gains_db inf is not a fini"),
        ("m2,2,a1|b1,0|0,2|0,0|0,0|0,ann|bob", "b1 lasts no sample"),
        ("m2,2,a1|b1,1.5|0,2|2,0|0,0|0,ann|bob", "a1 lasts 3 s.* 1.5 to 3.5"),
        ("m2,2,a1|b1,0|0.0001,2|2,0|0,0|0,ann|bob", "b1 lasts 2 s"),
        ("m2,2.2,a1|c1,0|0,2|2.2,0|0,0|0,ann|cyd", "c1 lasts 2 s"),
        ("m2,2.5,a1|b1,0|0,2|2,0|0,0|0,ann|bob", "2.5 s, but .* end at 2 s"),
        ("m2,0,a1|b1,0|0,2|2,0|0,0|0,ann|bob", "duration 0 is not a positive"),
        ("m 2,2,a1|b1,0|0,2|2,0|0,0|0,ann|bob", "ID 'm 2' has white space"),
        ("a1,2,a1|b1,0|0,2|2,0|0,0|0,ann|bob", "ID a1 is also an utterance's"),
        ("m1,2,a1|b1,0|0,2|2,0|0,0|0,ann|bob", "ID m1 is also on line 2"),
        ("m2,2,a1|b1,0|0,2|2,0|0,0|0", "no value for spk_ids"),
        ("m2,2,,0|0,2|2,0|0,0|0,ann|bob", "no value for sources"),
        ("m2,2,a1|b1,0|0,2|2,0|0,0|0,ann|bob,x", "more values than columns"),
    ],
)
def test_one_wrong_row(tmp_path, row, message):
    path = write(tmp_path, GOOD, row, GOOD.replace("m1", "m3"))
    with pytest.raises(
        ManifestError, match=rf"1 of 3 row.*line 3: .*{message}"
    ):
        read_mixtures(path, ROWS)


def test_fact_without_stop_a_tenth_passes(tmp_path):
    row = "m1,2.05,b1|c1,0|0,2|2.05,0|0,0|0,bob|cyd"
    assert read_mixtures(write(tmp_path, row), ROWS)[0].duration == 2.05


def test_first_five_and_the_count(tmp_path):
    wrong = [
        GOOD.replace("b1", f"x{n}").replace("m1", f"w{n}") for n in range(7)
    ]
    with pytest.raises(ManifestError, match="7 of 8.*x0 .*x4 .*and 2 more"):
        read_mixtures(write(tmp_path, GOOD, *wrong), ROWS)


def test_missing_columns(tmp_path):
    path = write(tmp_path, "m1,2", header="ID,duration")
    with pytest.raises(ManifestError, match="lacks the column.* sources, st"):
        read_mixtures(path, ROWS)


def test_a_separator_in_a_name_is_refused(tmp_path):
    source = Source("a|1", "ann", 0.0, 1.0, 0.0, 0.0)
    with pytest.raises(ValueError, match=r"ID 'a\|1' of mixture m1 has a"):
        write_mixtures(tmp_path / "m.csv", [Mixture("m1", 1.0, (source,))])


def test_utterances_of_another_manifest_are_named():
    source = Source("z1", "zoe", 0.0, 1.0, 0.0, 0.0)
    with pytest.raises(ValueError, match=r"1 utterances .* \(first: z1\)"):
        source_rows([Mixture("m1", 1.0, (source,))], ROWS)
