"""What a format of `benchmarks.extraction` costs on a trained model.

Random weights have no error rates. So the bundled model is embedded with in
every format, on the bundled test trials, and scored by its own back-end. The
voices are synthetic: the differences say something, the rates do not.
"""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.extraction_rows import (
    FORMATS,
    Format,
    embed_items,
    write_graphs,
)
from speechbrain_denokd.tables import markdown_table

MODEL = "pretrained/sample_teacher"
DATA_ROOT = "tests/samples"
# As `denokd export --int8 static` calibrates.
_N_CALIBRATION, _CALIBRATION_S = 64, 4.0


def measure_cost(formats: Sequence[str], model: str = MODEL) -> dict:
    """Error rates of the model in some formats.

    Arguments
    ---------
    formats : sequence of str
        Of ``FORMATS``; float32 is what they are compared with.
    model : str
        Trained model folder.

    Returns
    -------
    dict
        ``model``, ``n_trials``, and ``rows``: of each format ``format``,
        ``eer``, ``min_dcf``, their ``difference`` from float32 as
        `compare_scores`, and ``min_cosine`` to float32's embeddings.
    """
    from speechbrain_denokd.data.corpus import read_trial_set
    from speechbrain_denokd.data.manifest import read_manifest
    from speechbrain_denokd.export.run import read_some
    from speechbrain_denokd.known_scores import known_trials
    from speechbrain_denokd.score_report import compare_scores, rates_of
    from speechbrain_denokd.scoring.run import durations_of, scoring_of

    root = Path(DATA_ROOT)
    trial_set = read_trial_set(
        "test", root / "test.csv", root / "trials_test.txt", root
    )
    durations_s = durations_of(trial_set.utterances)
    system = scoring_of(model)
    rows, reference = [], None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(model, folder / FORMATS["fp32"].model)
        train = read_manifest(root / "train.csv", root)
        write_graphs(folder, read_some(train, _N_CALIBRATION, _CALIBRATION_S))
        for key in dict.fromkeys(["fp32", *formats]):
            vectors = _embedded(trial_set.utterances, FORMATS[key], folder)
            scored = system.score_trials(vectors, trial_set.trials, durations_s)
            known = known_trials(scored.normalised, trial_set)
            reference = reference or (vectors, known)
            rates = rates_of(known)
            difference = compare_scores(known, reference[1])
            rows.append(
                {
                    "format": key,
                    "eer": rates["eer"],
                    "min_dcf": rates["min_dcf"],
                    "difference": {
                        metric: found._asdict()
                        for metric, found in difference.items()
                    },
                    "min_cosine": _min_cosine(vectors, reference[0]),
                }
            )
    return {
        "model": str(model),
        "n_trials": len(trial_set.trials),
        "rows": rows,
    }


def _embedded(
    rows: Sequence, chosen: Format, folder: Path
) -> dict[str, np.ndarray]:
    from speechbrain_denokd.extraction import Item

    items = [Item(row.id, row.wav, row.start, row.stop) for row in rows]
    found = embed_items(items, chosen, folder)()
    return dict(zip(found.ids, found.vectors, strict=True))


def _min_cosine(one: dict, two: dict) -> float:
    a, b = (np.array([side[name] for name in one]) for side in (one, two))
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return float(((a * b).sum(axis=1) / norms).min())


def cost_table(cost: dict, titles: dict[str, str]) -> str:
    """The error rates in Markdown.

    Arguments
    ---------
    cost : dict
        Of `measure_cost`.
    titles : dict of str
        How a format is called.

    Returns
    -------
    str

    Example
    -------
    >>> eer = {"difference": 0.001, "low": -0.002, "high": 0.004}
    >>> row = {"format": "bf16", "eer": 0.1, "min_dcf": 0.5,
    ...        "difference": {"eer": eer}, "min_cosine": 0.9999}
    >>> table = cost_table({"rows": [row]}, {"bf16": "bfloat16"})
    >>> print(table.splitlines()[-1])
    | bfloat16 | 10.00   | +0.10 [-0.20, +0.40] | 0.500  | 0.999900      |
    """
    rows = []
    for row in cost["rows"]:
        eer = row["difference"]["eer"]
        change, low, high = (
            f"{100 * eer[key]:+.2f}" for key in ("difference", "low", "high")
        )
        rows.append(
            [
                titles[row["format"]],
                f"{100 * row['eer']:.2f}",
                f"{change} [{low}, {high}]",
                f"{row['min_dcf']:.3f}",
                f"{row['min_cosine']:.6f}",
            ]
        )
    return markdown_table(
        ["by", "EER (%)", "cost in EER", "minDCF", "lowest cosine"], rows
    )
