"""Error rates of two graphs on the same trials."""

import numpy as np
import pytest

from speechbrain_denokd.cli.inputs import open_trial_set
from speechbrain_denokd.evaluation import extract_embeddings
from speechbrain_denokd.export.cost import GraphEncoder, int8_cost
from speechbrain_denokd.export.runtime import OnnxEmbedder
from speechbrain_denokd.metrics import eer
from speechbrain_denokd.scoring.backend import cosine_backend
from speechbrain_denokd.scoring.calibration import Calibration
from speechbrain_denokd.scoring.cosine import cosine_scores
from speechbrain_denokd.scoring.system import ScoringSystem
from tests.tiny_setup import write_corpus

SYSTEM = ScoringSystem(
    cosine_backend(centre=False), calibration=Calibration(10.0, -5.0)
)


@pytest.fixture(scope="module")
def trial_set(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    return open_trial_set(write_corpus(folder, n_utterances=4), None, None)


def test_reference_a_graph_in_an_encoders_place(ecapa, trial_set):
    rows = trial_set.utterances
    graph = GraphEncoder(OnnxEmbedder(ecapa.path).run)
    expected = extract_embeddings(ecapa.encoder, rows)
    for name, found in extract_embeddings(graph, rows).items():
        np.testing.assert_allclose(found, expected[name], atol=1e-5)


def test_fact_rates_before_and_after_and_their_difference(ecapa, trial_set):
    run = OnnxEmbedder(ecapa.path).run

    def worse(wavs, n_samples):
        found = run(wavs, n_samples)
        # The same for a recording in any batch.
        noise = np.sin(1e4 * found + n_samples[:, None])
        return (found + 5 * found.std() * noise).astype(np.float32)

    cost = int8_cost(run, worse, trial_set, SYSTEM)
    embeddings = extract_embeddings(ecapa.encoder, trial_set.utterances)
    scores, is_target = cosine_scores(embeddings, trial_set.trials)
    assert cost["before"]["eer"] == pytest.approx(eer(scores, is_target))
    lost = cost["after"]["eer"] - cost["before"]["eer"]
    assert lost > 0.05
    assert cost["difference"]["eer"]["difference"] == pytest.approx(lost)
    assert cost["after"]["cllr"] > cost["before"]["cllr"]
