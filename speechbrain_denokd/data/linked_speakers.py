"""Speakers as far as a trial list tells: target trials -> groups of names."""

from collections.abc import Iterable

from speechbrain_denokd.data.trials import Trial


def linked_speakers(trials: Iterable[Trial]) -> dict[str, str]:
    """Who speaks, where a corpus names no speakers.

    The sides of a target trial are of one speaker, and so is what target
    trials link over several steps. A speaker whose recordings no chain of
    trials links counts as several.

    Arguments
    ---------
    trials : iterable of Trial

    Returns
    -------
    dict of str to str
        By the name of each recording in the trials: the first name, in
        alphabetical order, of those linked with it.

    Example
    -------
    >>> linked_speakers([
    ...     Trial(True, "b", "c"), Trial(True, "c", "a"), Trial(False, "a", "d")
    ... ])
    {'b': 'a', 'c': 'a', 'a': 'a', 'd': 'd'}
    """
    above: dict[str, str] = {}

    def first(name: str) -> str:
        above.setdefault(name, name)
        while above[name] != name:
            above[name] = above[above[name]]  # halves the way for the next
            name = above[name]
        return name

    for trial in trials:
        one, two = first(trial.enroll), first(trial.test)
        if trial.is_target:
            above[max(one, two)] = min(one, two)
    return {name: first(name) for name in above}
