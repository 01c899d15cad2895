"""Mixtures on disk: tables, stretches, enrolled speech, refusals."""

import numpy as np
import pytest
import soundfile
import torch

from speechbrain_denokd.separation.premixed import (
    PremixedCorpus,
    PremixedRow,
    PremixedSet,
    read_premixed,
)

HEADER = "mixture_ID,mixture_path,source_1_path,source_2_path,length\n"
NAMES = ("10-1-1_20-1-1", "10-1-2_30-1-1", "20-1-2_30-1-2")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """LibriMix's layout: three mixtures of three speakers."""
    folder, rng = tmp_path_factory.mktemp("libri"), np.random.default_rng(0)
    lines = []
    for name in NAMES:
        sources = 0.1 * rng.standard_normal((2, 1600 + 100 * len(lines)))
        parts = {"mix": sources.sum(0), "s1": sources[0], "s2": sources[1]}
        for part, wav in parts.items():
            (folder / part).mkdir(exist_ok=True)
            path = folder / part / f"{name}.wav"
            soundfile.write(path, wav, 16000, subtype="FLOAT")
        paths = ",".join(f"{part}/{name}.wav" for part in parts)
        lines.append(f"{name},{paths},{len(sources[0])}")
    (folder / "test.csv").write_text(HEADER + "\n".join(lines) + "\n")
    return folder


def test_fact_librimixs_table_is_read_as_it_is(corpus):
    rows = read_premixed(corpus / "test.csv", corpus)
    assert [row.id for row in rows] == list(NAMES)
    assert rows[1].spk_ids == ("10", "30")
    assert rows[2].mixture == str(corpus / "mix" / f"{NAMES[2]}.wav")


def test_fact_whole_mixtures_are_the_sum_of_their_sources(corpus):
    mixtures = PremixedSet(read_premixed(corpus / "test.csv", corpus))
    for index, length in enumerate((1600, 1700, 1800)):
        item = mixtures[index]
        assert item["sources"].shape == (2, length)
        torch.testing.assert_close(item["sig"], item["sources"].sum(0))
    assert item["genders"] == "unknown" and "enroll" not in item


def test_law_stretches_of_mixture_and_sources_are_the_same(corpus):
    rows = read_premixed(corpus / "test.csv", corpus)
    crops = PremixedSet(rows, crop_s=0.05, seed=1)
    found = [crops[epoch, 2] for epoch in range(4)]
    for item in found:
        assert item["sig"].shape == (800,)
        torch.testing.assert_close(item["sig"], item["sources"].sum(0))
    assert not torch.equal(found[0]["sig"], found[1]["sig"])
    assert torch.equal(found[0]["sig"], crops[0, 2]["sig"])
    longer = PremixedSet(rows, crop_s=0.15)[1, 0]["sig"]  # of 1,600 samples
    assert torch.equal(longer[1600:], longer[:800])


def test_law_enrolled_are_the_same_speaker_in_another_mixture(corpus):
    rows = read_premixed(corpus / "test.csv", corpus)
    mixtures = PremixedSet(rows, enroll_s=0.1)
    others = {(0, 0): (1, 0), (0, 1): (2, 0), (1, 1): (2, 1)}
    for (row, k), (other, j) in others.items():
        whole = mixtures[other]["sources"][j]
        enroll = mixtures[row]["enroll"][k]
        assert any(
            torch.equal(enroll, whole[start : start + 1600])
            for start in range(len(whole) - 1600 + 1)
        )


def test_fact_a_corpus_has_its_tables(corpus):
    table = str(corpus / "test.csv")
    found = PremixedCorpus(str(corpus), table, table, {"eval": table}, n_dev=2)
    assert len(found.train(0.05, 1, None)) == 3
    assert len(list(found.dev(None))) == 2
    # Of two mixtures, a speaker would be in one alone: the third enrolls.
    assert len(list(found.dev(0.1))) == 2
    assert {n: len(t) for n, t in found.tests(0.1).items()} == {"eval": 3}


def test_fact_speakers_and_genders_may_be_columns(tmp_path):
    (tmp_path / "t.csv").write_text(
        "mixture_ID,mixture_path,source_1_path,source_2_path,"
        "speaker_1,speaker_2,gender_1,gender_2\n"
        "m1,m.wav,1.wav,2.wav,ann,bob,f,m\n"
    )
    [row] = read_premixed(tmp_path / "t.csv", tmp_path)
    assert (row.spk_ids, row.genders) == (("ann", "bob"), ("f", "m"))


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("10-1_20-1,m.wav,,2.wav,9", "line 2: no value for source_1_path"),
        ("mixture7,m.wav,1.wav,2.wav,9", "'mixture7' does not name the speak"),
        ("10-1_10-2,m.wav,1.wav,2.wav,9", r"10\|10 are not all different"),
        ("a-1_b-1,m,1,2,9\na-1_b-1,m,1,2,9", "a-1_b-1 is there twice"),
    ],
)
def test_wrong_rows_are_named(tmp_path, line, fault):
    (tmp_path / "t.csv").write_text(HEADER + line + "\n")
    with pytest.raises(ValueError, match=fault):
        read_premixed(tmp_path / "t.csv", tmp_path)


def test_sources_of_other_lengths_are_refused(corpus):
    paths = [str(corpus / "mix" / f"{name}.wav") for name in NAMES]
    row = PremixedRow("m", paths[0], (paths[1], paths[0]), ("a", "b"))
    with pytest.raises(ValueError, match="m and its sources have 1600 to 1700"):
        PremixedSet([row])[0]
    with pytest.raises(ValueError, match="2 speakers .* alone \\(first: a\\)"):
        PremixedSet([row], enroll_s=1.0)
    with pytest.raises(ValueError, match="table of mixtures is empty"):
        PremixedSet([])
