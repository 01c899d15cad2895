"""The ``denokd`` command itself: its commands, and how it ends.

Exit codes: 0 done, 1 done and the answer is no (``trials check`` found
errors), 2 something the user can mend, said in one sentence, 130 interrupted.
"""

import typer

from speechbrain_denokd.cli.calibrate import calibrate
from speechbrain_denokd.cli.compare import compare
from speechbrain_denokd.cli.evaluate import evaluate
from speechbrain_denokd.cli.score import score
from speechbrain_denokd.cli.trials import trials
from speechbrain_denokd.cli.verify import verify

app = typer.Typer(
    name="denokd",
    help="Compact speaker verification: score, calibrate, evaluate, verify.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (verify, score, evaluate, compare, calibrate):
    app.command()(command)
app.add_typer(trials, name="trials")


def main():
    """Entry point of the installed ``denokd``."""
    app()


if __name__ == "__main__":
    main()
