"""Figures of a table (the arrow ``records, draws -> figures``)."""

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from speechbrain_denokd.data.manifest import read_manifest
from speechbrain_denokd.evaluation import extract_embeddings
from speechbrain_denokd.model_folder import read_model_folder
from speechbrain_denokd.plots import plot_rows, plot_steps, plot_tsne_systems
from speechbrain_denokd.scoring.score_file import read_scores
from speechbrain_denokd.table.page import TablePage
from speechbrain_denokd.table.records import by_row, step_time_s
from speechbrain_denokd.table.significance import RowResult

N_SPEAKERS = 10  # as DenoKD's Fig. 3
N_UTTERANCES = 30  # of each, at most

Results = Mapping[str, Mapping[str, RowResult]]


def mean_rates(
    runs: Sequence[Mapping], condition: str, result: RowResult | None
) -> dict | None:
    """EER of a row for a figure: mean over seeds, its interval, the seeds.

    Arguments
    ---------
    runs : sequence of dict
        Records of the row, of `records.of_test`.
    condition : str
    result : RowResult or None
        Of the row, which has the interval of the mean. Without it the ends
        of the seeds' own intervals are averaged.

    Returns
    -------
    dict or None
        ``eer``, ``eer_interval`` and ``seeds``; None where no interval is
        known.

    Example
    -------
    >>> runs = [{"conditions": {"full": {"eer": 0.1}}}]
    >>> mean_rates(runs, "full", RowResult(0.1, (0.0, 0.2), None))["seeds"]
    [0.1]
    """
    rates = [run["conditions"][condition] for run in runs]
    found = {
        "eer": statistics.fmean(one["eer"] for one in rates),
        "seeds": [one["eer"] for one in rates],
    }
    if result is not None:
        return found | {"eer_interval": list(result.interval)}
    if any("eer_interval" not in one for one in rates):
        return None
    ends = zip(*(one["eer_interval"] for one in rates), strict=True)
    return found | {"eer_interval": [statistics.fmean(end) for end in ends]}


def draw_rows(
    records: Sequence[Mapping],
    results: Results,
    path: str | Path,
    reference: str | None = None,
):
    """EER of every row, with its interval and its seeds.

    Arguments
    ---------
    records : sequence of dict
        Of `records.of_test`, in the order of the table.
    results : mapping
        Of `significance.compare_rows`, or empty.
    path : str or Path
    reference : str, optional
        Row to draw as a line.
    """
    rows, titles = [], {}
    for name, runs in by_row(records).items():
        titles[name] = runs[0]["title"]
        rates = {
            condition: mean_rates(
                runs, condition, results.get(name, {}).get(condition)
            )
            for condition in runs[0]["conditions"]
        }
        known = {name: one for name, one in rates.items() if one}
        rows.append({"title": titles[name], "conditions": known})
    if any(row["conditions"] for row in rows):
        plot_rows(rows, path, titles.get(reference))


def rows_by_steps(
    page: TablePage, records: Sequence[Mapping], results: Results
) -> list[dict]:
    """Rows for `plot_steps`: those that the page names.

    Arguments
    ---------
    page : TablePage
    records : sequence of dict
        Of `records.of_test`.
    results : mapping
        Of `significance.compare_rows`, or empty.

    Returns
    -------
    list of dict
        EERs are means over seeds. The time is the median over seeds of all
        of training, data and development trials included, per step.
    """
    rows, found = by_row(records), []
    for name in page.plot_steps:
        if name not in rows:
            continue
        own = results.get(name, {})
        rates = {
            condition: mean_rates(rows[name], condition, own.get(condition))
            for condition in rows[name][0]["conditions"]
        }
        found.append(
            {
                "n_steps": page.rows[name]["overrides"]["n_steps"],
                "step_time_s": step_time_s(rows[name]),
                "conditions": {c: one for c, one in rates.items() if one},
            }
        )
    return found


def draw_steps(rows: Sequence[Mapping], path: str | Path):
    """EER and time per training step against denoising steps.

    Arguments
    ---------
    rows : sequence of dict
        Of `rows_by_steps`.
    path : str or Path
    """
    plot_steps(list(rows), path)


def draw_tsne(
    names: Sequence[str], records: Sequence[Mapping], path: str | Path
):
    """Embeddings of the same test speakers by several rows' models.

    The speakers are those with the most utterances in the trials; of a row
    of several seeds, the first is drawn.

    Source: DenoKD, Fig. 3.

    Arguments
    ---------
    names : sequence of str
        Rows; those without a record are left out.
    records : sequence of dict
        Of `records.of_test`.
    path : str or Path

    Raises
    ------
    FileNotFoundError, ValueError
        If a score file does not lead to its model and manifest any more, or
        the test has too few speakers to draw.
    """
    rows = by_row(records)
    shown = [rows[name][0] for name in names if name in rows]
    if not shown:
        return
    files = [Path(r["scores"]) / "scores_full.txt" for r in shown]
    utterances = _fullest_speakers(read_scores(files[0]))
    systems = {}
    for record, file in zip(shown, files, strict=True):
        model = read_scores(file).provenance.get("model")
        if model is None:
            raise ValueError(f"{file} does not say which model scored it")
        encoder = read_model_folder(model).encoder
        embeddings = extract_embeddings(encoder, utterances)
        systems[record["title"]] = np.stack(list(embeddings.values()))
    speakers = [row.spk_id for row in utterances]
    plot_tsne_systems(systems, speakers, path)


def _fullest_speakers(scores) -> list:
    """Utterances in the trials, of the speakers who have the most."""
    origin = scores.provenance
    if "manifest" not in origin:
        raise ValueError("a score file does not say which manifest it is of")
    used = {side for trial in scores.trials for side in trial[1:]}
    rows = [
        row
        for row in read_manifest(
            origin["manifest"], origin["data_root"], check_audio=False
        )
        if row.id in used
    ]
    counts = Counter(row.spk_id for row in rows)
    order = sorted(counts, key=lambda name: (-counts[name], name))
    chosen, n_taken = [], Counter()
    for row in rows:
        if row.spk_id in order[:N_SPEAKERS]:
            n_taken[row.spk_id] += 1
            if n_taken[row.spk_id] <= N_UTTERANCES:
                chosen.append(row)
    return chosen
