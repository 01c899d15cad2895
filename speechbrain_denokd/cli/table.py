"""``denokd table``: fill a table of a paper, rows x seeds."""

import typer


def table(context: typer.Context):
    """Fill a table: rows x seeds, each a training, and what they measured.

    Example: denokd table benchmarks/tables/table1.yaml --seeds 1 2
    """
    # The words go to the runner as they are: it takes lists (--seeds 1 2)
    # and every --key=value of a cell, which typer cannot know.
    from speechbrain_denokd.table.command import main

    main(context.args)
