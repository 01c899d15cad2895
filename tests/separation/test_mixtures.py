"""Mixtures drawn from the bundled corpus: fixed ones, and new ones."""

import torch

from speechbrain_denokd.data.corpus import Corpus
from speechbrain_denokd.separation.mixtures import DrawnMixtures

ROOT = "tests/samples"


def drawn(**changes):
    corpus = Corpus(
        ROOT,
        f"{ROOT}/train.csv",
        {"manifest": f"{ROOT}/dev.csv"},
        {"test": {"manifest": f"{ROOT}/test.csv"}},
    )
    options = {"n_dev": 6, "n_test": 3, "duration_s": 1.0} | changes
    return DrawnMixtures(corpus, **options)


def test_law_dev_is_the_same_twice_and_balanced():
    first, again = drawn().dev(None), drawn().dev(None)
    assert [item["genders"] for item in first] == ["f-f", "f-m", "m-m"] * 2
    for item, other in zip(first, again, strict=True):
        assert torch.equal(item["sig"], other["sig"])
        assert all(name.startswith("dev") for name in item["spk_ids"])
        torch.testing.assert_close(item["sig"], item["sources"].sum(0))
    other_seed = drawn(seed=1).dev(None)
    assert not torch.equal(other_seed[0]["sig"], first[0]["sig"])


def test_law_enrolment_leaves_the_mixtures_as_they_are():
    plain, enrolled = drawn().tests(None)["test"], drawn().tests(0.5)["test"]
    assert len(plain) == len(enrolled) == 3
    for item, other in zip(plain, enrolled, strict=True):
        assert torch.equal(item["sig"], other["sig"])
        assert item["spk_ids"] == other["spk_ids"]
        assert other["enroll"].shape == (2, 8000)


def test_law_training_mixtures_have_the_ratios_asked_for():
    crops = drawn(sir_db=(3.0, 3.0)).train(0.5, 1, None)
    assert len(crops) == 512
    first, later = crops[1, 0], crops[2, 0]
    assert not torch.equal(first["sig"], later["sig"])
    louder, softer = first["sources"].square().mean(1)
    # The ratio is of the speech, pauses left out: near, and never swapped.
    assert 1 < louder / softer < 4
    assert crops[1, 0]["sources"].shape == (2, 8000)
    assert drawn().train(0.5, 1, 0.25)[1, 0]["enroll"].shape == (2, 4000)
