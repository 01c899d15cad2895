"""RTTM files."""

import pytest

from speechbrain_denokd.diarization.rttm import rttm_text, write_rttm
from speechbrain_denokd.diarization.segments import Segment


def test_fact_a_line_has_ten_fields(tmp_path):
    segments = [Segment(0, 1.5, "ann"), Segment(3661.0004, 3662.25, "bob")]
    write_rttm(tmp_path / "new" / "a.rttm", "call", segments)
    lines = (tmp_path / "new" / "a.rttm").read_text().splitlines()
    assert lines == [
        "SPEAKER call 1 0.000 1.500 <NA> <NA> ann <NA> <NA>",
        "SPEAKER call 1 3661.000 1.250 <NA> <NA> bob <NA> <NA>",
    ]


def test_law_neighbours_still_meet_after_rounding():
    edges = [0.1 + 0.3333333 * i for i in range(20)]
    segments = [
        Segment(start, stop, "ann")
        for start, stop in zip(edges, edges[1:], strict=False)
    ]
    fields = [line.split() for line in rttm_text("a", segments).splitlines()]
    ends = [round(float(f[3]) + float(f[4]), 3) for f in fields]
    assert ends[:-1] == [float(f[3]) for f in fields[1:]]


def test_fact_silence_is_an_empty_file():
    assert rttm_text("call", []) == ""


@pytest.mark.parametrize("name", ["ann lee", "", " ann", "a\tb"])
def test_fact_names_that_split_fields_are_refused(name):
    with pytest.raises(ValueError, match="cannot stand in an RTTM file"):
        rttm_text("call", [Segment(0, 1, name)])
    with pytest.raises(ValueError, match="cannot stand in an RTTM file"):
        rttm_text(name, [Segment(0, 1, "ann")])
