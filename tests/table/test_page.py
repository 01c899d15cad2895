"""Pages of tables: what they may say."""

from pathlib import Path

import pytest

from speechbrain_denokd.table.page import needed_cell, read_table_page

ROOT = Path(__file__).parents[2]
TABLES = ROOT / "benchmarks" / "tables"


def read(tmp_path, rows):
    path = tmp_path / "page.yaml"
    path.write_text(f"setup: samples\nseeds: [1]\nrows: {rows}")
    return read_table_page(path)


# Facts


def test_fact_table_one_has_the_rows_of_the_paper():
    page = read_table_page(TABLES / "table1.yaml")
    assert [row.get("title") for row in page.rows.values()] == [
        "Teacher",
        "Student alone",
        "KD (label)",
        "KD (label + embedding)",
        "KD (label + frame)",
        "DKD",
        "DenoKD (label + embedding)",
        "DenoKD (label + frame)",
    ]
    # The plain distillations, to which the paper's gains are relative.
    assert page.reference == ("kd_label", "kd_embedding", "kd_frame")


def test_fact_true_draws_the_steps_of_every_row(tmp_path):
    rows = "{a: {page: x, overrides: {n_steps: 0}}}\nplot_steps: true"
    assert read(tmp_path, rows).plot_steps == ("a",)


def test_fact_a_needed_cell_has_the_seed_of_who_needs_it_or_its_own():
    assert needed_cell("a/{seed}/model", 3) == ("a", 3, "model")
    assert needed_cell("a/1/model/x.bin", 3) == ("a", 1, "model/x.bin")


def test_fact_a_page_takes_over_the_overrides_of_another(tmp_path):
    (tmp_path / "first.yaml").write_text(
        "setup: samples\nseeds: [1]\nrows: {a: {page: x}}\n"
        "overrides: {lr: 0.1, n_epochs: 4}"
    )
    rows = "{b: {page: x}}\noverrides_of: first.yaml\noverrides: {lr: 0.2}"
    page = read(tmp_path, rows)
    assert page.overrides == {"lr": 0.2, "n_epochs": 4}
    assert list(page.rows) == ["b"]


# Errors


@pytest.mark.parametrize(
    "rows, message",
    [
        ("{a: {}}", "row 'a' of .* needs either page .* or model"),
        ("{a: null}", "row 'a' of .* is no mapping but None"),
        ("{a: {pag: x}}", "row 'a' of .* unknown keys \\['pag'\\]"),
        ("{a: {page: x}}\nplot_steps: true", "row 'a' of .* no n_steps"),
        (
            "{a: {page: x, title: t}, b: {page: x, title: t}}",
            "rows 'a' and 'b' of .* share the title 't'",
        ),
        ("{a: {page: x}}\nreference: [b]", "reference of .* names 'b'.* are a"),
        (
            "{a: {model: {samples: m}, needs: {k: b/1/model}}}",
            "row 'a' of .* is only evaluated",
        ),
        (
            "{a: {page: x, needs: {k: b/1/m}, overrides: {k: 1}}}",
            "sets k in overrides and in needs",
        ),
        ("{a: {page: x, needs: {k: b/1/model}}}", "'b' is no row that is tr"),
        ("{a: {page: x, needs: {k: a/model}}}", "'a/model' is no path in the"),
        (
            "{a: {page: x, needs: {k: b/1/m}}, "
            "b: {page: y, needs: {k: a/1/m}}}",
            "in a circle: a -> b -> a",
        ),
    ],
)
def test_error_pages_that_cannot_be_run(tmp_path, rows, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, rows)


def test_error_a_page_that_is_not_there():
    with pytest.raises(FileNotFoundError, match="no table page at no.yaml"):
        read_table_page("no.yaml")
