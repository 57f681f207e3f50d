"""From text to token ids and back: one character a token, or one byte a token."""

from pygpt.errors import TokenizerError
from pygpt.tokenizers.base import Decoder, Tokenizer
from pygpt.tokenizers.byte import ByteTokenizer
from pygpt.tokenizers.char import CharTokenizer
from pygpt.tokenizers.documents import split_documents

__all__ = [
    "ByteTokenizer", "CharTokenizer", "Decoder", "Tokenizer", "split_documents", "tokenizer_from_dict",
    "train_tokenizer",
]

_KINDS: dict[str, type[Tokenizer]] = {tokenizer.kind: tokenizer for tokenizer in (CharTokenizer, ByteTokenizer)}


def train_tokenizer(kind: str, text: str, documents: bool) -> Tokenizer:
    """Make the tokenizer of this kind for this text; with `documents` it also has a delimiter, BOS.

    Raises:
        TokenizerError: there is no such kind, or the text has no characters to learn.
    """
    return _class_of(kind).train(text, documents)


def tokenizer_from_dict(description: dict) -> Tokenizer:
    """Read back what `Tokenizer.to_dict` wrote.

    Raises:
        TokenizerError: the description is not a dict, its kind is unknown, or its fields are missing or malformed.
    """
    if not isinstance(description, dict):
        raise TokenizerError(f"a tokenizer is described by a dict, not by {type(description).__name__}: "
                             "pass what to_dict() returned")
    return _class_of(description.get("kind")).from_dict(description)


def _class_of(kind: object) -> type[Tokenizer]:
    if not isinstance(kind, str) or kind not in _KINDS:
        raise TokenizerError(f"there is no tokenizer of kind {kind!r}: choose one of {', '.join(_KINDS)}")
    return _KINDS[kind]
