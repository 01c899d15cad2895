"""Bulk extraction as a whole (``model, source -> embeddings, report``)."""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from speechbrain_denokd.data.files import write_whole
from speechbrain_denokd.extraction.inputs import (
    items_fingerprint,
    read_items,
)
from speechbrain_denokd.extraction.model import find_model
from speechbrain_denokd.extraction.recording import Windowing
from speechbrain_denokd.extraction.run import Effort, extract
from speechbrain_denokd.extraction.shards import Shards, Skipped
from speechbrain_denokd.extraction.storage import check_output

_POLL_S = 0.2


class Share(NamedTuple):
    """Which part of the work is this process's.

    Attributes
    ----------
    rank, n_ranks : int
        This process among those that work on one output.

    Example
    -------
    >>> Share().n_ranks
    1
    """

    rank: int = 0
    n_ranks: int = 1

    @classmethod
    def from_environment(cls) -> "Share":
        """What ``torchrun`` says, or everything."""
        environment = os.environ
        return cls(
            int(environment.get("RANK", 0)),
            int(environment.get("WORLD_SIZE", 1)),
        )


@dataclass(frozen=True)
class Job:
    """What is embedded, with what, and where to.

    Attributes
    ----------
    model : str
        As `find_model`.
    source : str
        As `read_items`.
    output : str
        As `write_embeddings`. Until it is written, its finished parts lie
        beside it in ``<output>.parts``.
    data_root : str
        As `read_items`.
    device : str
    precision : str
        As `find_model`.
    windowing : Windowing
    trust : bool
        As `find_model`.

    Example
    -------
    >>> Job("results/ecapa/model", "corpus", "a.npz").parts.name
    'a.npz.parts'
    """

    model: str
    source: str
    output: str
    data_root: str = "."
    device: str = "cpu"
    precision: str = "fp32"
    windowing: Windowing = Windowing()
    trust: bool = False

    @property
    def parts(self) -> Path:
        """Folder of the finished parts."""
        return Path(f"{self.output}.parts")

    @property
    def report(self) -> Path:
        """File that names what was skipped."""
        return Path(f"{self.output}.report.json")


class Report(NamedTuple):
    """What became of a job.

    Attributes
    ----------
    n_embedded : int
        Recordings in the output.
    skipped : list of Skipped
        The others, with the reason.

    Example
    -------
    >>> Report(2, []).n_embedded
    2
    """

    n_embedded: int
    skipped: list[Skipped]


def run_job(
    job: Job,
    effort: Effort,
    share: Share,
    progress: bool = False,
) -> Report | None:
    """Embed a source; the same call again goes on where it was stopped.

    Rank 0 waits for the parts of the others, and merges them.

    Arguments
    ---------
    job : Job
    effort : Effort
    share : Share
    progress : bool
        Whether a bar shows rate and time left of this process's share.

    Returns
    -------
    Report or None
        None from ranks other than 0. The report is written beside the output.

    Raises
    ------
    FileNotFoundError
        If there is no such model or source.
    ValueError
        If source, model, output or settings cannot be used, or parts of
        another job are in the way.
    """
    job.windowing.check()
    effort.check()
    items = read_items(job.source, job.data_root)
    check_output(job.output, (item.id for item in items))
    model = find_model(
        job.model, job.device, job.precision, job.trust, effort.n_threads
    )
    settings = {
        **model.identity,
        "items_sha256": items_fingerprint(items),
        **job.windowing._asdict(),
    }
    shards = Shards(job.parts, items)
    mine = range(share.rank, shards.n_shards, share.n_ranks)
    if share.rank and not mine:
        return None
    shards.claim(settings)
    missing = [number for number in mine if not shards.is_done(number)]
    if missing:
        embed = model.load()
        n_mine = sum(len(shards.rows(number)) for number in mine)
        n_left = sum(len(shards.rows(number)) for number in missing)
        with tqdm(
            total=n_mine,
            initial=n_mine - n_left,
            unit=" recordings",
            disable=not progress,
        ) as bar:
            extract(shards, missing, embed, job.windowing, effort, bar.update)
    if share.rank:
        return None
    return _finished(job, shards, settings)


def _finished(job: Job, shards: Shards, settings: dict) -> Report:
    """Merge, report, and clear away the parts."""
    while not all(map(shards.is_done, range(shards.n_shards))):
        time.sleep(_POLL_S)  # torchrun ends this process if another fails
    report = Report(shards.merge(job.output), shards.skipped())
    record = {
        "model": job.model,
        "source": job.source,
        "output": job.output,
        **settings,
        "n_embedded": report.n_embedded,
        "n_skipped": len(report.skipped),
        "skipped": [skipped._asdict() for skipped in report.skipped],
    }
    write_whole(job.report, json.dumps(record, indent=2) + "\n")
    shards.delete()
    return report
