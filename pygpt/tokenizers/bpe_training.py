"""Trains a byte-level BPE: the most frequent pair of neighbours repeatedly becomes a new token.

Source: Sennrich, Haddow and Birch, "Neural machine translation of rare words with subword units" (2016), on bytes as in
GPT-2.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Generator, Iterable

from pygpt.tokenizers.bpe_vocabulary import BYTES, END_OF_TEXT, Vocabulary
from pygpt.tokenizers.pretokens import GPT2

MAX_WORDS = 1 << 22
MIN_PAIR_COUNT = 2  # a pair that occurs once would save only one token
# A pair of ids is stored as one number, which is faster to look up and to compare than a tuple. `left << 32 | right` is
# slow in a 32-bit Python such as the tab's: it hashes numbers modulo 2**31 - 1, where this is 2 * left + right, so
# thousands of pairs collide (measured: a million random letters took 11 times as long there as natively). With this
# shift, pairs of up to 65,536 tokens hardly ever collide.
_SHIFT = 16


def count_words(texts: Iterable[str]) -> Counter[str]:
    """Count the words of texts. Above MAX_WORDS distinct words, those that occurred once are dropped."""
    words: Counter[str] = Counter()
    for text in texts:
        for piece in GPT2.pieces(text):
            words.update(GPT2.split(piece))
            if len(words) > MAX_WORDS:
                words = Counter({word: count for word, count in words.items() if count > 1})
    return words


def learn(words: Counter[str], vocab_size: int, documents: bool) -> Generator[int, None, Vocabulary]:
    """Learn from words with their counts: yield the number of tokens so far, return the vocabulary.

    Among equally frequent pairs, the one with the smallest ids is merged. With `documents`, the last token is the
    delimiter. A text with too little repetition gives fewer tokens than `vocab_size`.
    """
    tokens, merges = list(BYTES), []
    ids = {token: index for index, token in enumerate(tokens)}
    pairs = _Pairs(words, ids, max(_SHIFT, vocab_size.bit_length()))
    while len(tokens) < vocab_size - documents:
        yield len(tokens)
        pair = pairs.most_frequent()
        if pair is None:
            break
        left, right = pair
        token = tokens[left] + tokens[right]
        if token not in ids:  # otherwise another pair has made the same token before
            ids[token] = len(tokens)
            tokens.append(token)
        merges.append((tokens[left], tokens[right]))
        pairs.merge(left, right, ids[token])
    if documents:
        tokens.append(b"")
    return Vocabulary(tuple(tokens), tuple(merges), {END_OF_TEXT: len(tokens) - 1} if documents else {})


class _Pairs:
    """All pairs of neighbours within the words, with their counts and positions.

    The distinct words are stored consecutively in one list of ids, linked to their neighbours. A merge therefore takes
    one step per position of the pair, however long the words are. All merges together are fewer than the bytes.
    """

    def __init__(self, words: Counter[str], ids: dict[bytes, int], shift: int):
        self.shift = shift
        # By position; a position that was merged away has id -1, and the ends of a word have a neighbour of -1.
        self.ids: list[int] = []
        self.weights: list[int] = []
        self.previous: list[int] = []
        self.following: list[int] = []
        # By pair; some positions can be outdated, so `merge` checks each.
        self.counts: defaultdict[int, int] = defaultdict(int)
        self.positions: defaultdict[int, list[int]] = defaultdict(list)
        byte_ids = [ids[bytes([byte])] for byte in range(256)]
        for word, count in words.items():
            self._add([byte_ids[byte] for byte in word.encode("utf-8", "surrogateescape")], count)
        self.done: set[int] = set()
        # Counts in the heap can also be outdated, but only too high, so it is enough to correct the top.
        self.heap = [(-count, pair) for pair, count in self.counts.items()]
        heapq.heapify(self.heap)

    def _add(self, ids, count):
        first = len(self.ids)
        last = first + len(ids) - 1
        self.ids += ids
        self.weights += [count] * len(ids)
        self.previous += [-1, *range(first, last)]
        self.following += [*range(first + 1, last + 1), -1]
        for position, left, right in zip(range(first, last), ids, ids[1:]):
            pair = left << self.shift | right
            self.counts[pair] += count
            self.positions[pair].append(position)

    def most_frequent(self) -> tuple[int, int] | None:
        """Return the pair to merge next, or None if no pair is frequent enough."""
        while self.heap:
            count, pair = self.heap[0]
            current = -self.counts[pair]
            if pair in self.done or current > -MIN_PAIR_COUNT:
                heapq.heappop(self.heap)
            elif current != count:
                heapq.heapreplace(self.heap, (current, pair))
            else:
                return pair >> self.shift, pair & (1 << self.shift) - 1
        return None

    def merge(self, left: int, right: int, merged: int) -> None:
        """Replace every occurrence of a pair by one token, from left to right."""
        ids, weights, previous, following = self.ids, self.weights, self.previous, self.following
        counts, positions, shift = self.counts, self.positions, self.shift
        pair = left << shift | right
        self.done.add(pair)
        new_pairs = set()
        for position in sorted(positions.pop(pair)):
            second = following[position]
            if ids[position] != left or second < 0 or ids[second] != right:
                continue  # outdated
            weight, before, after = weights[position], previous[position], following[second]
            ids[position], ids[second], following[position] = merged, -1, after
            if after >= 0:
                previous[after] = position
                counts[right << shift | ids[after]] -= weight
                new = merged << shift | ids[after]
                counts[new] += weight
                positions[new].append(position)
                new_pairs.add(new)
            if before >= 0:
                counts[ids[before] << shift | left] -= weight
                new = ids[before] << shift | merged
                counts[new] += weight
                positions[new].append(before)
                new_pairs.add(new)
        for new in new_pairs:
            heapq.heappush(self.heap, (-counts[new], new))
