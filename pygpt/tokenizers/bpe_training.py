"""Learning a byte-level BPE: the pair of neighbours that occurs most often becomes a token, again and again.

Source: Sennrich, Haddow and Birch, "Neural machine translation of rare words with subword units" (2016), on bytes as in GPT-2.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Generator

from pygpt.tokenizers.bpe_vocabulary import BYTES, END_OF_TEXT, Vocabulary
from pygpt.tokenizers.pretokens import pieces, split_words

MOST_WORDS = 1 << 22
FEWEST = 2  # a pair that occurs once would save one token in all
# A pair of ids is one number, quicker to look up and to compare than a tuple. Not `left << 32 | right`: a 32-bit Python,
# the tab's, takes numbers modulo 2**31 - 1 for a dict, where that is 2 * left + right, and thousands of pairs are alike
# (measured: a million random letters took 11 times as long there as natively). Up to 65,536 tokens nearly none are.
_SHIFT = 16


def count_words(texts) -> Counter:
    """How often each word occurs in texts. Of more than some millions of words those that occurred once are forgotten."""
    words = Counter()
    for text in texts:
        for piece in pieces(text):
            words.update(split_words(piece))
            if len(words) > MOST_WORDS:
                words = Counter({word: count for word, count in words.items() if count > 1})
    return words


def learn(words: Counter, vocab_size: int, documents: bool) -> Generator[int, None, Vocabulary]:
    """Learn from words with their counts; yields the number of tokens known so far, returns the vocabulary.

    Of pairs that occur equally often the one of the smallest ids is taken. With `documents` the last token is the
    delimiter. A text that repeats too little gives fewer tokens than `vocab_size`.
    """
    tokens, merges = list(BYTES), []
    ids = {token: index for index, token in enumerate(tokens)}
    pairs = _Pairs(words, ids, max(_SHIFT, vocab_size.bit_length()))
    while len(tokens) < vocab_size - documents:
        yield len(tokens)
        found = pairs.most_frequent()
        if found is None:
            break
        left, right = found
        token = tokens[left] + tokens[right]
        if token not in ids:  # else other pairs have made the same token before
            ids[token] = len(tokens)
            tokens.append(token)
        merges.append((tokens[left], tokens[right]))
        pairs.merge(left, right, ids[token])
    if documents:
        tokens.append(b"")
    return Vocabulary(tuple(tokens), tuple(merges), {END_OF_TEXT: len(tokens) - 1} if documents else {})


class _Pairs:
    """All pairs of neighbours within the words, how often they occur, and where.

    The distinct words stand one behind the other in one list of ids, linked to their neighbours, so that a merge costs
    as much as the pair has places, however long the words are: all merges together are fewer than there are bytes.
    """

    def __init__(self, words: Counter, ids: dict[bytes, int], shift: int):
        self.shift = shift
        self.ids, self.weights = [], []  # by place; a place that was merged away has id -1
        self.previous, self.following = [], []  # places, -1 where the word ends
        self.counts = defaultdict(int)
        self.places = defaultdict(list)  # some may be out of date: looking tells
        byte_ids = [ids[bytes([byte])] for byte in range(256)]
        for word, count in words.items():
            self._add([byte_ids[byte] for byte in word.encode("utf-8", "surrogateescape")], count)
        self.done = set()
        # Counts in the heap may be out of date as well: too high, never too low, so the top shows what to correct.
        self.heap = [(-count, pair) for pair, count in self.counts.items()]
        heapq.heapify(self.heap)

    def _add(self, ids, count):
        first = len(self.ids)
        last = first + len(ids) - 1
        self.ids += ids
        self.weights += [count] * len(ids)
        self.previous += [-1, *range(first, last)]
        self.following += [*range(first + 1, last + 1), -1]
        for place, left, right in zip(range(first, last), ids, ids[1:]):
            pair = left << self.shift | right
            self.counts[pair] += count
            self.places[pair].append(place)

    def most_frequent(self) -> tuple[int, int] | None:
        """The pair to merge next, or None if none occurs often enough."""
        while self.heap:
            count, pair = self.heap[0]
            now = -self.counts[pair]
            if pair in self.done or now > -FEWEST:
                heapq.heappop(self.heap)
            elif now != count:
                heapq.heapreplace(self.heap, (now, pair))
            else:
                return pair >> self.shift, pair & (1 << self.shift) - 1
        return None

    def merge(self, left: int, right: int, merged: int) -> None:
        """Put one token in place of a pair, wherever the pair is, from left to right."""
        ids, weights, previous, following = self.ids, self.weights, self.previous, self.following
        counts, places, shift = self.counts, self.places, self.shift
        pair = left << shift | right
        self.done.add(pair)
        fresh = set()
        for place in sorted(places.pop(pair)):
            second = following[place]
            if ids[place] != left or second < 0 or ids[second] != right:
                continue  # it was there once
            weight, before, after = weights[place], previous[place], following[second]
            ids[place], ids[second], following[place] = merged, -1, after
            if after >= 0:
                previous[after] = place
                counts[right << shift | ids[after]] -= weight
                new = merged << shift | ids[after]
                counts[new] += weight
                places[new].append(place)
                fresh.add(new)
            if before >= 0:
                counts[ids[before] << shift | left] -= weight
                new = ids[before] << shift | merged
                counts[new] += weight
                places[new].append(before)
                fresh.add(new)
        for new in fresh:
            heapq.heappush(self.heap, (-counts[new], new))
