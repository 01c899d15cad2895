"""How commands end."""

import pytest
from torch.utils.data import DataLoader

from speechbrain_denokd.cli_errors import exit_on_user_error


def command_that(error):
    @exit_on_user_error
    def command():
        """Docstring of the command."""
        raise error

    return command


@pytest.mark.parametrize(
    "error",
    [
        ValueError("batch_size=0 must be 1 or more"),
        FileNotFoundError("no page at x; the methods are in hparams/"),
        PermissionError("no way in"),
    ],
)
def test_fact_user_errors_are_one_line_and_code_two(error, capsys):
    with pytest.raises(SystemExit) as exit_info:
        command_that(error)()
    assert exit_info.value.code == 2
    captured = capsys.readouterr()
    assert captured.err == f"error: {error}\n"
    assert captured.out == ""


class Broken:
    """A data set whose items cannot be read."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        raise FileNotFoundError("There is no audio file a.wav: check it.")


@pytest.mark.parametrize("n_workers", [0, 1])
def test_fact_errors_of_a_worker_are_one_line_too(n_workers, capsys):
    command = exit_on_user_error(
        lambda: list(DataLoader(Broken(), num_workers=n_workers))
    )
    with pytest.raises(SystemExit) as exit_info:
        command()
    assert exit_info.value.code == 2
    expected = "error: There is no audio file a.wav: check it.\n"
    assert capsys.readouterr().err == expected


def test_fact_an_interrupt_is_130_and_says_how_to_go_on(capsys):
    with pytest.raises(SystemExit) as exit_info:
        command_that(KeyboardInterrupt())()
    assert exit_info.value.code == 130
    assert "goes on from the last checkpoint" in capsys.readouterr().err


@pytest.mark.parametrize("error", [RuntimeError("bug"), KeyError("bug")])
def test_law_bugs_keep_their_traceback(error):
    with pytest.raises(type(error), match="bug"):
        command_that(error)()


def test_fact_a_command_that_succeeds_is_unchanged():
    @exit_on_user_error
    def add(a, b=1):
        """Sum."""
        return a + b

    assert add(2, b=3) == 5
    assert (add.__name__, add.__doc__) == ("add", "Sum.")
