"""What a text costs those who only count: the losses that a model's loss is to be compared with.

uniform  every token is as likely as any other; guessing blindly
unigram  a token is as likely as it is frequent in the training part
bigram   ... as it is frequent there after the token before it
trigram  ... as it is frequent there after the two tokens before it

The validation part is what is guessed. What the training part never showed is not impossible: each count is mixed with the
next simpler one, and the last with the uniform, by Witten and Bell's rule, which trusts a context the less the more
different tokens have followed it:

    p(c | context) = (n(context c) + d(context) p(c | shorter context)) / (n(context) + d(context))

n counts occurrences, d the different tokens that followed. Source: Witten and Bell, "The Zero-Frequency Problem" (1991);
Chen and Goodman, "An Empirical Study of Smoothing Techniques for Language Modeling" (1996), section 2.
"""

import itertools
import math
from array import array
from collections import Counter

PIECE = 1 << 15  # tokens between two breaths: a few hundredths of a second in a tab
NAMES = ("uniform", "unigram", "bigram", "trigram")


def baselines(train, val, vocab_size: int, separator: int | None = None) -> dict[str, float]:
    """The cross-entropy of each, in nats a token, over the predictions of a corpus's Split `val`; see `baseline_steps`."""
    for found in baseline_steps(train, val, vocab_size, separator):
        pass
    return found


def baseline_steps(train, val, vocab_size: int, separator: int | None = None):
    """A generator that works in pieces, for a thread that has other things to do; its last value is the outcome.

    With the `separator` of questions and answers only the tokens of answers are guessed.
    """
    known = _sequence(train)
    singles, pair_counts, triple_counts = Counter(known), Counter(), Counter()
    for start in range(0, len(known), PIECE):
        yield None
        piece = known[start : start + PIECE + 2]
        pairs = [first * vocab_size + second for first, second in zip(piece, piece[1:])]
        triple_counts.update([pair * vocab_size + third for pair, third in zip(pairs, piece[2:])])
        pair_counts.update(pairs[:PIECE])
    yield None
    bos = train.tokens[0] if train.offsets is not None else None
    if bos is not None:  # documents stand apart: nothing is learned of two delimiters in a row
        singles[bos] -= len(train.offsets)
        for counts, place in (
            (pair_counts, bos * vocab_size + bos),
            *((triple_counts, (first * vocab_size + bos) * vocab_size + bos) for first in range(vocab_size)),
        ):
            counts.pop(place, None)
    after_any = _context(singles, lambda token: 0)
    after_one = _context(pair_counts, lambda pair: pair // vocab_size)
    yield None
    after_two = _context(triple_counts, lambda triple: triple // vocab_size)
    yield None
    guessed, guesses = Counter(), _guessed(val, vocab_size, separator)
    while piece := list(itertools.islice(guesses, PIECE)):
        guessed.update(piece)
        yield None

    totals, count = dict.fromkeys(NAMES, 0.0), guessed.total()
    uniform = 1 / vocab_size
    for triple, times in guessed.items():
        pair, last = triple % vocab_size**2, triple % vocab_size
        unigram = _mixed(singles, last, after_any, 0, uniform)
        bigram = _mixed(pair_counts, pair, after_one, pair // vocab_size, unigram)
        trigram = bigram if triple < 0 else _mixed(triple_counts, triple, after_two, triple // vocab_size, bigram)
        for name, odds in zip(NAMES, (uniform, unigram, bigram, trigram)):
            totals[name] -= times * math.log(odds)
    yield {name: total / count for name, total in totals.items()}


def _sequence(split):
    """The tokens in a row; where they are documents, with two delimiters before each, so that the first token of one knows
    nothing of the one before."""
    if split.offsets is None:
        return split.tokens
    bos = split.tokens[0]
    found = array("I")
    for begin, end in zip(split.offsets, split.offsets[1:]):
        found.append(bos)
        found.extend(split.tokens[begin:end])
    found.append(bos)
    return found


def _guessed(split, vocab_size, separator):
    """Each prediction with the two tokens before it, as one number; a stream's first has only one before it."""
    if split.offsets is None:
        tokens = split.tokens
        yield tokens[0] * vocab_size + tokens[1] - vocab_size**3
        square = vocab_size * vocab_size
        yield from (
            first * square + second * vocab_size + third for first, second, third in zip(tokens, tokens[1:], tokens[2:])
        )
        return
    for begin, end in zip(split.offsets, split.offsets[1:]):
        before, last = split.tokens[begin], split.tokens[begin]
        asked = separator is None
        for place in range(begin + 1, end + 1):
            token = split.tokens[place]
            if asked:
                yield (before * vocab_size + last) * vocab_size + token
            asked = asked or token == separator
            before, last = last, token


def _context(counts, context_of):
    """For each context how often it was followed by something, and by how many different tokens."""
    times, different = Counter(), Counter()
    for place, count in counts.items():
        context = context_of(place)
        times[context] += count
        different[context] += 1
    return times, different


def _mixed(counts, place, context_counts, context, simpler):
    times, different = context_counts[0][context], context_counts[1][context]
    return (counts[place] + different * simpler) / (times + different) if times else simpler
