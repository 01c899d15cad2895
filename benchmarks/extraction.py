"""Recordings per second and peak memory of bulk extraction on a CPU.

    python -m benchmarks.extraction
    python -m benchmarks.extraction --rows speechbrain fp32 --sets short

Every cell runs in a process of its own, so that its peak is its own; the times
are those of files to embeddings, without imports and without loading the
model. On a machine with other work, compare the processor time: it is what all
cores together spent. "Same" is the largest difference to SpeechBrain's file by
file, over the largest value, and the lowest cosine.

Claims, with ECAPA-TDNN 512 on two cores and recordings of 1 to 20 s: 1.6 x
the recordings per second of SpeechBrain's best at equal embeddings, 3 x in
int8 at the error rates printed; a recording of two hours in the memory of one
of ten minutes, and 1,200 short ones in that of 120.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import numpy as np

from benchmarks.extraction_cost import cost_table, measure_cost
from benchmarks.extraction_rows import (
    FORMATS,
    REFERENCE,
    ROWS,
    SETS,
    SPEECHBRAIN,
    noise,
    write_graphs,
    write_models,
    write_sets,
)
from benchmarks.peak_memory import peak_rss_bytes
from speechbrain_denokd.cli_errors import exit_on_user_error
from speechbrain_denokd.tables import markdown_table

MIB = 2**20
_N_CALIBRATION = 16


@exit_on_user_error
def main(argv: Sequence[str] | None = None) -> dict:
    """Command line: see ``--help``. Returns the record."""
    argv = list(sys.argv[1:] if argv is None else argv)
    args = _parser().parse_args(argv)
    if args.only:
        found = measure(Path(args.folder), *args.only, args.repeats)
        print(json.dumps(found))
        return found
    # Not at the top: the rows' processes load only what they measure.
    from benchmarks.record import provenance

    cells = [
        (row, name)
        for name in args.sets
        for row in args.rows
        if name in ROWS[row].sets
    ]
    with tempfile.TemporaryDirectory() as folder:
        write_sets(Path(folder), dict.fromkeys(name for _, name in cells))
        write_models(Path(folder))
        formats = [row for row in args.rows if row in FORMATS]
        if any(FORMATS[name].is_graph for name in formats):
            write_graphs(Path(folder), noise(_N_CALIBRATION))
        found = [
            _in_own_process(folder, row, name, _repeats(name, args.repeats))
            for row, name in cells
        ]
        for cell in found:
            cell["same"] = sameness(Path(folder), cell["row"], cell["set"])
    record = {
        "repeats": args.repeats,
        "cells": found,
        "cost": None if args.no_cost else measure_cost(formats),
        **provenance(["python", "-m", "benchmarks.extraction", *argv]),
    }
    record["versions"] |= {
        name: metadata.version(name) for name in ("torch", "onnxruntime")
    }
    text = as_markdown(record)
    print(text)
    output = Path(args.output_folder)
    output.mkdir(parents=True, exist_ok=True)
    (output / "extraction.md").write_text(text + "\n", encoding="utf-8")
    (output / "extraction.json").write_text(
        json.dumps(record, indent=2) + "\n", encoding="utf-8"
    )
    return record


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.extraction",
        description="Bulk extraction against SpeechBrain's encode_batch.",
    )
    parser.add_argument("--rows", nargs="+", default=list(ROWS), choices=ROWS)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=SETS)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--output_folder", default="results/extraction")
    parser.add_argument(
        "--no_cost", action="store_true", help="Leave out the error rates."
    )
    # What a fresh process is asked for: one row on one set.
    parser.add_argument("--only", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    return parser


def _repeats(name: str, repeats: int) -> int:
    return 1 if SETS[name].is_for_memory else repeats


def measure(folder: Path, row: str, name: str, repeats: int) -> dict:
    """Time a row on a set, and keep its embeddings.

    Arguments
    ---------
    folder : Path
        With sets and models.
    row, name : str
        Of ``ROWS`` and ``SETS``.
    repeats : int

    Returns
    -------
    dict
        ``row``, ``set``, and of each repeat ``seconds`` and ``cpu_seconds``;
        ``peak_bytes`` of this process.
    """
    work = ROWS[row].prepare(folder, name)
    seconds, cpu_seconds = [], []
    for _ in range(repeats):
        started = time.perf_counter(), time.process_time()
        embeddings = work()
        seconds.append(time.perf_counter() - started[0])
        cpu_seconds.append(time.process_time() - started[1])
    np.save(_kept(folder, row, name), embeddings)
    return {
        "row": row,
        "set": name,
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "peak_bytes": peak_rss_bytes(),
    }


def sameness(folder: Path, row: str, name: str) -> tuple[float, float] | None:
    """How far a row's embeddings are from the reference's.

    Arguments
    ---------
    folder : Path
        Where `measure` kept both.
    row, name : str

    Returns
    -------
    tuple of float, or None
        Largest difference over the largest value, and lowest cosine; None
        without the reference.

    Example
    -------
    >>> folder = Path(tempfile.mkdtemp())
    >>> np.save(_kept(folder, REFERENCE, "short"), np.array([[3.0, 4.0]]))
    >>> np.save(_kept(folder, "fp32", "short"), np.array([[3.0, 3.0]]))
    >>> difference, cosine = sameness(folder, "fp32", "short")
    >>> difference, round(cosine, 4)
    (0.25, 0.9899)
    """
    reference = _kept(folder, REFERENCE, name)
    if not reference.is_file():
        return None
    one = np.load(reference).astype(np.float64)
    two = np.load(_kept(folder, row, name)).astype(np.float64)
    norms = np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1)
    cosines = (one * two).sum(axis=1) / norms
    difference = np.abs(one - two).max() / np.abs(one).max()
    return float(difference), float(cosines.min())


def _kept(folder: Path, row: str, name: str) -> Path:
    return folder / f"{row}-{name}.npy"


def _in_own_process(folder: str, row: str, name: str, repeats: int) -> dict:
    print(f"{row} on {name} ...", file=sys.stderr, flush=True)
    process = subprocess.run(
        [
            sys.executable,
            "-m",
            "benchmarks.extraction",
            *("--only", row, name),
            f"--folder={folder}",
            f"--repeats={repeats}",
        ],
        capture_output=True,
        text=True,
    )
    if process.returncode:
        raise RuntimeError(
            f"{row} on {name} failed with exit code {process.returncode}: "
            f"{process.stderr.strip()[-500:]}"
        )
    return json.loads(process.stdout.splitlines()[-1])


def best_of_speechbrain(cells: Sequence[dict], name: str) -> float | None:
    """Seconds that SpeechBrain's faster way takes for a set (median).

    Arguments
    ---------
    cells : sequence of dict
        Of `measure`.
    name : str
        Of ``SETS``.

    Returns
    -------
    float, optional
        None if it was not measured.

    Example
    -------
    >>> cells = [
    ...     {"row": row, "set": "short", "seconds": [seconds]}
    ...     for row, seconds in zip([*SPEECHBRAIN, "fp32"], [3.0, 4.0, 1.0])
    ... ]
    >>> best_of_speechbrain(cells, "short")
    3.0
    """
    return min(
        (
            statistics.median(cell["seconds"])
            for cell in cells
            if cell["set"] == name and cell["row"] in SPEECHBRAIN
        ),
        default=None,
    )


def as_markdown(record: dict) -> str:
    """The record as Markdown tables."""
    from benchmarks.record import spread

    machine = record["hardware"]
    rows = []
    for cell in record["cells"]:
        n = len(SETS[cell["set"]].seconds)
        audio_s = sum(SETS[cell["set"]].seconds)
        best_s = best_of_speechbrain(record["cells"], cell["set"])
        same = cell["same"]
        rows.append(
            [
                SETS[cell["set"]].title,
                ROWS[cell["row"]].title,
                spread([n / s for s in cell["seconds"]], 1),
                ""
                if best_s is None
                else f"{best_s / statistics.median(cell['seconds']):.2f}",
                spread([audio_s / s for s in cell["seconds"]], 0),
                spread([1000 * s / n for s in cell["cpu_seconds"]], 1),
                f"{cell['peak_bytes'] / MIB:,.0f}",
                "" if same is None else f"{same[0]:.1e}, {same[1]:.6f}",
            ]
        )
    table = markdown_table(
        [
            "recordings",
            "by",
            "recordings/s",
            "x SpeechBrain's best",
            "x real time",
            "CPU ms each",
            "peak MiB",
            "same",
        ],
        rows,
    )
    versions = ", ".join(
        f"{name} {version}" for name, version in record["versions"].items()
    )
    return (
        "# Bulk extraction\n\n"
        f"`{record['command']}`, commit {record['commit']}, {record['date']}, "
        f"on {machine['processor']} ({machine['threads']} threads); "
        f"{versions}. ECAPA-TDNN 512, 80 mel bins, 192 dimensions. Median "
        f"[lowest–highest] of {record['repeats']} runs (of one for the sets "
        "that show memory); the peak is that of the whole process, libraries "
        "included. Same: largest difference to SpeechBrain file by file, over "
        f"the largest value, and lowest cosine.\n\n{table}"
        + _cost_section(record["cost"])
    )


def _cost_section(cost: dict | None) -> str:
    if cost is None:
        return ""
    titles = {name: ROWS[name].title for name in FORMATS}
    return (
        "\n\n## What a format costs\n\n"
        "The weights above are random; this is a trained model, "
        f"`{cost['model']}`, on the {cost['n_trials']:,} bundled test trials, "
        "whose voices are synthetic. Cost: EER minus that of float32, with "
        "its 95 % interval over speakers.\n\n"
        f"{cost_table(cost, titles)}"
    )


if __name__ == "__main__":
    main()
