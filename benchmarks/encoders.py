"""What every encoder costs: parameters, MACs, latency, peak memory.

    python -m benchmarks.encoders
    python -m benchmarks.encoders --rows ecapa ssrfnet --repeats 10

One recording at a time, of noise, at 2, 3 and 10 s; each row in a process of
its own. The same command again goes on where it was stopped: what was
measured with the same settings, commit and versions is kept, in ``rows/``.

MACs are those that PyTorch's counter sees: convolutions and matrix products,
the mel filterbank's and those of attention included. Not counted: the Fourier
transform, norms, activations, softmax and pooling. Peak memory is that of the
whole process, libraries and weights included, once the model is built.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.encoder_rows import build, rows
from benchmarks.peak_memory import peak_rss_bytes, restart_peak
from speechbrain_denokd.cli_errors import exit_on_user_error
from speechbrain_denokd.data.files import write_whole
from speechbrain_denokd.tables import markdown_table

SECONDS = (2, 3, 10)
SAMPLE_RATE_HZ = 16000
MIB = 2**20


@exit_on_user_error
def main(argv: Sequence[str] | None = None) -> dict:
    """Command line: see ``--help``. Returns the record."""
    argv = list(sys.argv[1:] if argv is None else argv)
    args = _parser().parse_args(argv)
    if args.only:
        torch.set_num_threads(args.threads)
        found = measure(args.only, args.repeats)
        print(json.dumps(found))
        return found
    # Not at the top: the rows' processes load only what they measure.
    from benchmarks.record import provenance

    record = provenance(["python", "-m", "benchmarks.encoders", *argv])
    folder = Path(args.output_folder)
    settings = {
        "repeats": args.repeats,
        "threads": args.threads,
        "commit": record["commit"],
        "versions": record["versions"],
    }
    found = [_kept_or_measured(folder, name, settings) for name in args.rows]
    record |= {**settings, "rows": found}
    text = as_markdown(record)
    print(text)
    write_whole(folder / "encoders.md", text + "\n")
    write_whole(folder / "encoders.json", json.dumps(record, indent=2) + "\n")
    return record


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.encoders",
        description="Parameters, MACs, latency and memory of every encoder.",
    )
    known = list(rows())
    parser.add_argument("--rows", nargs="+", default=known, choices=known)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--output_folder", default="results/encoders")
    # What a fresh process is asked for: one row.
    parser.add_argument("--only", help=argparse.SUPPRESS)
    return parser


def _kept_or_measured(folder: Path, name: str, settings: dict) -> dict:
    """A row's measurements, of an earlier start if its settings were these."""
    path = folder / "rows" / f"{name}.json"
    if path.is_file():
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["settings"] == settings:
            return kept["row"]
    row = _in_own_process(name, settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {"settings": settings, "row": row}
    write_whole(path, json.dumps(kept, indent=2) + "\n")
    return row


def _in_own_process(name: str, settings: dict) -> dict:
    print(f"{name} ...", file=sys.stderr, flush=True)
    process = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.encoders", "--only", name),
            f"--repeats={settings['repeats']}",
            f"--threads={settings['threads']}",
        ],
        capture_output=True,
        text=True,
    )
    if process.returncode:
        raise RuntimeError(
            f"{name} failed with exit code {process.returncode}: "
            f"{process.stderr.strip()[-500:]}"
        )
    return json.loads(process.stdout.splitlines()[-1])


def measure(name: str, repeats: int) -> dict:
    """Measure a row in this process.

    Arguments
    ---------
    name : str
        Of `encoder_rows.rows`.
    repeats : int
        Timed passes at each duration, after one that is not.

    Returns
    -------
    dict
        ``name``, ``n_parameters`` and ``durations``: for each ``audio_s``,
        ``seconds`` of each pass, ``peak_bytes`` of the process and ``macs``.
    """
    encoder = build(name)
    durations = [
        {"audio_s": audio_s, **timed(encoder, noise(audio_s), repeats)}
        for audio_s in SECONDS
    ]
    for found in durations:  # last: counting takes memory too
        wavs = noise(found["audio_s"])
        found["macs"] = count_macs(encoder, wavs, torch.ones(1))
    return {
        "name": name,
        "n_parameters": sum(p.numel() for p in encoder.parameters()),
        "durations": durations,
    }


def noise(seconds: float) -> Tensor:
    """(1, S) torch.Tensor: a recording of noise."""
    generator = torch.Generator().manual_seed(1)
    n_samples = round(seconds * SAMPLE_RATE_HZ)
    return 0.1 * torch.randn(1, n_samples, generator=generator)


def timed(encoder: nn.Module, wavs: Tensor, repeats: int) -> dict:
    """``seconds`` of some passes, and ``peak_bytes`` of the process."""
    lens = torch.ones(len(wavs))
    restart_peak()
    with torch.inference_mode():
        encoder(wavs, lens)  # reserves memory, chooses kernels
        seconds = []
        for _ in range(repeats):
            started = time.perf_counter()
            encoder(wavs, lens)
            seconds.append(time.perf_counter() - started)
    return {"seconds": seconds, "peak_bytes": peak_rss_bytes()}


def count_macs(module: nn.Module, *inputs: Tensor) -> int:
    """Multiply-adds of convolutions and matrix products.

    Arguments
    ---------
    module : torch.nn.Module
    *inputs : torch.Tensor
        Of its forward.

    Returns
    -------
    int

    Example
    -------
    >>> count_macs(nn.Linear(3, 5), torch.ones(2, 3))
    30
    """
    counter = FlopCounterMode(display=False)
    fused = torch.backends.mha.get_fastpath_enabled()
    # The counter knows attention as its products, not as fused kernels; and
    # in inference mode WavLM's weight norm fails under it.
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
            module(*inputs)
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
    return counter.get_total_flops() // 2


def as_markdown(record: dict) -> str:
    """The record as a Markdown table."""
    from benchmarks.record import spread

    machine, versions = record["hardware"], record["versions"]
    titles = {name: row.title for name, row in rows().items()}
    cells = []
    for row in record["rows"]:
        durations = row["durations"]
        cells.append(
            [
                titles[row["name"]],
                f"{row['n_parameters'] / 1e6:.2f}",
                *(f"{found['macs'] / 1e9:.2f}" for found in durations),
                *(
                    spread([1000 * s for s in found["seconds"]], 0)
                    for found in durations
                ),
                *(f"{found['peak_bytes'] / MIB:,.0f}" for found in durations),
            ]
        )
    header = ["encoder", "parameters (M)"]
    for quantity in ("GMAC", "ms", "peak MiB"):
        header += [f"{quantity}, {s} s" for s in SECONDS]
    return (
        "# Cost of the encoders\n\n"
        f"`{record['command']}`, commit {record['commit']}, {record['date']}, "
        f"on {machine['processor']} ({record['threads']} threads, "
        f"{versions['platform']}), Python {machine['python']}, torch "
        f"{machine['torch']}, SpeechBrain {versions['speechbrain']}, "
        f"transformers {versions['transformers']}. One recording of noise at "
        "a time, float32, random weights; sizes of the papers. Milliseconds: "
        f"median [lowest–highest] of {record['repeats']} passes after one "
        "that is not counted. GMAC: convolutions and matrix products, without "
        "Fourier transform, norms, activations, softmax and pooling. Peak: of "
        "the whole process, libraries and weights included. SV-Mixer hears "
        "windows of 3 s, half overlapping: a shorter recording costs as much "
        f"as 3 s.\n\n{markdown_table(header, cells)}"
    )


if __name__ == "__main__":
    main()
