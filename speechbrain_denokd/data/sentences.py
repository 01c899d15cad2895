"""Random sentences: what the voices of the bundled corpus say."""

import numpy as np

ADJECTIVES = """
    quiet yellow careful broken gentle heavy distant curious frozen honest
    narrow golden patient sudden wooden clever dusty foreign hollow muddy
    noisy pale royal shallow silver tiny useful velvet warm ancient brave
    crooked eager faithful giant humble jolly lonely modern northern orange
    polite rapid simple thirsty unusual violet wicked young zealous
    """.split()
NOUNS = """
    farmer teacher window river engine garden basket doctor kitchen mirror
    pilot village bottle candle forest hammer island jacket ladder market
    needle office parrot quarter rabbit sailor tailor umbrella valley wagon
    author bridge captain dragon elephant feather guitar harbour journey
    kettle lemon mountain neighbour orchard pocket queen rocket shepherd
    thunder uncle violin whistle cousin puzzle tiger blanket chimney pebble
    """.split()
VERBS = """
    carried followed painted watched borrowed opened repaired noticed counted
    wanted answered brought caught described enjoyed found gathered helped
    ignored joined kept lifted measured needed ordered picked questioned
    reached shook touched understood visited washed admired believed chased
    dropped examined forgot guarded heard invited knew
    """.split()
PLACES = """
    across the river|behind the old church|near the station|under the bridge|
    in the morning market|beside the fire|above the clouds|along the coast|
    through the wet grass|outside the theatre|at the edge of town|
    between two tall houses|on the other side|inside the cellar|
    around the corner|beyond the hills|by the kitchen door|over the fence
    """.replace("\n", "").split("|")
TIMES = """
    before supper|after the storm|every other week|in early spring|
    on a cold evening|just in time|for nearly an hour|without a word|
    while it was raining|once upon a time|last December|at half past nine|
    until the lights went out|because nobody asked|as usual|very slowly|
    with great joy|twice a year|against all advice|when the bell rang
    """.replace("\n", "").split("|")
NUMBERS = "two three four five six seven eight nine ten eleven twelve".split()


def random_sentence(rng: np.random.Generator) -> str:
    """One English sentence of about twelve words, without much sense.

    Arguments
    ---------
    rng : numpy.random.Generator
        Where the words come from.

    Example
    -------
    >>> random_sentence(np.random.default_rng(0))[-1]
    '.'
    """

    def pick(words):
        return words[rng.integers(len(words))].strip()

    subject = f"the {pick(ADJECTIVES)} {pick(NOUNS)}"
    article = pick(["the", "a", "that", "another", "my", pick(NUMBERS)])
    plural = "s" if article in NUMBERS else ""
    action = f"{pick(VERBS)} {article} {pick(ADJECTIVES)} {pick(NOUNS)}{plural}"
    pattern = rng.integers(3)
    if pattern == 0:
        return f"{subject} {action} {pick(PLACES)}."
    if pattern == 1:
        return f"{pick(TIMES)}, {subject} {action}."
    return f"{subject} {action} {pick(PLACES)}, {pick(TIMES)}."


def random_text(rng: np.random.Generator, n_words: int) -> str:
    """Sentences that together have at least so many words.

    Arguments
    ---------
    rng : numpy.random.Generator
        Where the words come from.
    n_words : int
        Least number of words.

    Example
    -------
    >>> text = random_text(np.random.default_rng(0), n_words=30)
    >>> len(text.split()) >= 30
    True
    """
    text = random_sentence(rng)
    while len(text.split()) < n_words:
        text += " " + random_sentence(rng)
    return text
