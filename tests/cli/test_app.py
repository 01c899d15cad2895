"""The ``denokd`` command as a whole."""

import pytest

from speechbrain_denokd.cli.app import app


@pytest.mark.parametrize(
    "words",
    [[command.callback.__name__] for command in app.registered_commands]
    + [["trials", "check"]],
    ids=" ".join,
)
def test_fact_every_command_explains_itself_by_an_example(denokd, words):
    result = denokd(*words, "--help")
    assert result.exit_code == 0
    assert f"denokd {' '.join(words)}" in " ".join(result.stdout.split())


def test_fact_an_unknown_option_ends_with_2(denokd):
    result = denokd("evaluate", "scores.txt", "--folder", "x")
    assert result.exit_code == 2
