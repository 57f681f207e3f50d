"""One byte of UTF-8, one token."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Any

from pygpt.tokenizers.base import Decoder, Tokenizer, check_fields, outside_vocabulary
from pygpt.tokenizers.utf8 import Utf8Decoder, utf8_bytes


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
        # Through array("B"): array("I", bytes) would read four bytes as one number.
        return array("I", array("B", utf8_bytes(text)))

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Give the bytes of these ids; BOS is none.

        Raises:
            TokenizerError: an id is outside the vocabulary.
        """
        tokens = list(ids)
        if self.bos is not None:
            tokens = [token for token in tokens if token != self.bos]
        try:
            return bytes(tokens)
        except ValueError:
            wrong = next(token for token in tokens if not 0 <= token < 256)
            raise outside_vocabulary(wrong, self.vocab_size) from None

    def decoder(self) -> Decoder:
        """Start a text that will arrive in pieces; half a UTF-8 sequence is held back until its rest comes."""
        return Utf8Decoder(self.decode_bytes)
