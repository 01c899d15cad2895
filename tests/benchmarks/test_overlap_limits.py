"""What perfect masks would reach."""

import torch

from benchmarks.overlap_limits import ideal_masks, limits
from speechbrain_denokd.data.manifest import read_manifest
from speechbrain_denokd.encoders.speaker_masks import SpeakerMaskedEncoder
from speechbrain_denokd.overlap.plan import MixtureShape
from speechbrain_denokd.overlap.trial_set import MixtureTrialSet
from speechbrain_denokd.overlap.triples import draw_triples
from tests.tiny import tiny_encoder
from tests.tiny_setup import write_corpus


def test_fact_ideal_shares_are_the_powers_shares():
    """A filter at 20 dB under another has a share of 1 in 101 of both."""
    encoder = SpeakerMaskedEncoder(tiny_encoder()).eval()
    loud = 0.1 * torch.randn(8000)
    masks = ideal_masks(encoder, torch.stack([loud, 0.1 * loud]))
    shares = masks.log_masks.exp()[0, 1]
    torch.testing.assert_close(
        shares, torch.full_like(shares, 1 / 101), rtol=1e-3, atol=0
    )


def test_law_the_three_ways_are_measured_on_the_same_trials(tmp_path):
    corpus = write_corpus(tmp_path, n_utterances=3)
    rows = read_manifest(corpus / "test.csv", corpus)
    mixtures, trials = draw_triples(rows, 4, MixtureShape(0.4, (0.5, 1.0)))
    found = limits(
        tiny_encoder(), MixtureTrialSet("test", [], mixtures, rows, trials)
    )
    assert list(found) == [
        "the mixture",
        "the mixture with ideal ratio masks",
        "each source alone",
    ]
    for rates in found.values():
        assert rates["n_targets"] == rates["n_nontargets"] == 4
