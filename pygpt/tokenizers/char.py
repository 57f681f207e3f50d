"""One character, one token."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable
from typing import Any

from pygpt.errors import TokenizerError
from pygpt.tokenizers.base import Decoder, Tokenizer, check_fields, outside_vocabulary
from pygpt.tokenizers.documents import split_documents

_SHOWN = 100  # characters of the vocabulary an error lists before it stops
_UTF_32 = f"utf-32-{sys.byteorder[0]}e"  # a code point is the machine's 32-bit number


class _Unknown(Exception):
    """A character that is not in the vocabulary."""


class _Ids(dict):
    """The code points of characters, and the character whose code point is the token's number."""

    def __missing__(self, code_point):
        raise _Unknown


class CharTokenizer(Tokenizer):
    """Numbers the characters of a text in sorted order; the document delimiter, if any, comes last.

    Raises:
        TokenizerError: there are no characters, or they are not sorted and distinct.
    """

    kind = "char"

    def __init__(self, characters: str, documents: bool = False):
        if not characters:
            raise TokenizerError(
                "a character tokenizer needs at least one character; its vocabulary is empty: give it a text"
            )
        if any(left >= right for left, right in zip(characters, characters[1:])):
            raise TokenizerError(
                f"the characters of a tokenizer must be sorted and distinct; these are not: {characters!r:.60}"
            )
        self.characters = characters
        self.bos = len(characters) if documents else None
        self.vocab_size = len(characters) + documents
        self._ids = _Ids({ord(character): chr(token) for token, character in enumerate(characters)})
        self._characters = dict(enumerate(characters))
        if documents:
            self._characters[len(characters)] = ""

    @classmethod
    def train(cls, text: str, documents: bool = False) -> CharTokenizer:
        """Number the characters of a text; with `documents`, those of its documents (a newline is not one of them).

        Raises:
            TokenizerError: the text has no characters to learn.
        """
        if documents:
            text = "".join(split_documents(text))
        return cls("".join(sorted(set(text))), documents)

    @classmethod
    def from_dict(cls, description: dict[str, Any]) -> CharTokenizer:
        """Read back what `to_dict` wrote.

        Raises:
            TokenizerError: a field is missing, unknown or malformed.
        """
        check_fields(description, {"kind": str, "characters": str, "documents": bool})
        return cls(description["characters"], description["documents"])

    def to_dict(self) -> dict[str, Any]:
        """Describe the tokenizer in plain JSON values."""
        return {"kind": self.kind, "characters": self.characters, "documents": self.bos is not None}

    def encode(self, text: str) -> array:
        """Give the text's token ids as an `array('I')`; BOS is never among them.

        Raises:
            TokenizerError: the text has a character the tokenizer does not know; the message names the first.
        """
        # A translated text as UTF-32 is the tokens: 15 times faster than looking up one character after the other, which
        # took 0.1 s of the first step in a tab.
        try:
            units = text.translate(self._ids).encode(_UTF_32, "surrogatepass")
        except _Unknown:
            raise self._unknown(text) from None
        return array("I", units)

    def decoder(self) -> Decoder:
        """Start a text that will arrive in pieces."""
        return _CharDecoder(self._characters)

    def _unknown(self, text: str) -> TokenizerError:
        position, character = next((p, c) for p, c in enumerate(text) if ord(c) not in self._ids)
        shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in self.characters[:_SHOWN])
        more = len(self.characters) - _SHOWN
        return TokenizerError(
            f"the character {character!r} at position {position} is not in the vocabulary: "
            "the model never saw it. It knows "
            + shown
            + (f" and {more} more" if more > 0 else "")
            + ". Leave the character out, or train on a text that has it"
        )


class _CharDecoder(Decoder):
    def __init__(self, characters: dict[int, str]):
        self._characters = characters

    def feed(self, ids: Iterable[int]) -> str:
        try:
            return "".join(map(self._characters.__getitem__, ids))
        except KeyError as error:
            raise outside_vocabulary(error.args[0], len(self._characters)) from None

    def flush(self) -> str:
        return ""
