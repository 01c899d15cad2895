"""Cells: their commands, their order, and what they need."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from speechbrain_denokd.config import load_page, settings
from speechbrain_denokd.distill.teacher import FrozenTeacher
from speechbrain_denokd.table.cells import as_yaml, cells_of
from speechbrain_denokd.table.page import TablePage, read_table_page
from speechbrain_denokd.training import parse_arguments

TABLES = Path(__file__).parents[2] / "benchmarks" / "tables"
ROWS = {
    "student": {"page": "ecapa.yaml", "needs": {"path": "base/{seed}/model"}},
    "base": {"page": "mhfa.yaml"},
    "teacher": {"model": {"samples": "some/folder", "own": "{teacher_path}"}},
}
PAGE = TablePage("t", "samples", [1, 2], ROWS, {"n_epochs": 3})


def names(cells):
    return [(cell.row, cell.seed, cell.shown) for cell in cells]


# Facts


def test_fact_a_command_sets_what_page_user_and_row_set():
    rows = {"a": {"page": "p.yaml", "overrides": {"x": None, "y": False}}}
    page = TablePage("t", "samples", [1], rows, {"lr": 1, "n_epochs": 2})
    [cell] = cells_of(page, "out", {"lr": "0.1"}, None, ["train"])
    assert cell.argv == [
        "p.yaml",
        "--setup=samples",
        "--lr=0.1",
        "--n_epochs=2",
        "--x=null",
        "--y=false",
        "--seed=1",
        "--output_folder=out/a/1",
    ]
    assert cell.stated == "python train.py " + " ".join(cell.argv)
    assert cell.program == ("train",)


def test_fact_a_needed_model_is_that_of_the_same_seed_and_comes_before():
    cells = cells_of(PAGE, "out", {}, ["student"])
    assert names(cells) == [
        ("base", 1, False),
        ("student", 1, True),
        ("base", 2, False),
        ("student", 2, True),
    ]
    assert "--path=out/base/2/model" in cells[3].argv
    assert cells[3].needs == (Path("out/base/2"),)
    assert "--n_epochs=3" in cells[2].argv


def test_fact_a_needed_row_that_is_asked_for_is_shown():
    cells = cells_of(PAGE, "out", {}, ["student", "base"])
    assert names(cells)[:2] == [("base", 1, True), ("student", 1, True)]
    assert len(cells) == 4


def test_fact_the_users_own_model_takes_the_place_of_the_needed_cell():
    cells = cells_of(PAGE, "out", {"path": "mine"}, ["student"])
    assert names(cells) == [("student", 1, True), ("student", 2, True)]
    assert "--path=mine" in cells[0].argv and cells[0].needs == ()


def test_fact_a_model_is_evaluated_once_with_the_words_of_evaluation():
    changes = {"data_folder": "corpus", "lr": "1", "device": "cuda:0"}
    changes["test_crops_s"] = "[null, 4, 1.5]"
    [cell] = cells_of(PAGE, "out", changes, ["teacher"])
    assert cell.seed is None
    assert cell.argv == [
        "some/folder",
        "--output_folder=out/teacher/model",
        "--device=cuda:0",
        "--data_root=corpus",
        "--crops",
        "4",
        "1.5",
    ]
    [cell] = cells_of(
        PAGE._replace(setup="own"),
        "out",
        {"teacher_path": "mine", "manifest_folder": "lists"},
        ["teacher"],
    )
    assert cell.argv[0] == "mine"
    assert "--trials=lists/trials_test.txt" in cell.argv


def test_fact_a_model_is_evaluated_on_every_test_that_is_named():
    """As the students are: in the place of the set-up's own list."""
    tests = "{O: {manifest: a.csv, trials: o.txt}}"
    changes = {"tests": tests, "manifest_folder": "lists", "test_trials": "t"}
    [cell] = cells_of(PAGE, "out", changes, ["teacher"])
    assert cell.argv[2:] == [f"--tests={tests}"]


def test_fact_a_set_up_without_the_model_has_no_cell():
    assert cells_of(PAGE._replace(setup="x"), "out", {}, ["teacher"]) == []


def test_fact_values_are_yaml():
    assert as_yaml({"a": [None, 1e-5]}) == '{"a": [null, 1e-05]}'


# Laws


@pytest.mark.parametrize("path", sorted(TABLES.glob("*.yaml")), ids=str)
def test_law_every_cell_of_a_shipped_page_is_a_command_that_loads(path):
    page = read_table_page(path)._replace(seeds=[1])
    changes = {"teacher_path": "x", "data_folder": "y"}
    if page.setup != "manifest":
        changes = {}
    cells = cells_of(page, "out", changes)
    assert {cell.row for cell in cells} == set(page.rows)
    for cell in cells:
        if cell.seed is None:
            continue
        # What a teacher is, no page can tell before one is loaded.
        argv = [
            *cell.argv,
            "--load_teacher=!name:benchmarks.random_teacher.sample_teacher",
        ]
        given = page.rows[cell.row].get("overrides", {})
        if cell.needs or "ssl_teacher_path" in given:
            argv.append(
                "--load_ssl_teacher=!name:tests.table.test_cells.ssl_teacher"
            )
        name, setup, _, overrides = parse_arguments(argv)
        values = settings(load_page(name, setup, overrides))
        for key, value in given.items():
            if str(value).startswith("{"):  # some of a mapping's keys
                sizes = YAML(typ="safe").load(value)
                assert sizes.items() <= values[key].items()
            elif not str(value).startswith("!"):
                assert values[key] == value


def ssl_teacher():
    """The untrained network of the page that the teacher is trained by."""
    hparams = load_page("hparams/ssl_mhfa.yaml").hparams
    return FrozenTeacher(hparams["modules"]["student"])


# Errors


def test_error_changes_that_a_cell_does_not_take():
    with pytest.raises(ValueError, match="--seed is set by the table"):
        cells_of(PAGE, "out", {"seed": "1"})
    rows = {"a": {"page": "p", "overrides": {"n_steps": 5}}}
    page = TablePage("t", "samples", [1], rows, {})
    with pytest.raises(ValueError, match="--n_steps=1 would change row 'a'"):
        cells_of(page, "out", {"n_steps": "1"})


def test_error_a_model_that_the_user_has_to_name():
    with pytest.raises(ValueError, match="'teacher' .* --teacher_path; give"):
        cells_of(PAGE._replace(setup="own"), "out", {}, ["teacher"])
