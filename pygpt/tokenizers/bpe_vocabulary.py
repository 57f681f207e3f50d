"""The vocabulary of a byte-level BPE: its tokens and its merges."""

import dataclasses
import re
from typing import Any

from pygpt.errors import TokenizerError
from pygpt.tokenizers.pretokens import GPT2, Splitter

END_OF_TEXT = "<|endoftext|>"  # GPT-2's document delimiter

# Files write a byte as a visible character: printable Latin-1 as itself, the other 68 bytes, in order, from U+0100 up.
# In this order the bytes are also GPT-2's first 256 tokens.
# Source: bytes_to_unicode in encoder.py of github.com/openai/gpt-2.
_VISIBLE = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
_HIDDEN = [byte for byte in range(256) if byte not in _VISIBLE]
BYTES = tuple(bytes([byte]) for byte in _VISIBLE + _HIDDEN)
_SHOWN = {
    byte[0]: chr(byte[0] if index < len(_VISIBLE) else 0x100 + index - len(_VISIBLE))
    for index, byte in enumerate(BYTES)
}
_BYTE = {character: byte for byte, character in _SHOWN.items()}


def token_text(token: bytes) -> str:
    """Return a token as files write it: b" the" is "Ġthe"."""
    return "".join(map(_SHOWN.__getitem__, token))


def token_bytes(text: str) -> bytes:
    """Return the token that files write as this text.

    Raises:
        TokenizerError: a character stands for no byte, or the text is empty.
    """
    try:
        token = bytes(map(_BYTE.__getitem__, text))
    except KeyError as error:
        raise TokenizerError(
            f"the token {text!r:.60} has the character {error.args[0]!r}, which stands for no byte: "
            "this is not a byte-level BPE"
        ) from None
    if not token:
        raise TokenizerError("a token must have at least one byte; this vocabulary has an empty one")
    return token


@dataclasses.dataclass(frozen=True)
class Pipeline:
    """What a tokenizer does around its merges. The defaults are GPT-2's.

    `parts` is what a tokenizer.json says about it, word for word, to be written again; {} for GPT-2's. With
    `byte_fallback`, words begin as characters instead of bytes; a character without a token is written as its bytes,
    whose tokens are "<0x00>" to "<0xFF>". With `ignore_merges`, a word that is a token is not merged. `space` is the
    character that stands for a space in tokens, and with `strips` the first one of a text is not part of it. `template`
    are the ids that the library puts before a text; `encode` does not.
    """

    splitter: Splitter = GPT2
    parts: dict[str, Any] = dataclasses.field(default_factory=dict)
    byte_fallback: bool = False
    ignore_merges: bool = False
    space: str = " "
    strips: bool = False
    template: tuple[int, ...] = ()


GPT2_PIPELINE = Pipeline()
BYTE_TOKEN = re.compile(rb"<0x[0-9A-Fa-f]{2}>")  # stands for a byte in a vocabulary with byte fallback


def byte_token(byte: int) -> bytes:
    """Return the token of a byte in a vocabulary with byte fallback."""
    return b"<0x%02X>" % byte


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """The tokens by id, the merges in the order they are applied, and the ids of the special and the added tokens.

    A special token stands for no text: its entry in `tokens` is b"", and so is that of an id that no token has. Added
    tokens are found in a text before everything else; those that no merge makes have the entry b"" too. Two merges can
    make the same token.

    Raises:
        TokenizerError: a byte has no token, two tokens are the same, or a merge is listed twice or has an unknown part.
    """

    tokens: tuple[bytes, ...]
    merges: tuple[tuple[bytes, bytes], ...]
    special: dict[str, int]
    added: dict[str, int] = dataclasses.field(default_factory=dict)
    pipeline: Pipeline = GPT2_PIPELINE

    def __post_init__(self):
        ids = self.ids
        if len(ids) != sum(map(bool, self.tokens)):
            raise TokenizerError("two tokens of this vocabulary stand for the same bytes")
        needed = [byte_token(byte) for byte in range(256)] if self.pipeline.byte_fallback else BYTES
        missing = [byte for byte in needed if byte not in ids]
        if missing:
            raise TokenizerError(
                f"{len(missing)} bytes have no token, for example {missing[0]!r}: BPE needs all 256 to encode "
                "every text"
            )
        if len(set(self.merges)) != len(self.merges):
            raise TokenizerError("a merge is listed twice")
        for left, right in self.merges:
            if not (left in ids and right in ids and left + right in ids):
                unknown = next(token for token in (left, right, left + right) if token not in ids)
                raise TokenizerError(
                    f"the merge of {left!r:.60} and {right!r:.60} needs the token {unknown!r:.60}, which "
                    "the vocabulary does not have"
                )

    @property
    def ids(self) -> dict[bytes, int]:
        """Map each token that stands for bytes to its id."""
        return {token: index for index, token in enumerate(self.tokens) if token}

    @property
    def bos(self) -> int | None:
        """The id of the document delimiter: the only special token, or GPT-2's if there are several."""
        if len(self.special) == 1:
            return next(iter(self.special.values()))
        return self.special.get(END_OF_TEXT)
