"""The interface of every tokenizer, and what several share: the definition of a document, checks of their fields."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterable, Iterator
from typing import Any, Self

from pygpt.errors import TokenizerError


class Decoder(ABC):
    """Decodes token ids piece by piece, for output that is shown while it is being sampled."""

    @abstractmethod
    def feed(self, ids: Iterable[int]) -> str:
        """Take the next ids and return the text that is complete so far.

        Raises:
            TokenizerError: an id is outside the vocabulary.
        """

    @abstractmethod
    def flush(self) -> str:
        """End the text: return what was held back, and reset the decoder."""


class Tokenizer(ABC):
    """A two-way map between text and token ids.

    `vocab_size` includes the document delimiter. `bos` is the id that begins a text, or None if none does: the
    delimiter, except for an imported model that begins and ends texts with different tokens.
    """

    kind: str
    vocab_size: int
    bos: int | None
    _ends: tuple[int, ...] | None = None
    _template: tuple[int, ...] = ()

    @property
    def ends(self) -> tuple[int, ...]:
        """The ids that end a text."""
        if self._ends is not None:
            return self._ends
        return () if self.bos is None else (self.bos,)

    @property
    def template(self) -> tuple[int, ...]:
        """The ids that Hugging Face's library puts before a text, such as BOS, if the file of this tokenizer says so.

        `encode` puts none there; a prompt of an imported model begins with them.
        """
        return self._template

    @property
    def delimiter(self) -> int | None:
        """The id between documents: the one that begins a text, else the first that ends one; None without any."""
        return self.bos if self.bos is not None else next(iter(self.ends), None)

    def with_delimiters(self, bos: int | None, ends: Iterable[int]) -> Self:
        """A copy for a model whose texts begin with the token `bos`, if any, and end with one of `ends`, if any.

        Raises:
            TokenizerError: an id is outside the vocabulary.
        """
        other = copy.copy(self)
        other.bos, other._ends = bos, tuple(ends)
        self._check_ids((*other._ends, *(() if bos is None else (bos,))))
        return other

    def with_template(self, template: Iterable[int]) -> Self:
        """A copy with another template, for an imported model whose file is not kept word for word.

        Raises:
            TokenizerError: an id is outside the vocabulary.
        """
        other = copy.copy(self)
        other._template = tuple(template)
        self._check_ids(other._template)
        return other

    def _check_ids(self, ids: Iterable[int]) -> None:
        for token in ids:
            if type(token) is not int or not 0 <= token < self.vocab_size:
                raise outside_vocabulary(token, self.vocab_size)

    def describe(self) -> dict[str, Any]:
        """`to_dict`, with the delimiters and the template if they are not the tokenizer's own; `tokenizer_from_dict`
        reads it."""
        own: dict[str, Any] = {}
        if self._ends is not None:
            own["delimiters"] = {"bos": self.bos, "ends": list(self._ends)}
        if self._template:
            own["template"] = list(self._template)
        return self.to_dict() | own

    @classmethod
    @abstractmethod
    def train(cls, text: str, documents: bool = False) -> Tokenizer:
        """Make the tokenizer for a text. With `documents`, it has a delimiter.

        Raises:
            TokenizerError: the text has no characters to learn.
        """

    @classmethod
    @abstractmethod
    def from_dict(cls, description: dict[str, Any]) -> Tokenizer:
        """Restore a tokenizer from the output of `to_dict`.

        Raises:
            TokenizerError: a field is missing, unknown or malformed.
        """

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Describe the tokenizer in plain JSON values."""

    @abstractmethod
    def encode(self, text: str) -> array[int]:
        """Return the token ids of a text as an `array('I')`, without BOS.

        Raises:
            TokenizerError: the text has a symbol that is not in the vocabulary.
        """

    def encode_parts(self, parts: Iterable[str]) -> Iterator[array[int]]:
        """Yield the token ids of a text that comes in parts; together, they are the ids of the whole text.

        Raises:
            TokenizerError: the text has a symbol that is not in the vocabulary.
        """
        yield from map(self.encode, parts)

    @abstractmethod
    def decoder(self, begins: bool = True) -> Decoder:
        """Return a decoder for ids that arrive in pieces. `begins` is false for the continuation of a text."""

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of token ids. BOS decodes to the empty string.

        Raises:
            TokenizerError: an id is outside the vocabulary.
        """
        decoder = self.decoder()
        return decoder.feed(ids) + decoder.flush()

    def byte_length(self, ids: Iterable[int]) -> int:
        """Return the number of bytes of UTF-8 that token ids stand for, also if these begin or end within a character.

        Raises:
            TokenizerError: an id is outside the vocabulary.
        """
        return len(self.decode(ids).encode())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tokenizer) and self.describe() == other.describe()

    def __hash__(self) -> int:
        return hash((self.kind, self.vocab_size, self.bos))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.vocab_size} tokens{'' if self.bos is None else ', one of them BOS'}>"


def check_fields(description: dict[str, Any], required: dict[str, type]) -> None:
    """Check that a description has exactly the required fields, each with its type.

    Raises:
        TokenizerError: a field is missing, unknown, or of another type.
    """
    kind = description.get("kind")
    if set(description) != set(required):
        actual = ", ".join(map(repr, description))
        raise TokenizerError(
            f"a {kind} tokenizer is described by the fields {', '.join(map(repr, required))}; "
            f"this description has {actual}: it was not written by this version of pygpt"
        )
    for field, type_ in required.items():
        if type(description[field]) is not type_:
            raise TokenizerError(
                f"the field {field!r} of a {kind} tokenizer is a {type_.__name__}; "
                f"this description has {description[field]!r:.60}"
            )


def outside_vocabulary(token: object, vocab_size: int) -> TokenizerError:
    """Make the error for an id that no token has."""
    return TokenizerError(
        f"token {token!r} is outside the vocabulary: ids go from 0 to {vocab_size - 1}; "
        "was it sampled from a model with another tokenizer?"
    )


def split_documents(text: str) -> list[str]:
    """Split a text into its documents: the lines that are not blank, without surrounding white space."""
    # str.splitlines would also split at form feeds and U+2028, which belong to a document.
    return [line for line in map(str.strip, text.split("\n")) if line]
