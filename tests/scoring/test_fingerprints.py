import hashlib

import pytest

from speechbrain_denokd.data.trials import Trial, read_trials, write_trials
from speechbrain_denokd.scoring.fingerprints import (
    file_sha256,
    folder_fingerprint,
    trials_fingerprint,
)

TRIALS = [Trial(True, "a", "b"), Trial(False, "a", "c")]


def test_fact_of_a_list_is_that_of_the_written_file(tmp_path):
    write_trials(tmp_path / "t.txt", TRIALS)
    # `printf '1 a b\n0 a c\n' | sha256sum`
    golden = "1ea038a48c69ace94a49d1183ff658c8"
    assert trials_fingerprint(TRIALS)[:32] == golden
    assert file_sha256(tmp_path / "t.txt")[:32] == golden


def test_law_spelling_of_labels_does_not_matter_but_order_does(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("\ntarget a  b\n\nnontarget a c\n")
    assert trials_fingerprint(read_trials(path)) == trials_fingerprint(TRIALS)
    assert trials_fingerprint(TRIALS[::-1]) != trials_fingerprint(TRIALS)


def test_law_each_part_of_a_trial_counts():
    lists = [
        [Trial(True, "a", "b")],
        [Trial(False, "a", "b")],
        [Trial(True, "b", "a")],
        [Trial(True, "ab", "b")],
        [Trial(True, "a", "b")] * 2,
        [],
    ]
    assert len({trials_fingerprint(trials) for trials in lists}) == len(lists)


def test_fact_of_a_file_longer_than_a_block(tmp_path):
    content = bytes(range(256)) * 10_000
    (tmp_path / "weights.ckpt").write_bytes(content)
    expected = hashlib.sha256(content).hexdigest()
    assert file_sha256(tmp_path / "weights.ckpt") == expected


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "model"
    (folder / "wavlm").mkdir(parents=True)
    (folder / "hyperparams.yaml").write_text("a: 1\n")
    (folder / "embedding_model.ckpt").write_bytes(b"weights")
    (folder / "wavlm" / "model.safetensors").write_bytes(b"more")
    return folder


def test_fact_of_a_folder_is_that_of_its_sha256sum_list(folder):
    names = [
        "embedding_model.ckpt",
        "hyperparams.yaml",
        "wavlm/model.safetensors",
    ]
    text = "".join(f"{file_sha256(folder / n)}  {n}\n" for n in names)
    expected = hashlib.sha256(text.encode()).hexdigest()
    assert folder_fingerprint(folder) == expected


def test_law_what_is_no_model_does_not_count(folder, tmp_path):
    before = folder_fingerprint(folder)
    (folder / "README.md").write_text("about")
    (folder / "metrics.json").write_text("{}")
    assert folder_fingerprint(folder) == before
    assert folder_fingerprint(folder.rename(tmp_path / "moved")) == before


def test_law_a_weight_or_a_name_counts(folder):
    before = folder_fingerprint(folder)
    weights = folder / "embedding_model.ckpt"
    weights.write_bytes(b"Weights")
    assert folder_fingerprint(folder) != before
    weights.write_bytes(b"weights")
    assert folder_fingerprint(folder) == before
    weights.rename(folder / "other.ckpt")
    assert folder_fingerprint(folder) != before


def test_what_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file .*absent.txt"):
        file_sha256(tmp_path / "absent.txt")
    with pytest.raises(FileNotFoundError, match="no model folder .*absent"):
        folder_fingerprint(tmp_path / "absent")
    with pytest.raises(FileNotFoundError, match="no weights and no YAML"):
        folder_fingerprint(tmp_path)
