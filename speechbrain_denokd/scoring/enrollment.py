"""Speakers with several enrolment recordings (``recordings -> models``).

An enrolment list has one model a line, ``model_id utterance_id ...``, as
Kaldi's ``spk2utt``. To score such models, append the embeddings of the test
utterances, and let the trials name models on the enrolment side:
``score_pairs(backend.scorer, np.concatenate([models.vectors, tests]), ...)``.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from speechbrain_denokd.data.files import first_offenders
from speechbrain_denokd.scoring.backend import BackEnd


class Models(NamedTuple):
    """Enrolled speakers.

    Attributes
    ----------
    names : (M,) tuple of str
        Model IDs, in the order of the enrolment list.
    vectors : (M, D') numpy.ndarray
        What the scorer made of each model's prepared embeddings.
    n_recordings : (M,) numpy.ndarray of int64
        Recordings behind each: ``n_enroll`` of `scoring.scorer.Scorer`.

    Example
    -------
    >>> Models(("m",), np.ones((1, 2)), np.array([3])).names
    ('m',)
    """

    names: tuple[str, ...]
    vectors: np.ndarray
    n_recordings: np.ndarray


def read_enrollment(path: str | Path) -> dict[str, list[str]]:
    r"""Read and validate an enrolment list.

    Arguments
    ---------
    path : str or Path
        Text file with ``model_id utterance_id [utterance_id ...]`` lines.

    Returns
    -------
    dict of str to list of str
        Utterances of each model, in the file's order.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the list is empty, or lines have no utterance, name one twice, or
        repeat a model (the first five are named and all counted).

    Example
    -------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "enrollment.txt"
    >>> _ = path.write_text("m1 u1 u2\nm2 u3\n")
    >>> read_enrollment(path)
    {'m1': ['u1', 'u2'], 'm2': ['u3']}
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no enrolment list {path}: correct the path or make one."
        )
    enrollment: dict[str, list[str]] = {}
    problems = []
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    for number, line in enumerate(text.splitlines(), start=1):
        model, *utterances = line.split() or [""]
        if not model:
            continue
        if not utterances:
            problems.append(f"line {number}: no utterance of {model!r}")
        elif len(set(utterances)) < len(utterances):
            problems.append(f"line {number}: an utterance twice")
        elif model in enrollment:
            problems.append(f"line {number}: model {model!r} once more")
        enrollment[model] = utterances
    if problems:
        raise ValueError(
            f"{path}: {len(problems)} line(s) are not 'model utterance ...' "
            f"of a new model: {first_offenders(problems)}. "
            "Correct these lines."
        )
    if not enrollment:
        raise ValueError(f"{path} enrols nobody: give one model a line")
    return enrollment


def pool_models(
    backend: BackEnd,
    embeddings: Mapping[str, np.ndarray],
    enrollment: Mapping[str, Sequence[str]],
) -> Models:
    """Make one vector of the recordings of each enrolled speaker.

    Arguments
    ---------
    backend : BackEnd
        Fitted, where it learns. Its scorer decides how to pool.
    embeddings : mapping of str to (D,) numpy.ndarray
        By utterance ID, as the encoder returns them; more than are enrolled
        may be there.
    enrollment : mapping of str to sequence of str
        Utterances of each model, as `read_enrollment` returns them.

    Returns
    -------
    Models

    Raises
    ------
    ValueError
        If an utterance has no embedding.

    Example
    -------
    >>> from speechbrain_denokd.scoring.backend import cosine_backend
    >>> embeddings = {"u1": np.array([2.0, 0.0]), "u2": np.array([0.0, 3.0])}
    >>> models = pool_models(
    ...     cosine_backend(centre=False), embeddings, {"m": ["u1", "u2"]}
    ... )
    >>> models.vectors.tolist(), models.n_recordings.tolist()
    ([[0.5, 0.5]], [2])
    """
    utterances = [u for group in enrollment.values() for u in group]
    missing = {u for u in utterances if u not in embeddings}
    if missing:
        raise ValueError(
            f"{len(missing)} enrolment utterances have no embedding "
            f"(first: {min(missing)!r}); extract them all before scoring"
        )
    counts = np.array([len(group) for group in enrollment.values()])
    vectors = backend.pool(
        np.stack([embeddings[u] for u in utterances]),
        np.repeat(np.arange(len(counts)), counts),
        len(counts),
    )
    return Models(tuple(enrollment), vectors, counts)
