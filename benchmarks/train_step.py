"""Cost of DenoKD in training: time and peak memory per step.

    python -m benchmarks.train_step                    # on the CPU
    python -m benchmarks.train_step --device cuda:0    # the paper's batch, 256

Rows are timed in turn, round after round, so that a machine that slows down
slows all of them; each is compared with ``kd_frame`` of its own round. The
models are those of the paper's set-up and of the bundled corpus, with random
weights where no teacher is at hand; the audio is noise.

Claim: DenoKD at frame level with 5 steps takes at most 1.10 times as long as
the same distillation without diffusion. DenoKD, Section IV-B and Fig. 4 (b).
"""

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import step_memory, step_pieces, step_rows
from benchmarks.record import provenance, spread
from benchmarks.step_rows import BASELINE, Row, Size, Step
from speechbrain_denokd.cli_errors import exit_on_user_error
from speechbrain_denokd.tables import markdown_table

MIB = 2**20


@exit_on_user_error
def main(argv: Sequence[str] | None = None) -> dict:
    """Command line: see ``--help``. Returns the record."""
    argv = list(sys.argv[1:] if argv is None else argv)
    args = _parser().parse_args(argv)
    all_rows, all_sizes = step_rows.rows(), step_rows.sizes()
    rows = _chosen(all_rows, args.rows, "row")
    sizes = _chosen(all_sizes, args.sizes, "size")
    if args.peak_only:
        return _print_peak(args, sizes, rows)
    record = measure(sizes, rows, args)
    record |= provenance(["python", "-m", "benchmarks.train_step", *argv])
    text = as_markdown(record)
    print(text)
    folder = Path(args.output_folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train_step.md").write_text(text + "\n", encoding="utf-8")
    (folder / "train_step.json").write_text(
        json.dumps(record, indent=2) + "\n", encoding="utf-8"
    )
    return record


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.train_step",
        description="Time and peak memory of a training step, row by row.",
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--precision", default="fp32", choices=["fp32", "fp16", "bf16"]
    )
    parser.add_argument(
        "--batch_size",
        type=int,
        help="of size 'paper'; default: 256 on a GPU, 4 on the CPU",
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--sizes", nargs="+", help=f"of: {', '.join(step_rows.sizes())}"
    )
    parser.add_argument(
        "--rows", nargs="+", help=f"of: {'; '.join(step_rows.rows())}"
    )
    parser.add_argument("--no_memory", action="store_true")
    parser.add_argument("--output_folder", default="results/train_step")
    # What a fresh process is asked for: one row's peak on the CPU.
    parser.add_argument(
        "--peak_only", action="store_true", help=argparse.SUPPRESS
    )
    return parser


def _chosen(known: Mapping, names: Sequence[str] | None, kind: str) -> dict:
    """The named entries in their own order, all by default."""
    unknown = set(names or ()) - set(known)
    if unknown:
        raise ValueError(
            f"no {kind} {min(unknown)!r}; use any of: {'; '.join(known)}"
        )
    return {n: v for n, v in known.items() if not names or n in names}


def _build(args, size_name: str, size: Size, row: Row) -> Step:
    batch_size = args.batch_size if size_name == "paper" else None
    return step_rows.build_step(
        size, row, args.device, args.precision, batch_size
    )


def _print_peak(args, sizes: Mapping, rows: Mapping) -> dict:
    [(size_name, size)], [row] = sizes.items(), rows.values()
    step = _build(args, size_name, size, row)
    found = {"peak_bytes": step_memory.cpu_peak(step)}
    print(json.dumps(found))
    return found


def measure(
    sizes: Mapping[str, Size], rows: Mapping[str, Row], args
) -> dict[str, dict]:
    """Everything the record says about sizes and rows.

    Arguments
    ---------
    sizes, rows : mapping by name
    args : argparse.Namespace
        Of this script's options.

    Returns
    -------
    dict
        ``options``, and ``sizes``: by name, ``batch_size``, ``crop_s`` and
        ``rows``.
    """
    on_cpu = args.device == "cpu"
    peaks = {}
    if on_cpu and not args.no_memory:
        # Before anything is built here: two copies may not fit.
        peaks = _peaks_on_cpu(sizes, rows, args)
    steps = {
        (size_name, row_name): _build(args, size_name, size, row)
        for size_name, size in sizes.items()
        for row_name, row in rows.items()
    }
    for step in steps.values():
        step.run()  # makes the optimiser's state, and what caches there are
    if not on_cpu and not args.no_memory:
        peaks = {name: step_memory.cuda_peak(s) for name, s in steps.items()}
    seconds = timed_in_turn(steps, args.repeats)
    options = {k: v for k, v in vars(args).items() if k != "peak_only"}
    found = {"options": options, "sizes": {}}
    for (size_name, row_name), step in steps.items():
        size = found["sizes"].setdefault(
            size_name,
            {"batch_size": step.batch_size, "crop_s": step.crop_s, "rows": {}},
        )
        own, base = (
            seconds[size_name, row_name],
            seconds.get((size_name, BASELINE)),
        )
        size["rows"][row_name] = {
            "n_trained": step.n_trained,
            "seconds": own,
            "ratios": base and [a / b for a, b in zip(own, base, strict=True)],
            "peak_bytes": peaks.get((size_name, row_name)),
            "pieces_s": step_pieces.piece_seconds(step),
            "pieces_gmacs": step_pieces.piece_gmacs(step),
        }
    return found


def _peaks_on_cpu(sizes, rows, args) -> dict[tuple[str, str], int]:
    options = ["--peak_only", f"--precision={args.precision}"]
    if args.batch_size:
        options.append(f"--batch_size={args.batch_size}")
    return {
        (size, row): step_memory.peak_of_subprocess(
            [*options, "--sizes", size, "--rows", row]
        )
        for size in sizes
        for row in rows
    }


def timed_in_turn(
    steps: Mapping[object, Step], repeats: int
) -> dict[object, list[float]]:
    """Seconds of each step in each round.

    A round starts one row later than the round before: no row always follows
    the same neighbour's traces in caches and clocks.
    """
    seconds = {name: [] for name in steps}
    names = list(steps)
    for repeat in range(repeats):
        first = repeat % len(names)
        for name in names[first:] + names[:first]:
            step = steps[name]
            step_pieces.wait_for(step.brain.device)
            started = time.perf_counter()
            step.run()
            step_pieces.wait_for(step.brain.device)
            seconds[name].append(time.perf_counter() - started)
    return seconds


def as_markdown(record: Mapping) -> str:
    """The record as Markdown: costs side by side, then pieces by size."""
    machine = record["hardware"]
    lines = [
        "# Cost of a training step",
        "",
        f"`{record['command']}`, commit {record['commit']}, {record['date']}",
        f"on {machine['gpu'] or machine['processor']} "
        f"({machine['threads']} CPU threads), torch {machine['torch']}, "
        f"{record['options']['precision']}.",
        "",
        f"Median [lowest–highest] of {record['options']['repeats']} rounds; "
        f"ratios to {BASELINE} of the same round.",
        "",
        _cost_table(record["sizes"]),
    ]
    for name, size in record["sizes"].items():
        lines += [
            "",
            f"## Where the time goes: {name}, batch {size['batch_size']} of "
            f"{size['crop_s']:g} s",
            "",
            "One step: milliseconds (GMACs per utterance). Backward passes of "
            "all pieces are under *backward*.",
            "",
            _piece_table(size["rows"]),
        ]
    return "\n".join(lines)


def _cost_table(sizes: Mapping) -> str:
    header = ["row"]
    for name, size in sizes.items():
        header += [
            f"{name} (batch {size['batch_size']}): s/step",
            f"x {BASELINE}",
            "peak MiB",
            "trained parameters",
        ]
    names = dict.fromkeys(n for size in sizes.values() for n in size["rows"])
    table = []
    for name in names:
        cells = [name]
        for size in sizes.values():
            row = size["rows"][name]
            peak = row["peak_bytes"]
            cells += [
                spread(row["seconds"], 3),
                spread(row["ratios"], 2) if row["ratios"] else "–",
                f"{peak / MIB:,.0f}" if peak else "–",
                f"{row['n_trained']:,}",
            ]
        table.append(cells)
    return markdown_table(header, table)


def _piece_table(rows: Mapping) -> str:
    names = [
        piece
        for piece in step_pieces.PIECES
        if any(piece in row["pieces_s"] for row in rows.values())
    ]
    table = [
        [
            row_name,
            *(_piece_cell(row, name) for name in names),
            f"{1000 * sum(row['pieces_s'].values()):.0f} "
            f"({sum(row['pieces_gmacs'].values()):.1f})",
        ]
        for row_name, row in rows.items()
    ]
    return markdown_table(["row", *names, "sum"], table)


def _piece_cell(row: Mapping, name: str) -> str:
    if name not in row["pieces_s"]:
        return "–"
    milliseconds = 1000 * row["pieces_s"][name]
    return f"{milliseconds:.0f} ({row['pieces_gmacs'].get(name, 0):.1f})"


if __name__ == "__main__":
    main()
