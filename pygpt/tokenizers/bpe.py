"""Byte-level BPE, GPT-2's way: what occurs often is one token, and every text there is can be written with the others."""

from __future__ import annotations

import heapq
from array import array
from collections import defaultdict
from collections.abc import Generator, Iterable
from itertools import chain, pairwise
from typing import Any

from pygpt.errors import TokenizerError
from pygpt.tokenizers.base import Decoder, Tokenizer, check_fields, outside_vocabulary
from pygpt.tokenizers.bpe_training import count_words, learn
from pygpt.tokenizers.bpe_vocabulary import Vocabulary
from pygpt.tokenizers.documents import split_documents
from pygpt.tokenizers.pretokens import pieces, split_words
from pygpt.tokenizers.tokenizer_json import vocabulary_from_json, vocabulary_to_json
from pygpt.tokenizers.utf8 import Utf8Decoder, utf8_bytes

_REMEMBERED = 1 << 17  # words whose tokens are kept; English text of any length needs fewer
_LONG = 100  # characters; a longer word will hardly come again


class BPETokenizer(Tokenizer):
    """Cuts a text into words and merges each word's bytes, the pair that was learned first before all others.

    Special tokens are never found in a text, whatever the text says; decoded they are the empty text.
    """

    kind = "bpe"

    def __init__(self, vocabulary: Vocabulary):
        self.vocabulary = vocabulary
        self.vocab_size, self.bos = len(vocabulary.tokens), vocabulary.bos
        ids = vocabulary.ids
        self._byte_ids = [ids[bytes([byte])] for byte in range(256)]
        self._ranks = {(ids[left], ids[right]): rank for rank, (left, right) in enumerate(vocabulary.merges)}
        self._merged = [ids[left + right] for left, right in vocabulary.merges]
        self._bytes = dict(enumerate(vocabulary.tokens))
        self._words = _Words(self._merge)

    @classmethod
    def train(cls, text: str, documents: bool = False, vocab_size: int = 1024) -> BPETokenizer:
        """Learn up to `vocab_size` tokens from a text, the delimiter among them; what repeats too little gives fewer.

        Raises:
            TokenizerError: `vocab_size` has no room for the 256 bytes and the delimiter.
        """
        return _exhaust(cls.learning(text, documents, vocab_size))

    @classmethod
    def train_on(cls, parts: Iterable[str], vocab_size: int) -> BPETokenizer:
        """As `train`, from a text in parts that begin and end between two words."""
        return cls(_exhaust(learn(count_words(parts), vocab_size, documents=False)))

    @classmethod
    def learning(cls, text: str, documents: bool, vocab_size: int) -> Generator[float, None, BPETokenizer]:
        """As `train`, in small pieces of work: yields the share that is done, returns the tokenizer."""
        if vocab_size < 256 + documents:
            raise TokenizerError(
                f"a vocabulary of {vocab_size} tokens has no room for the 256 bytes"
                f"{' and the delimiter' if documents else ''}: choose at least {256 + documents}"
            )
        yield 0.0
        merges = learn(count_words(split_documents(text) if documents else [text]), vocab_size, documents)
        try:
            while True:
                yield next(merges) / vocab_size
        except StopIteration as done:
            return cls(done.value)

    @classmethod
    def from_dict(cls, description: dict[str, Any]) -> BPETokenizer:
        """Read back what `to_dict` wrote.

        Raises:
            TokenizerError: a field is missing, unknown or malformed.
        """
        check_fields(description, {"kind": str, "tokenizer": dict})
        return cls(vocabulary_from_json(description["tokenizer"]))

    def to_dict(self) -> dict[str, Any]:
        """Describe the tokenizer in plain JSON values: those of its tokenizer.json."""
        return {"kind": self.kind, "tokenizer": vocabulary_to_json(self.vocabulary)}

    def encode(self, text: str) -> array:
        """Give the text's token ids as an `array('I')`; BOS is never among them.

        Raises:
            TokenizerError: the text has half a surrogate pair, which UTF-8 cannot hold.
        """
        if not text.isascii():
            utf8_bytes(text)
        return self._encode(text)

    def encode_bytes(self, data: bytes) -> array:
        """Give the token ids of any bytes, UTF-8 or not; `decode_bytes` gives them back."""
        return self._encode(data.decode("utf-8", "surrogateescape"))

    def _encode(self, text: str) -> array:
        ids = array("I")
        for piece in pieces(text):
            ids.extend(chain.from_iterable(map(self._words.__getitem__, split_words(piece))))
        return ids

    def _merge(self, word: str) -> tuple[int, ...]:
        """The tokens of a word: the pair that was learned first is merged first, and from left to right.

        The places of the pairs that can be merged are kept by rank, so that a long word takes no longer than many short ones.
        """
        ranks = self._ranks
        ids = [self._byte_ids[byte] for byte in word.encode("utf-8", "surrogateescape")]
        following = [*range(1, len(ids)), -1]
        previous = list(range(-1, len(ids) - 1))
        places = defaultdict(list)
        for place, pair in enumerate(pairwise(ids)):
            if pair in ranks:
                places[ranks[pair]].append(place)
        waiting = list(places)
        heapq.heapify(waiting)
        while waiting:
            rank = heapq.heappop(waiting)
            now = sorted(places.pop(rank), reverse=True)
            # In a vocabulary that was put together by hand, a merge may call for one of a lower rank: that goes first.
            while now and not (waiting and waiting[0] < rank):
                place = now.pop()
                second = following[place]
                if second < 0 or ranks.get((ids[place], ids[second])) != rank:
                    continue  # one of the two has been merged with another neighbour
                before, after = previous[place], following[second]
                ids[place], ids[second], following[place] = self._merged[rank], -1, after
                if after >= 0:
                    previous[after] = place
                for left, right in (before, place), (place, after):
                    new = ranks.get((ids[left], ids[right])) if left >= 0 and right >= 0 else None
                    if new is not None:
                        if new not in places:
                            heapq.heappush(waiting, new)
                        places[new].append(left)
            if now:
                if rank not in places:
                    heapq.heappush(waiting, rank)
                places[rank] += now
        return tuple(token for token in ids if token >= 0)

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Give the bytes of these ids; a special token has none.

        Raises:
            TokenizerError: an id is outside the vocabulary.
        """
        try:
            return b"".join(map(self._bytes.__getitem__, ids))
        except KeyError as error:
            raise outside_vocabulary(error.args[0], self.vocab_size) from None

    def decoder(self) -> Decoder:
        """Start a text that will arrive in pieces; half a UTF-8 sequence is held back until its rest comes."""
        return Utf8Decoder(self.decode_bytes)


def _exhaust(work: Generator) -> Any:
    """Do all of the work, and give what it returns."""
    try:
        while True:
            next(work)
    except StopIteration as done:
        return done.value


class _Words(dict):
    """The tokens of words that occurred."""

    def __init__(self, merge):
        super().__init__()
        self._merge = merge

    def __missing__(self, word):
        ids = self._merge(word)
        if len(word) <= _LONG:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[word] = ids
        return ids
