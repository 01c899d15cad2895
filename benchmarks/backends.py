"""Back-ends, score norms and calibration of one model, in one table.

    python -m benchmarks.backends pretrained/sample_teacher
    python -m benchmarks.backends MODEL --data_root DIR --test_trials LIST

Back-end and cohort learn from ``train.csv``, calibration from the development
trials; test trials are scored once by each. *Before* takes the score as if it
were a log-likelihood ratio, *after* is calibrated.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.record import provenance
from speechbrain_denokd.cli.inputs import open_trial_set
from speechbrain_denokd.cli_errors import exit_on_user_error
from speechbrain_denokd.data.manifest import read_manifest
from speechbrain_denokd.evaluation import extract_embeddings
from speechbrain_denokd.metrics import (
    DENOKD,
    act_dcf,
    cllr,
    eer,
    min_cllr,
    min_dcf,
)
from speechbrain_denokd.model_folder import read_model_folder
from speechbrain_denokd.scoring.fitting import (
    EVEN,
    Embedded,
    Plan,
    fit_system,
)
from speechbrain_denokd.scoring.run import durations_of
from speechbrain_denokd.tables import markdown_table

BACKENDS = ("cosine", "centred_cosine", "lda", "plda", "psda")
NORMS = ("none", "s", "as")


@exit_on_user_error
def main(argv: Sequence[str] | None = None) -> dict:
    """Command line: see ``--help``. Returns the record."""
    argv = list(sys.argv[1:] if argv is None else argv)
    args = _parser().parse_args(argv)
    rows = measure(args)
    record = {
        "rows": rows,
        **provenance(["python", "-m", "benchmarks.backends", *argv]),
    }
    text = as_markdown(record)
    print(text)
    folder = Path(args.output_folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "backends.md").write_text(text + "\n", encoding="utf-8")
    (folder / "backends.json").write_text(
        json.dumps(record, indent=2) + "\n", encoding="utf-8"
    )
    return record


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.backends",
        description="Back-ends x score norms, before and after calibration.",
    )
    parser.add_argument("model", help="model folder")
    parser.add_argument("--data_root", default="tests/samples")
    parser.add_argument("--train_manifest", help="default: train.csv")
    parser.add_argument("--dev_trials", help="default: trials_dev.txt")
    parser.add_argument("--test_trials", help="default: trials_test.txt")
    parser.add_argument("--n_components", type=int, default=40)
    parser.add_argument("--top_n", type=int, default=20)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--output_folder", default="results/backends")
    return parser


def measure(args) -> list[dict]:
    """Rates of every back-end with every norm.

    Arguments
    ---------
    args : argparse.Namespace
        Of this script's options.

    Returns
    -------
    list of dict
    """
    root = args.data_root
    encoder = read_model_folder(args.model, args.device).encoder
    dev = open_trial_set(root, None, args.dev_trials, "dev")
    test = open_trial_set(root, None, args.test_trials, "test")
    manifest = args.train_manifest or f"{root}/train.csv"
    train_rows = read_manifest(manifest, root)
    found = extract_embeddings(encoder, train_rows, progress=True)
    train = Embedded.of(found, train_rows, manifest)
    dev_embeddings = extract_embeddings(encoder, dev.utterances, progress=True)
    test_embeddings = extract_embeddings(
        encoder, test.utterances, progress=True
    )
    rows = []
    for backend, norm in product(BACKENDS, NORMS):
        plan = Plan(backend, norm=norm, top_n=args.top_n)
        if backend == "lda":
            plan = plan._replace(n_components=args.n_components)
        system, _ = fit_system(plan, train, dev, dev_embeddings, EVEN)
        scored = system.score_trials(
            test_embeddings, test.trials, durations_of(test.utterances)
        )
        is_target = np.array([trial.is_target for trial in test.trials])
        rows.append(
            {
                "backend": backend,
                "norm": norm,
                **rates(scored.normalised, scored.llr, is_target),
            }
        )
    return rows


def rates(scores: np.ndarray, llrs: np.ndarray, is_target: np.ndarray) -> dict:
    """Error rates of scores, before and after calibration.

    Arguments
    ---------
    scores, llrs : (N,) numpy.ndarray
        Before and after.
    is_target : (N,) numpy.ndarray of bool

    Returns
    -------
    dict
    """
    costs = DENOKD[0][1:]
    return {
        "eer": float(eer(scores, is_target)),
        "min_dcf": float(min_dcf(scores, is_target, *costs)),
        "min_cllr": float(min_cllr(scores, is_target)),
        "act_dcf": [
            float(act_dcf(values, is_target, *costs))
            for values in (scores, llrs)
        ],
        "cllr": [float(cllr(values, is_target)) for values in (scores, llrs)],
        "n_targets": int(is_target.sum()),
        "n_nontargets": int((~is_target).sum()),
    }


def as_markdown(record: Mapping) -> str:
    """The record as a Markdown table."""
    header = ["back-end", "norm", "EER (%)", "minDCF", "actDCF before"]
    header += ["after", "minCllr", "Cllr before", "after"]
    table = [
        [
            row["backend"],
            row["norm"],
            f"{100 * row['eer']:.2f}",
            f"{row['min_dcf']:.3f}",
            *(f"{value:.3f}" for value in row["act_dcf"]),
            f"{row['min_cllr']:.3f}",
            *(f"{value:.3f}" for value in row["cllr"]),
        ]
        for row in record["rows"]
    ]
    first = record["rows"][0]
    return (
        "# Back-ends, score norms, calibration\n\n"
        f"`{record['command']}`, commit {record['commit']}, {record['date']}. "
        f"{first['n_targets']} target and {first['n_nontargets']} nontarget "
        "trials; minDCF and actDCF at p_target 0.01 with unit costs; "
        "calibrated for even odds on the development trials.\n\n"
        f"{markdown_table(header, table)}"
    )


if __name__ == "__main__":
    main()
