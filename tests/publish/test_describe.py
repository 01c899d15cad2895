"""What a folder is, without running it."""

import pytest
import torch

from speechbrain_denokd.publish.describe import describe_folder
from speechbrain_denokd.scoring.fingerprints import (
    file_sha256,
    folder_fingerprint,
)


def test_fact_a_published_folder_and_its_source_are_one_model(made, source):
    found, before = describe_folder(made), describe_folder(source)
    assert (found["is_published"], before["is_published"]) == (True, False)
    assert found["sha256"] == file_sha256(made / "sha256.txt")
    assert before["sha256"] == folder_fingerprint(source)
    for name in ("folder", "is_published", "sha256"):
        del found[name], before[name]
    assert found == before
    weights = torch.load(source / "embedding_model.ckpt", weights_only=True)
    n_parameters = sum(
        value.numel()
        for name, value in weights.items()
        if not name.endswith(("running_mean", "running_var", "batches_tracked"))
    )
    assert found["n_parameters"] == n_parameters
    assert found["n_speakers"] == 6
    assert found["embedding_dim"] == 12
    assert found["problem"] is found["metrics"] is None
    assert found["classes"][:2] == [
        "WavEncoder",
        "  front_end: FbankFrontEnd (n_mels 20)",
    ]


def test_a_damaged_folder_says_so(folder):
    (folder / "labels.json").write_text("[]")
    found = describe_folder(folder)
    assert "labels.json has another SHA-256" in found["problem"]
    assert "classes" not in found


def test_a_page_that_runs_something_is_not_run(source, tmp_path):
    ran = tmp_path / "ran"
    (tmp_path / "m").mkdir()
    page = tmp_path / "m" / "hyperparams.yaml"
    page.write_text(f"encoder: !apply:os.mkdir ['{ran}']")
    assert "!apply:os.mkdir" in describe_folder(tmp_path / "m")["problem"]
    assert not ran.exists()


def test_no_model_folder_at_all(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds neither sha256.txt nor"):
        describe_folder(tmp_path)
