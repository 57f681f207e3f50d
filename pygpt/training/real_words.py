"""The share of real words in what a model writes: those that occur in its training text."""

import re

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
LONGEST_TEXT = 4_000_000  # characters; a longer one is not searched for its words: that would take a tab seconds
FEWEST = 3  # words, below which there is no share


def words_of(text: str) -> frozenset[str]:
    """The words of a text, in lower case."""
    return frozenset(word.lower() for word in WORD.findall(text))


def real_share(sample: str, known: frozenset[str]) -> float | None:
    """The fraction of a sample's words that are `known`, or None for too few words. The last one may be cut off."""
    written = [word.lower() for word in WORD.findall(sample)[:-1]]
    return sum(word in known for word in written) / len(written) if len(written) >= FEWEST else None
