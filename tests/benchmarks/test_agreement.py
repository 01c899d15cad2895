"""Students agree with a teacher as far as their cosines do."""

import numpy as np
import pytest
from speechbrain.lobes.models.ECAPA_TDNN import Classifier

from benchmarks.agreement import agreement, main, sample
from speechbrain_denokd.data.manifest import write_manifest
from speechbrain_denokd.model_folder import write_model_folder
from tests.tiny import ENCODER_TEXT, tiny_encoder, voice_rows

RNG = np.random.default_rng(0)


def test_fact_the_correlation_of_three_pairs_by_hand():
    """Cosines 1, 0, 0 against 0.5, 0.5, -0.5: r = 0.5."""
    teacher = np.array([[1.0, 0], [1, 0], [0, 1]])
    student = np.array([[1.0, 0], [0.5, 0.75**0.5], [0.5, -(0.75**0.5)]])
    assert agreement(teacher, student, "abc") == pytest.approx(0.5)


def test_law_pairs_of_one_speaker_do_not_count():
    """The cosine of a pair of one speaker may be anything."""
    teacher = np.array([[1.0, 0, 0], [0, 1, 0], [0.6, 0.48, 0.64]])
    student = np.array([[1.0, 0, 0], [0.6, 0.8, 0], [0.6, 0.48, 0.64]])
    apart = ["a", "b", "c"]
    assert agreement(teacher, student, apart) < 0.999
    more = np.array([[0, 0, 1.0], [0.36, 0.48, 0.8]])
    teacher, student = np.vstack([teacher, more]), np.vstack([student, more])
    pairs = [(i, j) for i in range(5) for j in range(i) if (i, j) != (1, 0)]
    cosines = [
        [float(x[i] @ x[j]) for i, j in pairs] for x in (teacher, student)
    ]
    expected = np.corrcoef(*cosines)[0, 1]
    speakers = ["a", "a", "b", "c", "d"]
    assert agreement(teacher, student, speakers) == pytest.approx(expected)


def test_law_lengths_and_rotations_do_not_matter():
    teacher = RNG.normal(size=(8, 3))
    turn, _ = np.linalg.qr(RNG.normal(size=(3, 3)))
    student = teacher @ turn * RNG.uniform(0.5, 2, size=(8, 1))
    assert agreement(teacher, student, "abcdefgh") == pytest.approx(1)


def test_error_too_few_pairs():
    with pytest.raises(ValueError, match="2 pairs are of two speakers"):
        agreement(np.eye(3), np.eye(3), ["a", "a", "b"])


def test_fact_a_sample_has_no_row_twice_and_depends_on_its_seed():
    rows = list(range(50))
    first = sample(rows, 10, seed=1)
    assert len(set(first)) == 10
    assert first == sample(rows, 10, seed=1) != sample(rows, 10, seed=2)


def test_fact_a_teacher_agrees_with_itself_and_less_with_another(tmp_path):
    rows = voice_rows(tmp_path, n_speakers=4, n_each=2)
    write_manifest(tmp_path / "few.csv", rows)
    folders = []
    for seed in (1, 2):
        folders.append(str(tmp_path / f"model{seed}"))
        write_model_folder(
            folders[-1],
            ENCODER_TEXT,
            tiny_encoder(seed),
            Classifier(16, lin_neurons=16, out_neurons=2),
            ["a", "b"],
            30,
            0.2,
        )
    record = main(
        [
            folders[0],
            *folders,
            f"--data_root={tmp_path}",
            "--manifests",
            str(tmp_path / "few.csv"),
            f"--output_folder={tmp_path / 'out'}",
        ]
    )
    itself, other = (record["rows"][folder]["few"] for folder in folders)
    assert itself == pytest.approx(1, abs=1e-6) and other < 0.999
    text = (tmp_path / "out" / "agreement.md").read_text(encoding="utf-8")
    assert "| 1.000 |" in text
