"""The table of back-ends."""

import json

import numpy as np

from benchmarks import backends
from speechbrain_denokd.metrics import cllr
from tests.tiny_setup import write_corpus, write_teacher


def test_reference_before_takes_the_score_for_an_llr():
    is_target = np.array([1, 1, 0, 0, 0], bool)
    scores = np.array([0.9, 0.2, 0.3, -0.2, -0.5])
    found = backends.rates(scores, 4 * scores - 1, is_target)
    assert found["cllr"] == [
        cllr(scores, is_target),
        cllr(4 * scores - 1, is_target),
    ]
    assert found["act_dcf"][0] == 1  # no cosine reaches log 99
    assert found["n_nontargets"] == 3


def test_fact_one_command_makes_the_whole_table(tmp_path, capsys, monkeypatch):
    # PLDA needs more recordings than the embedding has dimensions.
    monkeypatch.setattr(backends, "BACKENDS", ("cosine", "lda", "psda"))
    corpus = write_corpus(tmp_path / "corpus", n_utterances=4)
    model = write_teacher(tmp_path / "model")
    record = backends.main(
        [
            str(model),
            f"--data_root={corpus}",
            *("--n_components=3", "--top_n=4"),
            f"--output_folder={tmp_path / 'out'}",
        ]
    )
    cells = [(row["backend"], row["norm"]) for row in record["rows"]]
    assert cells[:4] == [
        ("cosine", "none"),
        ("cosine", "s"),
        ("cosine", "as"),
        ("lda", "none"),
    ]
    assert len(cells) == 9
    saved = json.loads((tmp_path / "out" / "backends.json").read_text())
    assert saved["rows"] == record["rows"]
    printed = capsys.readouterr().out
    assert f"{100 * record['rows'][0]['eer']:.2f}" in printed
