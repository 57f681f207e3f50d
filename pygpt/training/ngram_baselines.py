"""N-gram baselines: the losses of models that only count tokens, to compare a model's loss with.

uniform  all tokens are equally likely
unigram  the frequency of a token in the training part
bigram   its frequency there after the preceding token
trigram  its frequency there after the two preceding tokens

They predict what the model predicts of the validation part: of a document, the first tokens, as many as a block has.
They count the whole training part. Tokens that it does not contain have a nonzero probability: each model is
interpolated with the next simpler one. Witten and Bell's rule gives a context less weight, the more distinct tokens
have followed it:

    p(c | context) = (n(context c) + d(context) p(c | shorter context)) / (n(context) + d(context))

n counts occurrences, d the distinct tokens that followed. Source: Witten and Bell, "The Zero-Frequency Problem" (1991);
Chen and Goodman, "An Empirical Study of Smoothing Techniques for Language Modeling" (1996), section 2.
"""

import itertools
import math
from array import array
from collections import Counter

PIECE = 1 << 15  # tokens in a piece of work: a few hundredths of a second in a tab
NAMES = ("uniform", "unigram", "bigram", "trigram")


def baselines(train, val, vocab_size: int, block_size: int, answers_only: bool = False) -> dict[str, float]:
    """The cross-entropy of each baseline, in nats per token, over the predictions of `val`; see `baseline_steps`."""
    for losses in baseline_steps(train, val, vocab_size, block_size, answers_only):
        pass
    return losses


def baseline_steps(train, val, vocab_size: int, block_size: int, answers_only: bool = False):
    """Compute the baselines in pieces: yield None between them, for a thread with other work, and finally the losses.

    With `answers_only`, only the tokens of answers are predicted, if the text has questions.
    """
    sequence = _sequence(train)
    singles, pair_counts, triple_counts = Counter(sequence), Counter[int](), Counter[int]()
    for start in range(0, len(sequence), PIECE):
        yield None
        piece = sequence[start : start + PIECE + 2]
        pairs = [first * vocab_size + second for first, second in zip(piece, piece[1:])]
        triple_counts.update([pair * vocab_size + third for pair, third in zip(pairs, piece[2:])])
        pair_counts.update(pairs[:PIECE])
    yield None
    bos = train.tokens[0] if train.offsets is not None else None
    if bos is not None:  # documents are independent: pairs of delimiters do not count
        singles[bos] -= len(train.offsets)
        for counts, ngram in (
            (pair_counts, bos * vocab_size + bos),
            *((triple_counts, (first * vocab_size + bos) * vocab_size + bos) for first in range(vocab_size)),
        ):
            counts.pop(ngram, None)
    after_any = _context_counts(singles, lambda token: 0)
    after_one = _context_counts(pair_counts, lambda pair: pair // vocab_size)
    yield None
    after_two = _context_counts(triple_counts, lambda triple: triple // vocab_size)
    yield None
    predicted, predictions = Counter[int](), _predictions(val, vocab_size, block_size, answers_only)
    while piece := list(itertools.islice(predictions, PIECE)):
        predicted.update(piece)
        yield None

    totals, count = dict.fromkeys(NAMES, 0.0), predicted.total()
    uniform = 1 / vocab_size
    for triple, times in predicted.items():
        pair, last = triple % vocab_size**2, triple % vocab_size
        unigram = _smoothed(singles, last, after_any, 0, uniform)
        bigram = _smoothed(pair_counts, pair, after_one, pair // vocab_size, unigram)
        trigram = bigram if triple < 0 else _smoothed(triple_counts, triple, after_two, triple // vocab_size, bigram)
        for name, probability in zip(NAMES, (uniform, unigram, bigram, trigram)):
            totals[name] -= times * math.log(probability)
    yield {name: total / count for name, total in totals.items()}


def _sequence(split):
    """The tokens in a row. Documents start with two delimiters, which make them independent of the document before."""
    if split.offsets is None:
        return split.tokens
    bos = split.tokens[0]
    sequence = array("I")
    for begin, end in zip(split.offsets, split.offsets[1:]):
        sequence.append(bos)
        sequence.extend(split.tokens[begin:end])
    sequence.append(bos)
    return sequence


def _predictions(split, vocab_size, block_size, answers_only):
    """Yield each prediction with the two tokens before it, as one number; a stream's first has only one before it."""
    if split.offsets is None:
        tokens = split.tokens
        yield tokens[0] * vocab_size + tokens[1] - vocab_size**3
        square = vocab_size * vocab_size
        yield from (
            first * square + second * vocab_size + third for first, second, third in zip(tokens, tokens[1:], tokens[2:])
        )
        return
    for begin, places in split.predictions(block_size, answers_only):
        before, last = (split.tokens[max(begin, places.start - back)] for back in (2, 1))
        for token in split.tokens[places.start : places.stop]:
            yield (before * vocab_size + last) * vocab_size + token
            before, last = last, token


def _context_counts(counts, context_of):
    """For each context, the number of tokens that followed it, and of distinct ones."""
    times, distinct = Counter[int](), Counter[int]()
    for ngram, count in counts.items():
        context = context_of(ngram)
        times[context] += count
        distinct[context] += 1
    return times, distinct


def _smoothed(counts, ngram, context_counts, context, shorter):
    times, distinct = context_counts[0][context], context_counts[1][context]
    return (counts[ngram] + distinct * shorter) / (times + distinct) if times else shorter
