"""From text to token ids and back: one character a token, one byte a token, or what occurs often a token."""

from pygpt.errors import TokenizerError
from pygpt.tokenizers.base import Decoder, Tokenizer
from pygpt.tokenizers.bpe import BPETokenizer
from pygpt.tokenizers.byte import ByteTokenizer
from pygpt.tokenizers.char import CharTokenizer
from pygpt.tokenizers.documents import split_documents
from pygpt.tokenizers.files import read_tokenizer, tokenizer_json_bytes

__all__ = [
    "BPETokenizer",
    "ByteTokenizer",
    "CharTokenizer",
    "Decoder",
    "Tokenizer",
    "read_tokenizer",
    "split_documents",
    "tokenizer_from_dict",
    "tokenizer_json_bytes",
    "train_tokenizer",
]

_KINDS: dict[str, type[Tokenizer]] = {
    tokenizer.kind: tokenizer for tokenizer in (CharTokenizer, ByteTokenizer, BPETokenizer)
}


def train_tokenizer(kind: str, text: str, documents: bool, vocab_size: int = 1024) -> Tokenizer:
    """Make the tokenizer of this kind for this text; with `documents` it also has a delimiter, BOS.

    `vocab_size` is for the kind whose vocabulary may have any size, bpe: so many tokens, BOS among them.
    Raises:
        TokenizerError: there is no such kind, or the text has no characters to learn.
    """
    if kind == BPETokenizer.kind:
        return BPETokenizer.train(text, documents, vocab_size)
    return _class_of(kind).train(text, documents)


def tokenizer_from_dict(description: dict) -> Tokenizer:
    """Read back what `Tokenizer.to_dict` wrote.

    Raises:
        TokenizerError: the description is not a dict, its kind is unknown, or its fields are missing or malformed.
    """
    if not isinstance(description, dict):
        raise TokenizerError(
            f"a tokenizer is described by a dict, not by {type(description).__name__}: pass what to_dict() returned"
        )
    return _class_of(description.get("kind")).from_dict(description)


def _class_of(kind: object) -> type[Tokenizer]:
    if not isinstance(kind, str) or kind not in _KINDS:
        raise TokenizerError(f"there is no tokenizer of kind {kind!r}: choose one of {', '.join(_KINDS)}")
    return _KINDS[kind]
