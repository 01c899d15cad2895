"""Write the fixed mixtures and trials of a manifest, so that numbers repeat."""

import dataclasses
import hashlib
from pathlib import Path

from speechbrain_denokd.data.manifest import read_manifest
from speechbrain_denokd.data.prepared import (
    begin_preparation,
    finish_preparation,
)
from speechbrain_denokd.data.trials import write_trials
from speechbrain_denokd.overlap.mixtures import write_mixtures
from speechbrain_denokd.overlap.plan import MixtureShape
from speechbrain_denokd.overlap.presence import draw_presence_trials
from speechbrain_denokd.overlap.triples import draw_triples


def prepare_mixtures(
    name: str,
    manifest: str | Path,
    data_root: str | Path,
    save_folder: str | Path,
    n_triples: int = 200,
    n_presence_trials: int = 1200,
    shape: MixtureShape | None = None,
    match_genders: bool = True,
    seed: int = 0,
    n_threads: int = 8,
) -> dict[str, Path]:
    """Write a list of mixtures and two trial lists over it.

    The outputs are ``mixtures_<name>.csv`` (three for each triple),
    ``trials_mixtures_<name>.txt`` (mixture against mixture) and
    ``trials_presence_<name>.txt`` (is this person in the recording?). A
    second call with the same options and manifest returns at once.

    Arguments
    ---------
    name : str
        Such as "seen" or "unseen".
    manifest : str or Path
        Of the utterances to mix, and to enrol with.
    data_root : str or Path
        Folder that ``{data_root}`` stands for in it.
    save_folder : str or Path
        Where the outputs go.
    n_triples : int
        Each is two trials of mixture against mixture.
    n_presence_trials : int
        Most trials of the other kind, half of them targets.
    shape : MixtureShape, optional
        Length, overlap ratios and levels of the mixtures.
    match_genders : bool
        As `draw_triples`.
    seed : int
    n_threads : int
        Mixtures whose levels are measured at a time.

    Returns
    -------
    dict of str to Path
        Path of every output by its file name.

    Raises
    ------
    FileNotFoundError, ValueError
        As `read_manifest`, `draw_triples` and `draw_presence_trials` do.

    Example
    -------
    >>> import tempfile
    >>> try:
    ...     prepare_mixtures("dev", "nowhere.csv", ".", tempfile.mkdtemp())
    ... except FileNotFoundError as error:
    ...     print(str(error).split(":")[0])
    There is no manifest nowhere.csv
    """
    shape = shape or MixtureShape()
    save_folder, manifest = Path(save_folder), Path(manifest)
    options = {
        "manifest": manifest.absolute(),
        "manifest_sha256": _sha256(manifest),
        "data_root": Path(data_root).absolute(),
        "n_triples": n_triples,
        "n_presence_trials": n_presence_trials,
        "shape": dataclasses.asdict(shape),
        "match_genders": match_genders,
        "seed": seed,
    }
    outputs = (
        f"mixtures_{name}.csv",
        f"trials_mixtures_{name}.txt",
        f"trials_presence_{name}.txt",
    )
    paths = [save_folder / output for output in outputs]
    if begin_preparation(save_folder, f"mixtures_{name}", options, outputs):
        rows = read_manifest(manifest, data_root, sample_rate=shape.sample_rate)
        mixtures, trials = draw_triples(
            rows, n_triples, shape, match_genders, seed, n_threads
        )
        presence = draw_presence_trials(rows, mixtures, n_presence_trials, seed)
        write_mixtures(paths[0], mixtures)
        write_trials(paths[1], trials)
        write_trials(paths[2], presence)
        finish_preparation(save_folder, f"mixtures_{name}", options)
    return dict(zip(outputs, paths, strict=True))


def _sha256(path: Path) -> str | None:
    """What the manifest holds: another corpus makes other mixtures."""
    if not path.is_file():
        return None
    return hashlib.sha256(path.read_bytes()).hexdigest()
