"""What the voices say."""

import numpy as np

from speechbrain_denokd.data.sentences import random_text


def test_texts_hardly_ever_repeat():
    rng = np.random.default_rng(0)
    texts = {random_text(rng, 5) for _ in range(2000)}
    assert len(texts) > 1995


def test_text_has_just_enough_sentences():
    rng = np.random.default_rng(0)
    for n_words in (1, 20, 60):
        words = random_text(rng, n_words).split()
        assert n_words <= len(words) < n_words + 30
        assert words[-1].endswith(".")
