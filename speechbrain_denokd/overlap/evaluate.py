"""An encoder and overlapped trials in, error rates, scores and plots out.

``python -m speechbrain_denokd.overlap.evaluate MODEL_FOLDER`` measures any
model folder on the bundled corpus's mixtures, an encoder of single speakers
too: it has one embedding for a mixture.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from torch import nn

from speechbrain_denokd.cli_errors import exit_on_user_error
from speechbrain_denokd.data.files import write_whole
from speechbrain_denokd.evaluation import hardware
from speechbrain_denokd.model_folder import read_model_folder
from speechbrain_denokd.overlap.identities import (
    DISTANCES,
    closest_pair_scores,
    embed_enrollments,
    embed_mixtures,
)
from speechbrain_denokd.overlap.lists import MixtureLists, OverlapTest
from speechbrain_denokd.overlap.plan import MixtureShape
from speechbrain_denokd.overlap.rates import overlap_rates, overlap_table
from speechbrain_denokd.scoring.fingerprints import trials_fingerprint
from speechbrain_denokd.scoring.score_file import write_scores

KINDS = ("mixtures", "presence")


def evaluate_overlap(
    encoder: nn.Module,
    test: OverlapTest,
    folder: str | Path,
    origin: Mapping | None = None,
    n_workers: int = 0,
) -> tuple[dict, dict[str, np.ndarray]]:
    """Score both trial lists of a test with both distances.

    Arguments
    ---------
    encoder : torch.nn.Module
        Of several speakers or of one.
    test : OverlapTest
    folder : str or Path
        Receives ``scores_<kind>_<distance>.txt``.
    origin : mapping, optional
        Provenance for the score files, of JSON values.
    n_workers : int
        Processes that read audio.

    Returns
    -------
    rates : dict
        `overlap_rates` by kind ("mixtures", "presence") and distance.
    embeddings : dict of str to (K, D) numpy.ndarray
        Of mixtures and enrolments.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    embeddings, rates = {}, {}
    for kind in KINDS:
        trial_set = getattr(test, kind)
        new = [m for m in trial_set.mixtures if m.id not in embeddings]
        if new:
            embeddings |= embed_mixtures(
                encoder, new, trial_set.sources, n_workers=n_workers
            )
        if trial_set.enrollments:
            embeddings |= embed_enrollments(
                encoder, trial_set.enrollments, n_workers=n_workers
            )
        rates[kind] = {}
        for distance in DISTANCES:
            scores, _ = closest_pair_scores(
                embeddings, trial_set.trials, distance
            )
            rates[kind][distance] = overlap_rates(scores, trial_set)
            write_scores(
                folder / f"scores_{kind}_{distance}.txt",
                trial_set.trials,
                scores,
                {
                    "kind": f"closest pair, {distance}",
                    "trials_sha256": trials_fingerprint(trial_set.trials),
                    **(origin or {}),
                },
            )
    return rates, embeddings


def tables(systems: Mapping[str, Mapping], distance: str | None = None) -> str:
    """Every system's error rates on the same trials.

    Arguments
    ---------
    systems : mapping of str to mapping
        ``rates`` of `evaluate_overlap` by the system's name.
    distance : str, optional
        One of the distances alone.

    Returns
    -------
    str
    """
    return overlap_table(
        {
            f"{name}, {kind}, {measured}": rates[kind][measured]
            for kind in KINDS
            for name, rates in systems.items()
            for measured in ([distance] if distance else DISTANCES)
        }
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m speechbrain_denokd.overlap.evaluate",
        description="Error rates of a model folder on mixtures of speakers.",
        epilog="The lists are drawn from the manifest and kept beside the "
        "results; the same options draw the same lists.",
    )
    parser.add_argument("model", help="model folder (results/.../model)")
    parser.add_argument("--data_root", default="tests/samples")
    parser.add_argument("--manifest", help="default: DATA_ROOT/test.csv")
    parser.add_argument(
        "--baseline", help="model folder to beat on the same trials"
    )
    parser.add_argument(
        "--duration_s", type=float, default=3.0, help="of a mixture"
    )
    parser.add_argument("--n_triples", type=int, default=200)
    parser.add_argument("--n_presence_trials", type=int, default=1200)
    parser.add_argument("--output_folder", default="results/overlap_evaluation")
    parser.add_argument("--device", default="cpu")
    return parser


@exit_on_user_error
def main(argv: Sequence[str] | None = None):
    """Command line: see ``--help``."""
    args = _parser().parse_args(argv)
    folder = Path(args.output_folder)
    manifest = args.manifest or str(Path(args.data_root) / "test.csv")
    lists = MixtureLists(
        str(folder / "lists"),
        args.data_root,
        manifest,
        {"test": manifest},
        args.n_triples,
        n_dev_triples=1,  # there is nothing to choose
        n_presence_trials=args.n_presence_trials,
        shape=MixtureShape(args.duration_s),
    )
    lists.prepare()
    [test] = lists.test_sets
    models = {"model": args.model}
    if args.baseline:
        models["baseline"] = args.baseline
    found = {}
    for name, model in models.items():
        encoder = read_model_folder(model, args.device).encoder
        found[name], _ = evaluate_overlap(
            encoder, test, folder / name, {"model": model}
        )
    record = {"models": models, "rates": found, "hardware": hardware()}
    write_whole(folder / "metrics.json", json.dumps(record, indent=2) + "\n")
    print(tables(found))
    print(f"\nscores: {folder}")


if __name__ == "__main__":
    main()
