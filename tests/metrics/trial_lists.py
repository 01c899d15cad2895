"""Trial lists that the tests of several metrics share."""

import numpy as np
from hypothesis import strategies as st

TARGETS = [0.9, 0.8, 0.7, 0.3]
NONTARGETS = [0.6, 0.4, 0.2, 0.1, 0.05, 0.0]
GOLDEN = TARGETS + NONTARGETS, [1] * 4 + [0] * 6


# Few distinct scores, so that ties are common.
trial_lists = (
    st.lists(
        st.tuples(st.integers(-4, 4), st.booleans()), min_size=2, max_size=30
    )
    .filter(lambda trials: len({label for _, label in trials}) == 2)
    .map(lambda trials: tuple(map(np.array, zip(*trials, strict=True))))
)


def random_trials(seed, n_targets=400, n_nontargets=600, distance=2.0):
    """Two normal distributions; without ties unless rounded."""
    rng = np.random.default_rng(seed)
    scores = np.r_[
        rng.normal(distance, 1.2, n_targets), rng.normal(0, 1, n_nontargets)
    ]
    return scores, np.arange(len(scores)) < n_targets
