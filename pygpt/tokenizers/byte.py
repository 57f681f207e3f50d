"""One byte of UTF-8, one token."""

from __future__ import annotations

import codecs
from array import array
from collections.abc import Iterable
from typing import Any

from pygpt.errors import TokenizerError
from pygpt.tokenizers.base import Decoder, Tokenizer, check_fields, outside_vocabulary


class ByteTokenizer(Tokenizer):
    """Knows every text there is: 256 ids, the bytes of its UTF-8; the document delimiter, if any, is 256."""

    kind = "byte"

    def __init__(self, documents: bool = False):
        self.bos = 256 if documents else None
        self.vocab_size = 256 + documents

    @classmethod
    def train(cls, text: str, documents: bool = False) -> ByteTokenizer:
        """Make the tokenizer; there is nothing to learn from the text."""
        return cls(documents)

    @classmethod
    def from_dict(cls, description: dict[str, Any]) -> ByteTokenizer:
        """Read back what `to_dict` wrote.

        Raises:
            TokenizerError: a field is missing, unknown or malformed.
        """
        check_fields(description, {"kind": str, "documents": bool})
        return cls(description["documents"])

    def to_dict(self) -> dict[str, Any]:
        """Describe the tokenizer in plain JSON values."""
        return {"kind": self.kind, "documents": self.bos is not None}

    def encode(self, text: str) -> array:
        """Give the text's token ids as an `array('I')`; BOS is never among them.

        Raises:
            TokenizerError: the text has half a surrogate pair, which UTF-8 cannot hold.
        """
        try:
            data = text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise TokenizerError(f"the character {text[error.start]!r} at position {error.start} is half a surrogate "
                                 "pair and has no UTF-8 bytes: leave it out") from None
        # Through array("B"): array("I", bytes) would read four bytes as one number.
        return array("I", array("B", data))

    def decoder(self) -> Decoder:
        """Start a text that will arrive in pieces; half a UTF-8 sequence is held back until its rest comes."""
        return _ByteDecoder(self.vocab_size)


class _ByteDecoder(Decoder):
    def __init__(self, vocab_size: int):
        self._vocab_size = vocab_size
        self._codec = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def feed(self, ids: Iterable[int]) -> str:
        tokens = list(ids)
        if self._vocab_size > 256:
            tokens = [token for token in tokens if token != 256]
        try:
            return self._codec.decode(bytes(tokens))
        except ValueError:
            wrong = next(token for token in tokens if not 0 <= token < 256)
            raise outside_vocabulary(wrong, self._vocab_size) from None

    def flush(self) -> str:
        return self._codec.decode(b"", final=True)
