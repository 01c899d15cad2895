"""Separated mixtures, measured (``model, mixtures -> metrics, table``)."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset
from tqdm import tqdm

from speechbrain_denokd.data.files import write_whole
from speechbrain_denokd.losses.assignment import best_assignment
from speechbrain_denokd.separation.intervals import mean_interval
from speechbrain_denokd.separation.metrics import available_metrics, si_sdr
from speechbrain_denokd.tables import markdown_table

IMPROVED_DB = 1.0  # WeSep: an item counts as separated above this SI-SDRi
METRICS = ("si_sdr", "sdr", "pesq")


def evaluate_separation(
    model: torch.nn.Module,
    mixtures: Dataset,
    folder: str | Path,
    progress: bool = True,
) -> dict:
    """Separate every mixture of a set, whole, and measure each speaker.

    Outputs without an order are assigned to the sources as they fit best.

    Arguments
    ---------
    model : SeparationModel
        In eval mode.
    mixtures : torch.utils.data.Dataset
        Items with ``id``, ``sig``, ``sources``, ``genders``, ``spk_ids`` and
        perhaps ``enroll``.
    folder : str or Path
        ``items.csv`` is written there, one row for each speaker of each
        mixture.
    progress : bool
        Whether a bar is shown.

    Returns
    -------
    dict
        Of `summary`.

    Example
    -------
    >>> "si_sdr" in METRICS
    True
    """
    metrics = available_metrics()
    device = next(model.separator.parameters()).device
    items = []
    for index in tqdm(range(len(mixtures)), "separate", disable=not progress):
        mixture = mixtures[index]
        enroll = mixture.get("enroll")
        with torch.no_grad():
            [estimates] = model(
                mixture["sig"][None].to(device),
                torch.ones(1, device=device),
                None if enroll is None else enroll[None].to(device),
            ).wavs
        items += measure(
            estimates.cpu().numpy(), mixture, metrics, model.identity.ordered
        )
    write_items(Path(folder) / "items.csv", items)
    return summary(items)


def measure(
    estimates: np.ndarray, mixture: Mapping, metrics: Mapping, ordered: bool
) -> list[dict]:
    """Metrics of the speakers of one mixture, and what separation added.

    Arguments
    ---------
    estimates : (K, S) numpy.ndarray
    mixture : mapping
        Of the set.
    metrics : mapping of str to callable
        Of `available_metrics`.
    ordered : bool
        Whether estimate ``k`` is of source ``k``.

    Returns
    -------
    list of dict
        One for each source, with ``si_sdr`` and ``si_sdr_i`` and so on; NaN
        where a metric is not available or not defined.

    Example
    -------
    >>> source = torch.randn(2, 400)
    >>> mixture = {
    ...     "id": "m", "sig": source.sum(0), "sources": source,
    ...     "spk_ids": ("a", "b"), "genders": "f-m",
    ... }
    >>> items = measure(source.flip(0).numpy(), mixture, {"si_sdr": si_sdr}, 0)
    >>> [item["si_sdr"] > 80 for item in items]
    [True, True]
    """
    sources = mixture["sources"].numpy()
    order = range(len(sources))
    if not ordered:
        costs = [[-si_sdr(e, s) for s in sources] for e in estimates]
        # Source of each output -> output of each source.
        order = best_assignment(torch.tensor([costs]))[0].argsort().tolist()
    items = []
    for k, (source, place) in enumerate(zip(sources, order, strict=True)):
        item = {
            "id": mixture["id"],
            "speaker": mixture["spk_ids"][k],
            "spk_ids": tuple(mixture["spk_ids"]),
            "genders": mixture["genders"],
        }
        for name in METRICS:
            value = before = math.nan
            if name in metrics:
                value = metrics[name](estimates[place], source)
                before = metrics[name](mixture["sig"].numpy(), source)
            item[name], item[f"{name}_i"] = value, value - before
        items.append(item)
    return items


def summary(items: Sequence[Mapping]) -> dict:
    """Means by condition, with intervals over speakers.

    Arguments
    ---------
    items : sequence of dict
        Of `measure`.

    Returns
    -------
    dict
        By condition ("all", then each pair of genders): ``n_mixtures``,
        ``n_items``, ``si_sdr_i``, ``sdr_i``, ``pesq_i`` and the share of items
        ``improved`` by more than 1 dB, each with its ``_interval``; None
        where nothing could be measured. ``n_without_pesq`` counts the items
        in which PESQ found no speech.

    Example
    -------
    >>> item = {"id": "m", "spk_ids": ("a", "b"), "genders": "f-m"}
    >>> item |= {"si_sdr_i": 3.0, "sdr_i": 4.0, "pesq_i": math.nan}
    >>> found = summary([item])["f-m"]
    >>> found["si_sdr_i"], found["improved"], found["pesq_i"]
    (3.0, 1.0, None)
    """
    conditions = {"all": list(items)}
    for genders in sorted({item["genders"] for item in items}):
        conditions[genders] = [i for i in items if i["genders"] == genders]
    found = {}
    for name, chosen in conditions.items():
        result = {
            "n_mixtures": len({item["id"] for item in chosen}),
            "n_items": len(chosen),
            "n_without_pesq": sum(math.isnan(i["pesq_i"]) for i in chosen),
        }
        for metric in ("si_sdr_i", "sdr_i", "pesq_i"):
            result |= _mean(metric, chosen, [i[metric] for i in chosen])
        above = [float(item["si_sdr_i"] > IMPROVED_DB) for item in chosen]
        found[name] = result | _mean("improved", chosen, above)
    return found


def _mean(name: str, items: Sequence[Mapping], values: Sequence[float]) -> dict:
    kept = [
        (value, item["spk_ids"])
        for value, item in zip(values, items, strict=True)
        if math.isfinite(value)
    ]
    if not kept:
        return {name: None, f"{name}_interval": None}
    numbers, speakers = zip(*kept, strict=True)
    low, high = mean_interval(numbers, speakers)
    return {
        name: float(np.mean(numbers)),
        f"{name}_interval": [low, high],
    }


def write_items(path: Path, items: Sequence[Mapping]):
    """Write the metrics of every speaker of every mixture as CSV."""
    names = [n for metric in METRICS for n in (metric, f"{metric}_i")]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["ID", "speaker", "genders", *names])
    for item in items:
        numbers = [f"{item[name]:.4f}" for name in names]
        writer.writerow(
            [item["id"], item["speaker"], item["genders"], *numbers]
        )
    write_whole(path, text.getvalue())


def separation_table(conditions: Mapping[str, Mapping]) -> str:
    """Markdown of one test's metrics, a row for each pair of genders.

    Arguments
    ---------
    conditions : mapping
        Of `summary`.

    Returns
    -------
    str

    Example
    -------
    >>> item = {"id": "m", "spk_ids": ("a", "b"), "genders": "f-m"}
    >>> item |= {"si_sdr_i": 3.0, "sdr_i": 4.0, "pesq_i": math.nan}
    >>> print(separation_table({"all": summary([item])["all"]}))
    | speakers | mixtures | SDRi (dB)         | PESQi | SI-SDRi (dB)      \
| SI-SDRi > 1 dB (%) |
    | -------- | -------- | ----------------- | ----- | ----------------- \
| ------------------ |
    | all      | 1        | 4.00 [4.00, 4.00] | –     | 3.00 [3.00, 3.00] \
| 100 [100, 100]     |
    """
    rows = []
    for name, found in conditions.items():
        rows.append([name, found["n_mixtures"], *metric_cells(found)])
    return markdown_table(["speakers", "mixtures", *TITLES], rows)


TITLES = ("SDRi (dB)", "PESQi", "SI-SDRi (dB)", "SI-SDRi > 1 dB (%)")


def metric_cells(found: Mapping) -> list[str]:
    """Cells of a condition, below `TITLES`."""
    return [
        _cell(found, "sdr_i", 2),
        _cell(found, "pesq_i", 3),
        _cell(found, "si_sdr_i", 2),
        _cell(found, "improved", 0, 100),
    ]


def _cell(found: Mapping, name: str, n_decimals: int, scale: float = 1) -> str:
    if found[name] is None:
        return "–"
    low, high = (scale * value for value in found[f"{name}_interval"])
    value = scale * found[name]
    return (
        f"{value:.{n_decimals}f} [{low:.{n_decimals}f}, {high:.{n_decimals}f}]"
    )
