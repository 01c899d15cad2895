import pytest

from speechbrain_denokd.data.files import (
    first_offenders,
    threaded_map,
    write_whole,
)


def test_law_order_is_kept_over_blocks():
    items = list(range(25_001))
    assert threaded_map(lambda n: n + 1, items) == list(range(1, 25_002))


def test_errors_come_through():
    with pytest.raises(ZeroDivisionError):
        threaded_map(lambda n: 1 // n, [1, 0, 2])


def test_fact_first_offenders():
    assert first_offenders(list("abcde")) == "a; b; c; d; e"
    assert first_offenders(list("abcdefg")) == "a; b; c; d; e; and 2 more"


def test_law_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    write_whole(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "half \ud800")
    assert path.read_text() == "old"
