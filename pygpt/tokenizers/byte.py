"""A tokenizer with one token per byte of UTF-8."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Any

from pygpt.tokenizers.base import Decoder, Tokenizer, check_fields, outside_vocabulary
from pygpt.tokenizers.utf8 import Utf8Decoder, utf8_bytes


class ByteTokenizer(Tokenizer):
    """Encodes any text as its UTF-8 bytes, with 256 ids. The document delimiter, if any, is 256."""

    kind = "byte"

    def __init__(self, documents: bool = False):
        self.documents = documents
        self.bos = 256 if documents else None
        self.vocab_size = 256 + documents

    @classmethod
    def train(cls, text: str, documents: bool = False) -> ByteTokenizer:
        """Make the tokenizer. Nothing is learned from the text."""
        return cls(documents)

    @classmethod
    def from_dict(cls, description: dict[str, Any]) -> ByteTokenizer:
        """Restore a tokenizer from the output of `to_dict`.

        Raises:
            TokenizerError: a field is missing, unknown or malformed.
        """
        check_fields(description, {"kind": str, "documents": bool})
        return cls(description["documents"])

    def to_dict(self) -> dict[str, Any]:
        """Describe the tokenizer in plain JSON values."""
        return {"kind": self.kind, "documents": self.documents}

    def encode(self, text: str) -> array[int]:
        """Return the token ids of a text as an `array('I')`, without BOS.

        Raises:
            TokenizerError: the text has an unpaired surrogate, which UTF-8 cannot encode.
        """
        # Through array("B"): array("I", bytes) would read four bytes as one number.
        return array("I", array("B", utf8_bytes(text)))

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Return the bytes of token ids. BOS has none.

        Raises:
            TokenizerError: an id is outside the vocabulary.
        """
        tokens = list(ids)
        if self.documents:
            tokens = [token for token in tokens if token != 256]
        try:
            return bytes(tokens)
        except ValueError:
            wrong = next(token for token in tokens if not 0 <= token < 256)
            raise outside_vocabulary(wrong, self.vocab_size) from None

    def byte_length(self, ids: Iterable[int]) -> int:
        """See Tokenizer."""
        return len(self.decode_bytes(ids))

    def decoder(self, begins: bool = True) -> Decoder:
        """Return a decoder for ids that arrive in pieces; it holds back an incomplete UTF-8 sequence."""
        return Utf8Decoder(self.decode_bytes)
