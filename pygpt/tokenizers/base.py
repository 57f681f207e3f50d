"""What every tokenizer can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterable
from typing import Any

from pygpt.errors import TokenizerError


class Decoder(ABC):
    """Turns token ids into text piece by piece, for output that is shown while it is being sampled."""

    @abstractmethod
    def feed(self, ids: Iterable[int]) -> str:
        """Take the next ids and give the text that is complete by now.

        Raises:
            TokenizerError: an id is outside the vocabulary.
        """

    @abstractmethod
    def flush(self) -> str:
        """End the text: give what was held back, and start anew."""


class Tokenizer(ABC):
    """A two-way map between text and token ids.

    `vocab_size` counts the document delimiter too, and `bos` is that delimiter's id, or None if there is none.
    """

    kind: str
    vocab_size: int
    bos: int | None

    @classmethod
    @abstractmethod
    def train(cls, text: str, documents: bool = False) -> Tokenizer:
        """Make the tokenizer for a text; with `documents` it has a delimiter.

        Raises:
            TokenizerError: the text has no characters to learn.
        """

    @classmethod
    @abstractmethod
    def from_dict(cls, description: dict[str, Any]) -> Tokenizer:
        """Read back what `to_dict` wrote.

        Raises:
            TokenizerError: a field is missing, unknown or malformed.
        """

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Describe the tokenizer in plain JSON values."""

    @abstractmethod
    def encode(self, text: str) -> array:
        """Give the text's token ids as an `array('I')`; BOS is never among them.

        Raises:
            TokenizerError: the text has a symbol the tokenizer does not know.
        """

    @abstractmethod
    def decoder(self) -> Decoder:
        """Start a text that will arrive in pieces."""

    def decode(self, ids: Iterable[int]) -> str:
        """Give the text of these ids; BOS is the empty text.

        Raises:
            TokenizerError: an id is outside the vocabulary.
        """
        decoder = self.decoder()
        return decoder.feed(ids) + decoder.flush()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tokenizer) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.kind, self.vocab_size, self.bos))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.vocab_size} tokens{'' if self.bos is None else ', one of them BOS'}>"


def check_fields(description: dict[str, Any], wanted: dict[str, type]) -> None:
    """Check that a description has exactly the fields wanted, each of its type.

    Raises:
        TokenizerError: a field is missing, unknown, or of another type.
    """
    kind = description.get("kind")
    if set(description) != set(wanted):
        came = ", ".join(map(repr, description))
        raise TokenizerError(
            f"a {kind} tokenizer is described by the fields {', '.join(map(repr, wanted))}; "
            f"this description has {came}: it was not written by this version of pygpt"
        )
    for field, type_ in wanted.items():
        if type(description[field]) is not type_:
            raise TokenizerError(
                f"the field {field!r} of a {kind} tokenizer is a {type_.__name__}; "
                f"this description has {description[field]!r:.60}"
            )


def outside_vocabulary(token: object, vocab_size: int) -> TokenizerError:
    """Make the error for an id no token has."""
    return TokenizerError(
        f"token {token!r} is outside the vocabulary: ids go from 0 to {vocab_size - 1}; "
        "was it sampled from a model with another tokenizer?"
    )
