"""The trial lists behind a table (the arrow ``settings -> trial reports``).

Which lists a cell was tested on stands in its ``hyperparams.yaml``; they are
examined as ``denokd trials check`` does, and their speakers are looked for in
training and among the development trials.
"""

from collections.abc import Mapping
from pathlib import Path

from ruamel.yaml import YAML

from speechbrain_denokd.data.manifest import read_manifest
from speechbrain_denokd.data.trial_doctor import examine_trials
from speechbrain_denokd.data.trials import (
    parse_trials,
    resolve_trials,
    speakers_in_training,
)
from speechbrain_denokd.tables import markdown_table


def corpus_of(settings: str | Path) -> dict | None:
    """The corpus that a run's settings name.

    Arguments
    ---------
    settings : str or Path
        ``hyperparams.yaml`` of the run's folder.

    Returns
    -------
    dict or None
        ``data_root``, ``train``, ``dev`` and ``tests``, as
        ``data.corpus.Corpus`` takes them; None without such a file or
        without a corpus in it.

    Example
    -------
    >>> corpus_of("no/where.yaml")
    """
    settings = Path(settings)
    if not settings.is_file():
        return None
    # Round trip: it reads tags such as !new: without building anything.
    page = YAML(typ="rt").load(settings.read_text(encoding="utf-8"))
    setup = page.get("setup") if isinstance(page, Mapping) else None
    corpus = setup.get("corpus") if isinstance(setup, Mapping) else None
    needed = {"data_root", "train", "dev", "tests"}
    if not isinstance(corpus, Mapping) or needed - set(corpus):
        return None
    return {key: corpus[key] for key in needed}


def examine_lists(corpus: Mapping) -> dict[str, dict]:
    """Examine the development list and every test list of a corpus.

    Arguments
    ---------
    corpus : mapping
        Of `corpus_of`.

    Returns
    -------
    dict of str to dict
        By name, "dev" first: ``n_trials``, ``n_targets``, ``n_speakers``,
        ``n_also_in_training``, ``n_also_in_dev`` and ``report``, the trial
        doctor's.

    Example
    -------
    >>> files = {"manifest": "tests/samples/{}.csv",
    ...          "trials": "tests/samples/trials_{}.txt"}
    >>> dev, test = (
    ...     {key: file.format(name) for key, file in files.items()}
    ...     for name in ("dev", "test")
    ... )
    >>> found = examine_lists({
    ...     "data_root": "tests/samples", "train": "tests/samples/train.csv",
    ...     "dev": dev, "tests": {"test": test}})
    >>> found["test"]["n_also_in_training"], found["test"]["n_also_in_dev"]
    (0, 0)
    """
    root = corpus["data_root"]
    trained_on = {
        row.spk_id
        for row in read_manifest(corpus["train"], root, check_audio=False)
    }
    lists = {"dev": corpus["dev"], **corpus["tests"]}
    found, dev_speakers = {}, frozenset()
    for name, files in lists.items():
        rows = read_manifest(files["manifest"], root, check_audio=False)
        trials, malformed = parse_trials(files["trials"])
        report = examine_trials(
            trials, rows, trained_on, root, malformed, check_audio=False
        )
        speakers = _speakers(trials, rows, root)
        if name == "dev":
            dev_speakers = speakers
        found[name] = {
            "trials": str(files["trials"]),
            "n_trials": len(trials),
            "n_targets": sum(trial.is_target for trial in trials),
            "n_speakers": len(speakers),
            "n_also_in_training": _n_common(speakers, trained_on),
            "n_also_in_dev": None
            if name == "dev"
            else _n_common(speakers, dev_speakers),
            "report": report.as_dict(),
        }
    return found


def _speakers(trials, rows, root) -> set[str]:
    """Speakers that take part in the trials."""
    speaker = {row.id: row.spk_id for row in rows}
    resolved = resolve_trials(trials, rows, root)
    return {speaker[side] for trial in resolved for side in trial[1:]}


def _n_common(speakers, others) -> int:
    return len(speakers_in_training(speakers, others))


def lists_table(found: Mapping[str, Mapping]) -> str:
    """The lists in Markdown, with what the doctor says of them.

    Arguments
    ---------
    found : mapping
        Of `examine_lists`.

    Example
    -------
    >>> row = {"n_trials": 9, "n_targets": 4, "n_speakers": 3,
    ...        "n_also_in_training": 0, "n_also_in_dev": None,
    ...        "report": {"findings": []}}
    >>> lists_table({"dev": row}).splitlines()[-1][:40]
    '| dev  | 9      | 4       | 3        | 0'
    """
    rows = [
        [
            name,
            one["n_trials"],
            one["n_targets"],
            one["n_speakers"],
            one["n_also_in_training"],
            "–" if one["n_also_in_dev"] is None else one["n_also_in_dev"],
            _complaints(one["report"]["findings"]) or "–",
        ]
        for name, one in found.items()
    ]
    header = ["List", "Trials", "Targets", "Speakers", "also in training"]
    return markdown_table([*header, "also in dev", "Remarks"], rows)


def _complaints(findings) -> str:
    return "; ".join(
        f"{one['severity']}: {one['name'].replace('_', ' ')} "
        f"({one['values']['count']:,} of {one['values']['of']:,})"
        if "count" in one["values"]
        else f"{one['severity']}: {one['name'].replace('_', ' ')}"
        for one in findings
        if one["severity"] != "fact"
    )
