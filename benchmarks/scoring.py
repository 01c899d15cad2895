"""Time and peak memory of scoring and metrics at VoxCeleb-H's size.

    python -m benchmarks.scoring
    python -m benchmarks.scoring --rows metrics as_norm --repeats 1

Every row runs in a process of its own, so that its peak is its own; the times
are those of the work alone, without imports and without making the data.
SpeechBrain's functions run beside ours, on the same numbers, at the sizes
where they still end: its ``minDCF`` would need 1.2 TB for VoxCeleb1-H. The
data is normal noise around speaker means: nothing here is an error rate.

Claims, on two CPU cores: EER and minDCF of 581,480 trials in half a second;
cosine and AS-norm of VoxCeleb1-H in 20 s and 2 GB; a 1,000-resample interval
in 30 s.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peak_memory import peak_rss_bytes
from benchmarks.scoring_rows import ROWS
from speechbrain_denokd.cli_errors import exit_on_user_error
from speechbrain_denokd.tables import markdown_table

MIB = 2**20


@exit_on_user_error
def main(argv: Sequence[str] | None = None) -> dict:
    """Command line: see ``--help``. Returns the record."""
    argv = list(sys.argv[1:] if argv is None else argv)
    args = _parser().parse_args(argv)
    unknown = set(args.rows or ()) - set(ROWS)
    if unknown:
        raise ValueError(f"no row {min(unknown)!r}; use: {', '.join(ROWS)}")
    if args.only:
        found = measure(args.only, args.repeats)
        print(json.dumps(found))
        return found
    # Not at the top: the rows' processes load only what they measure.
    from benchmarks.record import provenance

    found = {
        name: _in_own_process(name, args.repeats) for name in args.rows or ROWS
    }
    record = {
        "repeats": args.repeats,
        "rows": found,
        **provenance(["python", "-m", "benchmarks.scoring", *argv]),
    }
    text = as_markdown(record)
    print(text)
    folder = Path(args.output_folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scoring.md").write_text(text + "\n", encoding="utf-8")
    (folder / "scoring.json").write_text(
        json.dumps(record, indent=2) + "\n", encoding="utf-8"
    )
    return record


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scoring",
        description="Time and memory of metrics, back-ends and score norm.",
    )
    parser.add_argument("--rows", nargs="+", help=f"of: {', '.join(ROWS)}")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--output_folder", default="results/scoring")
    # What a fresh process is asked for: one row.
    parser.add_argument("--only", choices=list(ROWS), help=argparse.SUPPRESS)
    return parser


def measure(name: str, repeats: int) -> dict:
    """Seconds of each repeat of a row, and the peak of this process.

    Arguments
    ---------
    name : str
        Of ``ROWS``.
    repeats : int

    Returns
    -------
    dict
        ``seconds``, ``peak_bytes``, ``result`` (what the row says it found).
    """
    work = ROWS[name].prepare()
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - started)
    return {
        "seconds": seconds,
        "peak_bytes": peak_rss_bytes(),
        "result": result,
    }


def _in_own_process(name: str, repeats: int) -> dict:
    print(f"{name} ...", file=sys.stderr, flush=True)
    process = subprocess.run(
        [
            sys.executable,
            "-m",
            "benchmarks.scoring",
            f"--only={name}",
            f"--repeats={repeats}",
        ],
        capture_output=True,
        text=True,
    )
    if process.returncode:
        raise RuntimeError(
            f"row {name!r} failed with exit code {process.returncode}: "
            f"{process.stderr.strip()[-500:]}"
        )
    return json.loads(process.stdout.splitlines()[-1])


def as_markdown(record: dict) -> str:
    """The record as a Markdown table."""
    from benchmarks.record import spread

    machine = record["hardware"]
    rows = [
        [
            ROWS[name].title,
            ROWS[name].size,
            spread(found["seconds"], 3),
            f"{found['peak_bytes'] / MIB:,.0f}",
            found["result"],
        ]
        for name, found in record["rows"].items()
    ]
    table = markdown_table(
        ["what", "size", "seconds", "peak MiB", "result"], rows
    )
    return (
        "# Scoring and metrics\n\n"
        f"`{record['command']}`, commit {record['commit']}, {record['date']}, "
        f"on {machine['processor']} ({machine['threads']} threads). Median "
        f"[lowest–highest] of {record['repeats']} runs; the peak is that of "
        f"the whole process, libraries and data included.\n\n{table}"
    )


if __name__ == "__main__":
    main()
