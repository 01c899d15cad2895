import json

from speechbrain_denokd.data.trial_report import Finding, TrialReport, counted

PROBLEM = Finding("error", "same_file", "2 of 9.", {"count": 2})
ODDITY = Finding("warning", "odd", "1 of 9.", {"count": 1})
FACT = Finding("fact", "trials", "9 | 3", {"n": 9})


def test_fact_the_page():
    report = TrialReport((FACT, ODDITY, PROBLEM))
    assert report.as_markdown() == (
        "# Trial list\n\n"
        "Errors: 1. Warnings: 1.\n\n"
        "## Errors\n\n"
        "- **same file**: 2 of 9.\n\n"
        "## Warnings\n\n"
        "- **odd**: 1 of 9.\n\n"
        "| fact   | value  |\n"
        "| ------ | ------ |\n"
        "| trials | 9 \\| 3 |\n"
    )


def test_law_json_gives_it_back():
    report = TrialReport((FACT, ODDITY, PROBLEM))
    record = json.loads(json.dumps(report.as_dict()))
    assert record["has_errors"] is True
    found = tuple(Finding(**finding) for finding in record["findings"])
    assert found == report.findings


def test_fact_only_an_error_is_one():
    assert TrialReport((FACT, PROBLEM)).has_errors
    assert not TrialReport((FACT, ODDITY)).has_errors
    assert TrialReport(()).as_markdown().endswith("Errors: 0. Warnings: 0.\n")


def test_fact_a_thousand_offenders():
    seen = []

    def clause(offender):
        seen.append(offender)
        return f"<{offender}>"

    [found] = counted("error", "e", range(1006), 2000, "files", "Gone", clause)
    assert found.text == (
        "1,006 of 2,000 files. Gone: <0>; <1>; <2>; <3>; <4>; and 1,001 more."
    )
    assert found.values == {"count": 1006, "of": 2000}
    # Words for half a million offenders would cost seconds.
    assert seen == [0, 1, 2, 3, 4]


def test_fact_five_offenders_are_all_named():
    [five] = counted("error", "e", "abcde", 9, "files", "Gone")
    assert five.text.endswith("Gone: a; b; c; d; e.")
    [six] = counted("error", "e", "abcdef", 9, "files", "Gone")
    assert six.text.endswith("Gone: a; b; c; d; e; and 1 more.")


def test_fact_no_offender_no_finding():
    assert list(counted("error", "e", [], 3, "files", "Gone")) == []
