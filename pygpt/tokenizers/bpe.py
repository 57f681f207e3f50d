"""Byte-level BPE as in GPT-2: frequent byte sequences are one token, and single bytes cover every other text."""

from __future__ import annotations

import heapq
import re
from array import array
from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator
from functools import cached_property
from itertools import chain, pairwise
from typing import Any, TypeVar

from pygpt.errors import TokenizerError
from pygpt.tokenizers.base import Decoder, Tokenizer, check_fields, outside_vocabulary, split_documents
from pygpt.tokenizers.bpe_training import count_words, learn
from pygpt.tokenizers.bpe_vocabulary import BYTE_TOKEN, Vocabulary, byte_token
from pygpt.tokenizers.tokenizer_json import vocabulary_from_json, vocabulary_to_json
from pygpt.tokenizers.utf8 import ByteFallbackDecoder, Utf8Decoder, utf8_bytes

T = TypeVar("T")

_CACHE_SIZE = 1 << 17  # words whose tokens are cached; English text of any length needs fewer
_LONGEST_CACHED = 100  # characters; a longer word will hardly occur again


class BPETokenizer(Tokenizer):
    """Splits a text into words and merges the bytes of each word, in the order the pairs were learned.

    Special tokens are never recognised in a text: the ids are those of Hugging Face's library with
    `encode_special_tokens`, but for a special token that is a whole word of a vocabulary with `ignore_merges` and in
    its model.vocab, where the library has its id. They decode to the empty string, as do ids that no token has. With
    byte fallback (see Pipeline), the parts that are merged are characters instead of bytes.
    """

    kind = "bpe"

    def __init__(self, vocabulary: Vocabulary):
        self.vocabulary = vocabulary
        self.vocab_size, self.bos = len(vocabulary.tokens), vocabulary.bos
        self._pipeline, self._splitter = vocabulary.pipeline, vocabulary.pipeline.splitter
        self._ids = ids = vocabulary.ids
        fallback = self._pipeline.byte_fallback
        self._byte_ids = [ids[byte_token(byte) if fallback else bytes([byte])] for byte in range(256)]
        self._ranks = {(ids[left], ids[right]): rank for rank, (left, right) in enumerate(vocabulary.merges)}
        self._merged = [ids[left + right] for left, right in vocabulary.merges]
        self._bytes = dict(enumerate(vocabulary.tokens)) | {id: name.encode() for name, id in vocabulary.added.items()}
        if fallback:
            space = self._pipeline.space.encode()
            self._fallback = {id: int(text[3:5], 16) for id, text in self._bytes.items() if BYTE_TOKEN.fullmatch(text)}
            self._bytes = {token: text.replace(space, b" ") for token, text in self._bytes.items()}
            self._bytes |= {token: bytes([byte]) for token, byte in self._fallback.items()}
        # The library searches twice: for the tokens that are looked for in the text as it is, and then, in what lies
        # between these, for those that are looked for in the normalized text. It finds special tokens too, and leaves
        # them as text, in which it finds no other token.
        listed = self._pipeline.parts.get("added_tokens") or []
        normalized = {token["content"] for token in listed if token.get("normalized")}
        self._sought = (vocabulary.added.keys() | vocabulary.special.keys() if vocabulary.added else set()) - {""}
        passes = (self._sought - normalized, self._sought & normalized)
        self._searches = [_longest_of(names) for names in passes if names & vocabulary.added.keys()]
        self._words = _WordCache(self._merge)

    @property
    def template(self) -> tuple[int, ...]:
        """See Tokenizer."""
        return self._template or self._pipeline.template

    @classmethod
    def train(cls, text: str, documents: bool = False, vocab_size: int = 1024) -> BPETokenizer:
        """Learn up to `vocab_size` tokens from a text, including the delimiter; too little repetition gives fewer.

        Raises:
            TokenizerError: `vocab_size` has no room for the 256 bytes and the delimiter.
        """
        return _exhaust(cls.train_stepwise(text, documents, vocab_size))

    @classmethod
    def train_on(cls, parts: Iterable[str], vocab_size: int) -> BPETokenizer:
        """Learn like `train`, from a text in parts that are split between words."""
        return cls(_exhaust(learn(count_words(parts), vocab_size, documents=False)))

    @classmethod
    def train_stepwise(cls, text: str, documents: bool, vocab_size: int) -> Generator[float, None, BPETokenizer]:
        """Learn like `train`, in small steps: yield the completed fraction, return the tokenizer."""
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
        """Restore a tokenizer from the output of `to_dict`.

        Raises:
            TokenizerError: a field is missing, unknown or malformed.
        """
        check_fields(description, {"kind": str, "tokenizer": dict})
        return cls(vocabulary_from_json(description["tokenizer"]))

    def to_dict(self) -> dict[str, Any]:
        """Describe the tokenizer in plain JSON values: those of its tokenizer.json."""
        return {"kind": self.kind, "tokenizer": self._contents}

    @cached_property
    def _contents(self):
        """The contents of the tokenizer.json; every checkpoint has them, and large ones take a second to make."""
        return vocabulary_to_json(self.vocabulary)

    def encode(self, text: str) -> array[int]:
        """Return the token ids of a text as an `array('I')`, without BOS.

        Raises:
            TokenizerError: the text has an unpaired surrogate, which UTF-8 cannot encode.
        """
        if not text.isascii():
            utf8_bytes(text)
        return self._encode(text)

    def encode_bytes(self, data: bytes) -> array[int]:
        """Return the token ids of any bytes, UTF-8 or not; `decode_bytes` restores them."""
        return self._encode(data.decode("utf-8", "surrogateescape"))

    def encode_parts(self, parts: Iterable[str]) -> Iterator[array[int]]:
        """See Tokenizer."""
        splitter, sought = self._splitter, self._sought
        if sought and (splitter.prefixes_sections or splitter.seam is None or any(map(splitter.seam.search, sought))):
            yield self.encode("".join(parts))  # an added token may lie across any boundary
            return
        for number, part in enumerate(splitter.regroup(parts)):
            utf8_bytes(part)
            yield self._encode(part, begins=number == 0)

    def _encode(self, text: str, begins: bool = True) -> array[int]:
        ids, splitter = array("I"), self._splitter
        for is_added, section in self._sections(text, self._searches):
            if is_added:
                ids.append(self.vocabulary.added[section])
                begins = splitter.prefixes_sections
                continue
            for piece in splitter.pieces(section):
                ids.extend(chain.from_iterable(map(self._words.__getitem__, splitter.split(piece, begins))))
                begins = begins and not piece
        return ids

    def _sections(self, text: str, searches: list[re.Pattern[str]]) -> Iterator[tuple[bool, str]]:
        """Yield the parts of a text in order: whether each is an added token, and its text, which may be empty."""
        if not searches:
            yield False, text
            return
        start = 0
        for found in searches[0].finditer(text):
            if found[0] in self.vocabulary.added:
                yield from self._sections(text[start : found.start()], searches[1:])
                yield True, found[0]
                start = found.end()
        yield from self._sections(text[start:], searches[1:])

    def _parts(self, word: str) -> list[int]:
        """Return the tokens of the bytes of a word or, with byte fallback, of its characters."""
        if not self._pipeline.byte_fallback:
            return [self._byte_ids[byte] for byte in word.encode("utf-8", "surrogateescape")]
        parts = []
        for character in word:
            data = character.encode("utf-8", "surrogateescape")
            token = self._ids.get(data)
            parts += [self._byte_ids[byte] for byte in data] if token is None else [token]
        return parts

    def _merge(self, word: str) -> tuple[int, ...]:
        """Return the tokens of a word. Pairs are merged in the order they were learned, and from left to right.

        The positions of mergeable pairs are stored by rank, so that a long word takes no longer than many short ones.
        """
        if self._pipeline.ignore_merges:
            whole = self._ids.get(word.encode("utf-8", "surrogateescape"))
            if whole is not None:
                return (whole,)
        ranks, ids = self._ranks, self._parts(word)
        following = [*range(1, len(ids)), -1]
        previous = list(range(-1, len(ids) - 1))
        positions = defaultdict(list)
        for position, pair in enumerate(pairwise(ids)):
            if pair in ranks:
                positions[ranks[pair]].append(position)
        pending = list(positions)
        heapq.heapify(pending)
        while pending:
            rank = heapq.heappop(pending)
            current = sorted(positions.pop(rank), reverse=True)
            # In a hand-made vocabulary, a merge can enable one of a lower rank, which then goes first.
            while current and not (pending and pending[0] < rank):
                position = current.pop()
                second = following[position]
                if second < 0 or ranks.get((ids[position], ids[second])) != rank:
                    continue  # one of the two has been merged with another neighbour
                before, after = previous[position], following[second]
                ids[position], ids[second], following[position] = self._merged[rank], -1, after
                if after >= 0:
                    previous[after] = position
                for left, right in (before, position), (position, after):
                    new_rank = ranks.get((ids[left], ids[right])) if left >= 0 and right >= 0 else None
                    if new_rank is not None:
                        if new_rank not in positions:
                            heapq.heappush(pending, new_rank)
                        positions[new_rank].append(left)
            if current:
                if rank not in positions:
                    heapq.heappush(pending, rank)
                positions[rank] += current
        return tuple(token for token in ids if token >= 0)

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Return the bytes of token ids. A special token has none.

        Raises:
            TokenizerError: an id is outside the vocabulary.
        """
        try:
            return b"".join(map(self._bytes.__getitem__, ids))
        except KeyError as error:
            raise outside_vocabulary(error.args[0], self.vocab_size) from None

    def byte_length(self, ids: Iterable[int]) -> int:
        """See Tokenizer."""
        return len(self.decode_bytes(ids))

    def decoder(self, begins: bool = True) -> Decoder:
        """Return a decoder for ids that arrive in pieces; it holds back an incomplete UTF-8 sequence and, with byte
        fallback, a run of bytes."""
        if self._pipeline.byte_fallback:
            return ByteFallbackDecoder(self.decode_bytes, self._fallback.keys(), self._pipeline.strips and begins)
        return Utf8Decoder(self.decode_bytes)


def _longest_of(names: Iterable[str]) -> re.Pattern[str]:
    """A pattern that matches the first of the names in a text, and of several there the longest."""
    return re.compile("|".join(map(re.escape, sorted(names, key=len, reverse=True))))


def _exhaust(work: Generator[Any, None, T]) -> T:
    """Run a generator to its end and return its result."""
    try:
        while True:
            next(work)
    except StopIteration as done:
        return done.value


class _WordCache(dict):
    """A cache of the tokens of words."""

    def __init__(self, merge):
        super().__init__()
        self._merge = merge

    def __missing__(self, word):
        ids = self._merge(word)
        if len(word) <= _LONGEST_CACHED:
            if len(self) >= _CACHE_SIZE:
                self.clear()
            self[word] = ids
        return ids
