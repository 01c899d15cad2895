"""A model and a trial list in, error rates and plots out.

``python -m speechbrain_denokd.evaluation MODEL_FOLDER`` scores any model
folder on the bundled corpus, or with ``--manifest --trials --data_root`` on
any other. Embeddings are extracted once; trials are array arithmetic.
"""

import argparse
import json
import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from ruamel.yaml import YAML
from speechbrain.dataio.batch import PaddedBatch
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from speechbrain_denokd.cli_errors import exit_on_user_error
from speechbrain_denokd.data.batches import batches_by_duration
from speechbrain_denokd.data.corpus import TrialSet, read_trial_set
from speechbrain_denokd.data.dataset import WholeUtterances
from speechbrain_denokd.data.files import write_whole
from speechbrain_denokd.data.manifest import Utterance
from speechbrain_denokd.experiment import commit
from speechbrain_denokd.known_scores import known_trials
from speechbrain_denokd.metrics import (
    DENOKD,
    PRESETS,
    OperatingPoint,
    points_label,
    preset,
)
from speechbrain_denokd.model_folder import read_model_folder
from speechbrain_denokd.plots import plot_det, plot_tsne
from speechbrain_denokd.score_mode import (
    SINGLE,
    CropAverager,
    CropsAveraged,
    crops_averaged_system,
    describe_score_mode,
    parse_score_mode,
)
from speechbrain_denokd.score_report import rates_of
from speechbrain_denokd.scoring.backend import cosine_backend
from speechbrain_denokd.scoring.calibration import effective_prior
from speechbrain_denokd.scoring.fingerprints import (
    folder_fingerprint,
    trials_fingerprint,
)
from speechbrain_denokd.scoring.run import durations_of, scoring_of
from speechbrain_denokd.scoring.score_file import write_scores
from speechbrain_denokd.scoring.system import ScoringSystem
from speechbrain_denokd.tables import markdown_table

_MODULE = "speechbrain_denokd.evaluation"  # even where it runs as __main__
_UNNAMED = ""  # the list of a command that names none
CROPS_S = (None, 4, 3, 2)  # test durations of DenoKD's Table I


@torch.no_grad()
def extract_embeddings(
    encoder: nn.Module,
    utterances: Sequence[Utterance],
    crop_s: float | None = None,
    batch_s: float = 120.0,
    n_workers: int = 0,
    progress: bool = False,
) -> dict[str, np.ndarray]:
    """Embed utterances, in batches of similar length.

    Arguments
    ---------
    encoder : torch.nn.Module
        ``(wavs, lens) -> EncoderOutput``; put in eval mode.
    utterances : sequence of Utterance
    crop_s : float, optional
        Deterministic crop of each utterance, in seconds; whole by default.
    batch_s : float
        Seconds of audio per batch.
    n_workers : int
        Processes that read audio.
    progress : bool
        Whether a progress bar is shown.

    Returns
    -------
    dict of str to (D,) numpy.ndarray of float32
        By utterance ID, in the order of ``utterances``.
    """
    encoder.eval()
    tensors = [*encoder.parameters(), *encoder.buffers()]
    device = tensors[0].device
    loader = DataLoader(
        WholeUtterances(utterances, crop_s),
        batch_sampler=batches_by_duration(utterances, batch_s),
        collate_fn=PaddedBatch,
        num_workers=n_workers,
    )
    found = {}
    name = "whole utterances" if crop_s is None else f"{crop_s:g} s crops"
    for batch in tqdm(loader, desc=name, disable=not progress, leave=False):
        wavs, lens = batch.to(device).sig
        embeddings = encoder(wavs, lens).embedding.float().cpu().numpy()
        found.update(zip(batch.id, embeddings, strict=True))
    return {row.id: found[row.id] for row in utterances}


def condition_name(crop_s: float | None) -> str:
    """Name of a test duration in tables: "full", "4s", ...

    Example
    -------
    >>> condition_name(None), condition_name(2)
    ('full', '2s')
    """
    return "full" if crop_s is None else f"{crop_s:g}s"


def evaluate(
    encoder: nn.Module,
    trial_set: TrialSet,
    folder: str | Path,
    crops_s: Sequence[float | None] = CROPS_S,
    system: ScoringSystem | None = None,
    origin: Mapping | None = None,
    n_workers: int = 0,
    progress: bool = False,
    points: Sequence[OperatingPoint] = DENOKD,
    score_mode: CropsAveraged | None = None,
    heard: dict | None = None,
) -> dict[str, dict]:
    """Score a trial set at several durations; write scores and plots.

    Arguments
    ---------
    encoder : torch.nn.Module
    trial_set : TrialSet
    folder : str or Path
        Receives ``scores_<duration>.txt``, ``det.png`` and ``tsne.png``.
    crops_s : sequence of float or None
        Durations both sides are cropped to; None is the whole utterance.
    system : ScoringSystem, optional
        Back-end, score norm and calibration; plain cosine by default.
    origin : mapping, optional
        Further provenance for the score files, of JSON values.
    n_workers : int
        Processes that read audio.
    progress : bool
        Whether progress bars are shown.
    points : sequence of OperatingPoint
        Of minDCF and actDCF; the first is marked in the plot.
    score_mode : CropsAveraged, optional
        Average over crops of what is heard of each recording; ``system``,
        which was fitted to single embeddings, is then left out.
    heard : dict, optional
        Embeddings by utterance and duration, read and added to: trial sets of
        the same recordings, given the same one, extract each of them once.

    Returns
    -------
    dict of str to dict
        `score_report.rates_of` and ``score_mode`` by duration. The score
        files hold the normalised scores, before calibration.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    system = system or ScoringSystem(cosine_backend(centre=False))
    if score_mode is not None:
        encoder = CropAverager(encoder, score_mode)
        system = crops_averaged_system()
    described = describe_score_mode(score_mode)
    heard = {} if heard is None else heard
    conditions, curves = {}, {}
    for crop_s in crops_s:
        name = condition_name(crop_s)
        rows = trial_set.utterances
        new = [row for row in rows if (row, crop_s) not in heard]
        found = extract_embeddings(
            encoder, new, crop_s, n_workers=n_workers, progress=progress
        )
        heard.update(((row, crop_s), found[row.id]) for row in new)
        embeddings = {row.id: heard[row, crop_s] for row in rows}
        durations_s = durations_of(trial_set.utterances, crop_s)
        scored = system.score_trials(embeddings, trial_set.trials, durations_s)
        known = known_trials(scored.normalised, trial_set)
        rates = rates_of(known, scored.llr, points)
        conditions[name] = {**rates, "score_mode": described}
        curves[name] = known.scores, known.is_target
        write_scores(
            folder / f"scores_{name}.txt",
            trial_set.trials,
            scored.normalised,
            {
                "kind": "normalised",
                "crop_s": crop_s,
                "score_mode": described,
                "trials_sha256": trials_fingerprint(trial_set.trials),
                "scoring": system.describe(),
                **(origin or {}),
            },
        )
        if crop_s is None:
            plot_tsne(
                np.stack(list(embeddings.values())),
                [row.spk_id for row in trial_set.utterances],
                folder / "tsne.png",
            )
    # Costs and prior matter through one number alone.
    prior = effective_prior(*points[0][1:])
    plot_det(curves, folder / "det.png", p_target=prior)
    return conditions


def results_table(conditions: Mapping[str, Mapping]) -> str:
    """Error rates by duration, in Markdown.

    Arguments
    ---------
    conditions : mapping of str to mapping
        As `evaluate` returns it, of one choice of operating points.

    Example
    -------
    >>> rates = {"eer": 0.0078, "eer_interval": (0.006, 0.0101),
    ...          "min_dcf": 0.104, "min_dcf_interval": (0.08, 0.13),
    ...          "points": [DENOKD[0]._asdict()]}
    >>> print(results_table({"full": rates}))
    | test | EER (%) | 95 % interval | minDCF (0.01) | 95 % interval |
    | ---- | ------- | ------------- | ------------- | ------------- |
    | full | 0.78    | 0.60 – 1.01   | 0.104         | 0.080 – 0.130 |
    """
    rows = [
        [
            name,
            f"{100 * rates['eer']:.2f}",
            " – ".join(f"{100 * limit:.2f}" for limit in rates["eer_interval"]),
            f"{rates['min_dcf']:.3f}",
            " – ".join(f"{limit:.3f}" for limit in rates["min_dcf_interval"]),
        ]
        for name, rates in conditions.items()
    ]
    [chosen] = {
        tuple(OperatingPoint(**point) for point in rates["points"])
        for rates in conditions.values()
    }
    interval, cost = "95 % interval", f"minDCF ({points_label(chosen)})"
    header = ["test", "EER (%)", interval, cost, interval]
    return markdown_table(header, rows)


def hardware() -> dict:
    """What a result was computed on: processor, threads, GPU, versions.

    ``cpu_capability`` is the widest of the processor's vector instructions
    that PyTorch uses: of two x86-64 processors one can train four times as
    fast as the other.

    Example
    -------
    >>> sorted(hardware())
    ['cpu_capability', 'gpu', 'processor', 'python', 'threads', 'torch']
    """
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "processor": platform.processor() or platform.machine(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "gpu": gpu,
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m {_MODULE}",
        description="Error rates of a model folder on a trial list.",
        epilog="example: python -m speechbrain_denokd.evaluation "
        "pretrained/sample_teacher",
    )
    parser.add_argument("model", help="model folder (results/.../model)")
    parser.add_argument("--data_root", default="tests/samples")
    parser.add_argument("--manifest", help="default: DATA_ROOT/test.csv")
    parser.add_argument("--trials", help="default: DATA_ROOT/trials_test.txt")
    parser.add_argument(
        "--tests",
        metavar="{NAME: {manifest: FILE, trials: FILE}}",
        help="several lists, in the place of --manifest and --trials",
    )
    parser.add_argument(
        "--crops", type=float, nargs="*", default=CROPS_S[1:], metavar="S"
    )
    parser.add_argument(
        "--operating_point",
        default="denokd",
        choices=PRESETS,
        help="of minDCF; denokd is a target prior of 0.01, voxsrc 0.05",
    )
    parser.add_argument(
        "--score_mode",
        default=SINGLE,
        help="single, or NxS (such as 10x3): the mean of the cosines of N "
        "crops of S seconds of each side",
    )
    parser.add_argument("--output_folder", help="default: results/evaluation")
    parser.add_argument("--device", default="cpu")
    return parser


@exit_on_user_error
def main(argv: Sequence[str] | None = None):
    """Command line: see ``--help``."""
    argv = list(sys.argv[1:] if argv is None else argv)
    args = _parser().parse_args(argv)
    folder = Path(args.output_folder or "results/evaluation")
    score_mode = parse_score_mode(args.score_mode)
    tests = _tests(args)
    root = Path(args.data_root)
    trial_sets = {
        name: read_trial_set(name or "test", *files.values(), root)
        for name, files in tests.items()
    }
    encoder = read_model_folder(args.model, args.device).encoder
    found, heard = {}, {}
    for name, trial_set in trial_sets.items():
        found[name] = evaluate(
            encoder,
            trial_set,
            folder / name,
            [None, *args.crops],
            scoring_of(args.model),
            {
                "model": args.model,
                "model_sha256": folder_fingerprint(args.model),
                "manifest": tests[name]["manifest"],
                "data_root": str(root),
            },
            progress=True,
            points=preset(args.operating_point),
            score_mode=score_mode,
            heard=heard,
        )
    results = {"tests": found}
    if _UNNAMED in found:
        trials = tests[_UNNAMED]["trials"]
        results = {"trials": trials, "conditions": found[_UNNAMED]}
    record = {
        "model": args.model,
        "score_mode": describe_score_mode(score_mode),
        **results,
        "command": shlex.join(["python", "-m", _MODULE, *argv]),
        "commit": commit(),
        "hardware": hardware(),
    }
    write_whole(folder / "metrics.json", json.dumps(record, indent=2) + "\n")
    for name, conditions in found.items():
        title = f"{name}\n\n" if name else ""
        print(f"{title}{results_table(conditions)}\n")
    print(f"scores, DET and t-SNE plots: {folder}")


def _tests(args: argparse.Namespace) -> dict[str, dict[str, str]]:
    """Manifest and trials of each list; of one, under no name."""
    root = Path(args.data_root)
    if args.tests is None:
        manifest = args.manifest or root / "test.csv"
        trials = args.trials or root / "trials_test.txt"
        return {_UNNAMED: {"manifest": str(manifest), "trials": str(trials)}}
    if args.manifest or args.trials:
        raise ValueError(
            "--tests names the lists: leave --manifest and --trials"
        )
    return parse_tests(args.tests)


def parse_tests(text: str) -> dict[str, dict[str, str]]:
    """Several lists, as the command line and the set-ups name them.

    Arguments
    ---------
    text : str
        YAML: ``{NAME: {manifest: FILE, trials: FILE}}``.

    Returns
    -------
    dict of str to dict of str to str

    Raises
    ------
    ValueError
        If it is anything else.

    Example
    -------
    >>> parse_tests("{O: {manifest: a.csv, trials: o.txt}}")
    {'O': {'manifest': 'a.csv', 'trials': 'o.txt'}}
    """
    tests = YAML(typ="safe").load(text)
    try:
        return {
            str(name): {"manifest": test["manifest"], "trials": test["trials"]}
            for name, test in tests.items()
        }
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(
            f"--tests is {text!r}; write "
            '--tests="{NAME: {manifest: FILE, trials: FILE}}"'
        ) from error


if __name__ == "__main__":
    main()
