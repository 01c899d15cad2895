"""Records of cells: which tests, which row is the best."""

import pytest

from speechbrain_denokd.table.records import best_on_dev, of_test, shown_tests

TRAINED = {
    "row": "kd",
    "folder": "out/kd/1",
    "tests": {"O": {"full": 1}, "H": {"full": 2}},
}
EVALUATED = {
    "row": "teacher",
    "folder": "out/t/model",
    "tests": {"": {"full": 3}},
}


def test_fact_evaluated_models_stand_among_the_first_test():
    records = [EVALUATED, TRAINED]
    first = of_test(records, "O", is_first=True)
    assert [r["conditions"]["full"] for r in first] == [3, 1]
    assert [r["scores"] for r in first] == ["out/t/model", "out/kd/1/O"]
    [second] = of_test(records, "H", is_first=False)
    assert second["test"] == "H" and "tests" not in second


def test_fact_evaluated_models_alone_are_a_table():
    assert shown_tests([EVALUATED]) == ["test"]
    [record] = of_test([EVALUATED], "test", is_first=True)
    assert record["conditions"] == {"full": 3}


def test_fact_the_reference_is_chosen_by_its_mean_on_dev():
    """One lucky seed does not make a row the best; tests are not looked at."""
    dev = {"a": (0.1, 0.4), "b": (0.2, 0.2), "c": (0.01, 0.01)}
    records = [
        {"row": row, "dev_eer": eer, "tests": {"O": {"full": {"eer": 1 - eer}}}}
        for row, eers in dev.items()
        for eer in eers
    ]
    best, eers = best_on_dev(records, ["a", "b", "not_run"])
    assert best == "b"
    assert eers == {"a": pytest.approx(0.25), "b": 0.2}
    assert best_on_dev(records, ["not_run"]) == (None, {})


def test_error_a_test_set_that_was_not_run():
    with pytest.raises(ValueError, match="test 'E'; use one of: O, H"):
        shown_tests([TRAINED], ["E"])
