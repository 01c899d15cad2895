"""Time of the permutation-invariant speaker loss, two to eight speakers.

    python -m benchmarks.pit
    python -m benchmarks.pit --speakers 2 8 --repeats 3

*Loss* is `PitIdentityLoss` with a margin head as in a training step: pairwise
matrix, search, and the gradient of the scores. The two searches alone stand
beside it, on the same matrix; the enumeration only up to seven speakers, where
its 5,040 permutations have made the point. The scores are noise.

Claim, on a CPU core: eight speakers, 128 mixtures and 1,000 classes take a
tenth of a second.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from benchmarks.record import provenance, spread
from speechbrain_denokd.cli_errors import exit_on_user_error
from speechbrain_denokd.losses.assignment import (
    enumerated_assignment,
    hungarian_assignment,
)
from speechbrain_denokd.losses.margin import AamSoftmax
from speechbrain_denokd.losses.multi_identity import (
    PitIdentityLoss,
    pairwise_losses,
)
from speechbrain_denokd.tables import markdown_table

MOST_ENUMERATED = 7


@exit_on_user_error
def main(argv: Sequence[str] | None = None) -> dict:
    """Command line: see ``--help``. Returns the record."""
    argv = list(sys.argv[1:] if argv is None else argv)
    args = _parser().parse_args(argv)
    rows = [
        measure(n_speakers, args.batch_size, args.n_classes, args.repeats)
        for n_speakers in args.speakers
    ]
    record = {
        "batch_size": args.batch_size,
        "n_classes": args.n_classes,
        "repeats": args.repeats,
        "rows": rows,
        **provenance(["python", "-m", "benchmarks.pit", *argv]),
    }
    text = as_markdown(record)
    print(text)
    folder = Path(args.output_folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pit.md").write_text(text + "\n", encoding="utf-8")
    (folder / "pit.json").write_text(
        json.dumps(record, indent=2) + "\n", encoding="utf-8"
    )
    return record


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.pit",
        description="Time of the permutation-invariant speaker loss.",
    )
    parser.add_argument(
        "--speakers", type=int, nargs="+", default=list(range(2, 9))
    )
    parser.add_argument("--batch_size", type=int, default=128)
    parser.add_argument("--n_classes", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--output_folder", default="results/pit")
    return parser


def measure(
    n_speakers: int, batch_size: int, n_classes: int, repeats: int
) -> dict:
    """Seconds of the loss and of both searches.

    Arguments
    ---------
    n_speakers, batch_size, n_classes : int
        ``K``, ``B`` and ``n``.
    repeats : int

    Returns
    -------
    dict
        ``n_speakers``, and lists of seconds: ``loss``, ``hungarian`` and,
        where it was measured, ``enumeration``.

    Raises
    ------
    ValueError
        If there are fewer classes than speakers.
    """
    if n_classes < n_speakers:
        raise ValueError(
            f"{n_classes} classes for mixtures of {n_speakers} speakers; give "
            "--n_classes as many or more"
        )
    torch.manual_seed(n_speakers)
    cosines = torch.rand(batch_size, n_speakers, n_classes) * 2 - 1
    labels = torch.rand(batch_size, n_classes).topk(n_speakers).indices
    head = AamSoftmax()
    loss, leaf = PitIdentityLoss(head), cosines.clone().requires_grad_()
    costs = pairwise_losses(cosines, labels, head).double()
    works = {
        "loss": lambda: loss(leaf, labels).loss.backward(),
        "hungarian": lambda: hungarian_assignment(costs),
    }
    if n_speakers <= MOST_ENUMERATED:
        works["enumeration"] = lambda: enumerated_assignment(costs)
    seconds = {name: _seconds(work, repeats) for name, work in works.items()}
    return {"n_speakers": n_speakers, **seconds}


def _seconds(work: Callable[[], object], repeats: int) -> list[float]:
    work()  # The first call also reserves memory.
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return seconds


def as_markdown(record: dict) -> str:
    """The record as a Markdown table."""
    machine = record["hardware"]
    rows = [
        [
            row["n_speakers"],
            f"{math.factorial(row['n_speakers']):,}",
            *(
                _milliseconds(row[name]) if name in row else "–"
                for name in ("loss", "hungarian", "enumeration")
            ),
        ]
        for row in record["rows"]
    ]
    header = ["speakers", "permutations", "loss and gradient (ms)"]
    header += ["Hungarian alone (ms)", "enumeration alone (ms)"]
    return (
        "# Permutation-invariant speaker loss\n\n"
        f"`{record['command']}`, commit {record['commit']}, {record['date']}, "
        f"on {machine['processor']} ({machine['threads']} threads). "
        f"{record['batch_size']} mixtures, {record['n_classes']:,} classes; "
        f"median [lowest–highest] of {record['repeats']} runs.\n\n"
        f"{markdown_table(header, rows)}"
    )


def _milliseconds(seconds: Sequence[float]) -> str:
    return spread([1000 * value for value in seconds], 1)


if __name__ == "__main__":
    main()
