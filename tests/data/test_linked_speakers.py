from hypothesis import given
from hypothesis import strategies as st

from speechbrain_denokd.data.linked_speakers import linked_speakers
from speechbrain_denokd.data.trials import Trial

NAMES = "abcdefgh"
names = st.sampled_from(NAMES)
trial_lists = st.lists(st.builds(Trial, st.booleans(), names, names))


def test_fact_chains_of_targets_are_one_speaker():
    trials = [
        Trial(True, "d", "c"),
        Trial(False, "a", "d"),
        Trial(True, "f", "e"),
        Trial(True, "c", "e"),
        Trial(True, "a", "b"),
    ]
    assert linked_speakers(trials) == {
        "a": "a",
        "b": "a",
        "c": "c",
        "d": "c",
        "e": "c",
        "f": "c",
    }


@given(trial_lists, st.randoms())
def test_reference_spreading_the_lowest_name(trials, random):
    expected = {side: side for trial in trials for side in trial[1:]}
    for _ in NAMES:  # no chain is longer
        for is_target, one, two in trials:
            if is_target:
                lowest = min(expected[one], expected[two])
                expected[one] = expected[two] = lowest
    assert linked_speakers(trials) == expected
    random.shuffle(trials)
    assert linked_speakers(trials) == expected
