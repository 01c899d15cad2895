"""Made-up speakers whose embeddings vary differently by direction."""

import numpy as np


def speakers(counts, n_dims=6, seed=0):
    """Embeddings (N, D) and labels (N,) of K speakers, in mixed order."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(n_dims, n_dims))
    labels = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    means = 3 + 2 * rng.normal(size=(len(counts), n_dims))
    noise = rng.normal(size=(len(labels), n_dims)) @ mixing
    return means[labels] + noise, np.array([f"s{k:02d}" for k in labels])


def within_by_hand(embeddings, labels):
    """Pooled covariance within speakers, speaker by speaker."""
    total = np.zeros((embeddings.shape[1],) * 2)
    degrees = 0
    for label in sorted(set(labels)):
        own = [x for x, k in zip(embeddings, labels, strict=True) if k == label]
        for x in own:
            rest = x - np.mean(own, axis=0)
            total += np.outer(rest, rest)
        degrees += len(own) - 1
    return total / degrees
