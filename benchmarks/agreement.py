r"""Whether a student sees speakers as its teacher does, heard or unheard ones.

    python -m benchmarks.agreement TEACHER STUDENT [STUDENT ...] \
        --data_root DIR --manifests DIR/train.csv DIR/dev.csv

Model folders. Of a sample of each manifest's recordings, the cosines of all
pairs of two speakers, by teacher and student, are correlated (Pearson). A
student too small for its teacher disagrees on the training speakers already;
one that has heard too few speakers agrees there, and not on new ones.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.record import provenance
from speechbrain_denokd.cli_errors import exit_on_user_error
from speechbrain_denokd.data.files import write_whole
from speechbrain_denokd.data.manifest import Utterance, read_manifest
from speechbrain_denokd.inference.embedder import SpeakerEmbedder
from speechbrain_denokd.scoring.length_norm import unit_rows
from speechbrain_denokd.tables import markdown_table


@exit_on_user_error
def main(argv: Sequence[str] | None = None) -> dict:
    """Command line: see ``--help``. Returns the record."""
    argv = list(sys.argv[1:] if argv is None else argv)
    args = _parser().parse_args(argv)
    recordings = {
        Path(path).stem: sample(
            read_manifest(path, args.data_root), args.n_recordings, args.seed
        )
        for path in args.manifests
    }
    teacher = _embeddings(args.teacher, recordings)
    rows = {}
    for folder in args.students:
        student = _embeddings(folder, recordings)
        rows[folder] = {
            name: agreement(
                teacher[name], student[name], [row.spk_id for row in rows_]
            )
            for name, rows_ in recordings.items()
        }
    record = {
        "teacher": args.teacher,
        "n_recordings": {
            name: len(found) for name, found in recordings.items()
        },
        "rows": rows,
        **provenance(["python", "-m", "benchmarks.agreement", *argv]),
    }
    text = as_markdown(record)
    print(text)
    folder = Path(args.output_folder)
    write_whole(folder / "agreement.md", text + "\n")
    write_whole(folder / "agreement.json", json.dumps(record, indent=2) + "\n")
    return record


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.agreement",
        description="Agreement of students with a teacher; see this file.",
        allow_abbrev=False,
    )
    parser.add_argument("teacher", help="model folder")
    parser.add_argument("students", nargs="+", help="model folders")
    parser.add_argument("--data_root", default="tests/samples")
    parser.add_argument(
        "--manifests",
        nargs="+",
        default=["tests/samples/train.csv", "tests/samples/dev.csv"],
    )
    parser.add_argument("--n_recordings", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--output_folder", default="results/agreement")
    return parser


def sample(rows: Sequence[Utterance], n: int, seed: int) -> list[Utterance]:
    """Some of the rows, without order; all of them where there are no more.

    Arguments
    ---------
    rows : sequence of Utterance
    n, seed : int

    Returns
    -------
    list of Utterance

    Example
    -------
    >>> sample(["a", "b"], 3, seed=0)
    ['a', 'b']
    """
    chosen = np.random.default_rng(seed).permutation(len(rows))[:n]
    return [rows[i] for i in sorted(chosen)]


def agreement(
    teacher: np.ndarray, student: np.ndarray, speakers: Sequence[str]
) -> float:
    """Correlation of the cosines of all pairs of two speakers.

    Arguments
    ---------
    teacher : (N, D) numpy.ndarray
    student : (N, D') numpy.ndarray
    speakers : sequence of N str

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If fewer than three pairs are of two speakers, or an embedding has no
        direction.

    Example
    -------
    >>> x = np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])
    >>> round(agreement(x, x @ [[0.0, 2.0], [-2.0, 0.0]], "abc"), 6)
    1.0
    """
    first, second = np.triu_indices(len(speakers), k=1)
    names = np.asarray(list(speakers))
    pairs = names[first] != names[second]
    if pairs.sum() < 3:
        raise ValueError(
            f"{pairs.sum()} pairs are of two speakers, but a correlation needs "
            "3; take more recordings (--n_recordings)"
        )
    cosines = []
    for embeddings in (teacher, student):
        unit = unit_rows(embeddings)
        cosines.append((unit @ unit.T)[first[pairs], second[pairs]])
    return float(np.corrcoef(*cosines)[0, 1])


def _embeddings(
    folder: str, recordings: Mapping[str, Sequence[Utterance]]
) -> dict[str, np.ndarray]:
    model = SpeakerEmbedder.from_hparams(folder)
    return {
        name: model.encode_files([row.wav for row in rows])
        for name, rows in recordings.items()
    }


def as_markdown(record: Mapping) -> str:
    """The record as a Markdown table."""
    names = list(record["n_recordings"])
    cells = [
        [folder, *(f"{found[name]:.3f}" for name in names)]
        for folder, found in record["rows"].items()
    ]
    header = ["student", *names]
    return (
        "# Agreement with the teacher\n\n"
        "Correlation of the cosines of all pairs of two speakers, among "
        f"{record['n_recordings']} recordings. Teacher: "
        f"{record['teacher']}.\n\n"
        f"{markdown_table(header, cells)}\n\n"
        f"`{record['command']}`, commit {record['commit']}, {record['date']}."
    )


if __name__ == "__main__":
    main()
