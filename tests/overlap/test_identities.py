from itertools import product

import numpy as np
import pytest
import torch

from speechbrain_denokd.data.trials import Trial
from speechbrain_denokd.encoders.multi_output import MultiIdentityOutput
from speechbrain_denokd.encoders.output import EncoderOutput
from speechbrain_denokd.overlap.identities import (
    closest_pair_scores,
    embed_mixtures,
    identities,
)
from speechbrain_denokd.overlap.mixture_set import MixtureSet
from speechbrain_denokd.overlap.plan import MixtureShape
from speechbrain_denokd.overlap.triples import draw_triples
from tests.overlap.voices import voices
from tests.tiny import tiny_encoder


def random_sides(n_rows=(2, 2), seed=0):
    rng = np.random.default_rng(seed)
    return {
        name: rng.normal(size=(n, 3))
        for name, n in zip(("m1", "m2"), n_rows, strict=True)
    }


def test_fact_equation_6_by_hand():
    """Of the four distances 5, 13, 10 and 2 the smallest counts."""
    found = {
        "ab": np.array([[0.0, 0.0], [10.0, 0.0]]),
        "ac": np.array([[3.0, 4.0], [10.0, 2.0]]),
    }
    scores, is_target = closest_pair_scores(found, [Trial(True, "ab", "ac")])
    assert scores.tolist() == [-2.0] and is_target.tolist() == [True]
    [cosine] = closest_pair_scores(
        {"ab": found["ab"][1:], "ac": found["ac"]},
        [Trial(False, "ab", "ac")],
        "cosine",
    )[0]
    assert cosine == pytest.approx(10 / np.hypot(10, 2))


@pytest.mark.parametrize("n_rows", [(2, 2), (1, 2), (3, 2), (1, 1)])
def test_reference_a_loop_over_the_pairs(n_rows):
    found = random_sides(n_rows)
    trials = [Trial(True, "m1", "m2")]
    pairs = list(product(found["m1"], found["m2"]))
    distances = [np.sqrt(((a - b) ** 2).sum()) for a, b in pairs]
    cosines = [a @ b / np.sqrt((a @ a) * (b @ b)) for a, b in pairs]
    assert closest_pair_scores(found, trials)[0] == pytest.approx(
        [-min(distances)]
    )
    assert closest_pair_scores(found, trials, "cosine")[0] == pytest.approx(
        [max(cosines)]
    )


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_law_neither_sides_nor_outputs_have_an_order(distance):
    found = random_sides()
    there = [Trial(True, "m1", "m2"), Trial(True, "m2", "m1")]
    first, second = closest_pair_scores(found, there, distance)[0]
    turned = {name: rows[::-1] for name, rows in found.items()}
    again = closest_pair_scores(turned, there, distance)[0]
    assert first == second == again[0]


def test_law_cosines_do_not_hear_the_scale():
    found = random_sides()
    louder = {"m1": 7 * found["m1"], "m2": found["m2"]}
    trial = [Trial(True, "m1", "m2")]
    assert closest_pair_scores(louder, trial, "cosine")[0] == pytest.approx(
        closest_pair_scores(found, trial, "cosine")[0]
    )
    far = closest_pair_scores(louder, trial)[0]
    assert far[0] < closest_pair_scores(found, trial)[0][0]


def test_error_unknown_distance_and_absent_side():
    with pytest.raises(ValueError, match="no distance 'manhattan'.*cosine"):
        closest_pair_scores({}, [], "manhattan")
    with pytest.raises(ValueError, match=r"1 sides .*first: m9\)"):
        closest_pair_scores(random_sides(), [Trial(True, "m1", "m9")])


def test_fact_one_row_for_a_single_speaker():
    one = EncoderOutput((), None, torch.ones(3, 4), None)
    many = MultiIdentityOutput(torch.ones(3, 2, 4), None, None, None)
    assert identities(one).shape == (3, 1, 4)
    assert identities(many).shape == (3, 2, 4)


def test_law_batches_and_order_do_not_matter(tmp_path):
    rows = voices(tmp_path, "fffmmm", 2, 1)
    mixtures, _ = draw_triples(
        rows, 2, MixtureShape(duration_s=0.3), match_genders=False
    )
    encoder = tiny_encoder()
    whole = embed_mixtures(encoder, mixtures, rows)
    single = embed_mixtures(encoder, mixtures[::-1], rows, batch_s=0.1)
    audio = {item["id"]: item["sig"] for item in MixtureSet(mixtures, rows)}
    with torch.no_grad():
        for name, found in whole.items():
            alone = encoder(audio[name][None], torch.ones(1)).embedding
            np.testing.assert_allclose(found, alone.numpy(), atol=1e-4)
            np.testing.assert_allclose(single[name], found, atol=1e-4)
