"""The ``denokd`` command itself: its commands, and how it ends.

Exit codes: 0 done, 1 done and the answer is no (``trials check`` found
errors), 2 something the user can mend, said in one sentence, 130 interrupted.
"""

import typer

from speechbrain_denokd.cli.calibrate import calibrate
from speechbrain_denokd.cli.compare import compare
from speechbrain_denokd.cli.demo import demo
from speechbrain_denokd.cli.diarize import diarize
from speechbrain_denokd.cli.doctor import doctor
from speechbrain_denokd.cli.embed import embed
from speechbrain_denokd.cli.enroll import enroll
from speechbrain_denokd.cli.evaluate import evaluate
from speechbrain_denokd.cli.export import export
from speechbrain_denokd.cli.identify import identify
from speechbrain_denokd.cli.info import info
from speechbrain_denokd.cli.publish import publish
from speechbrain_denokd.cli.score import score
from speechbrain_denokd.cli.separate import separate
from speechbrain_denokd.cli.table import table
from speechbrain_denokd.cli.trials import trials
from speechbrain_denokd.cli.verify import verify

app = typer.Typer(
    name="denokd",
    help="Compact speaker verification, from a recording to a decision.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS = (
    *(verify, embed, enroll, identify, diarize, separate),
    *(score, evaluate, compare, calibrate),
    *(publish, export, info),
    *(demo, doctor),
)
for command in COMMANDS:
    app.command()(command)
app.command(
    add_help_option=False,  # the runner's own help knows its options
    context_settings={
        "allow_extra_args": True,
        "ignore_unknown_options": True,
    },
)(table)
app.add_typer(trials, name="trials")


def main():
    """Entry point of the installed ``denokd``."""
    app()


if __name__ == "__main__":
    main()
