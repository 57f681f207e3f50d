"""What a byte-level BPE knows: its tokens, and which two of them become one."""

import dataclasses

from pygpt.errors import TokenizerError

END_OF_TEXT = "<|endoftext|>"  # GPT-2's name for what stands between two documents

# Files show a byte as a character that can be seen: printable Latin-1 as itself, the other 68 bytes, in order, as U+0100
# and up. In this order the bytes are also GPT-2's first 256 tokens.
# Source: bytes_to_unicode in encoder.py of github.com/openai/gpt-2.
_VISIBLE = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
_HIDDEN = [byte for byte in range(256) if byte not in _VISIBLE]
BYTES = tuple(bytes([byte]) for byte in _VISIBLE + _HIDDEN)
_SHOWN = {
    byte[0]: chr(byte[0] if index < len(_VISIBLE) else 0x100 + index - len(_VISIBLE))
    for index, byte in enumerate(BYTES)
}
_BYTE = {character: byte for byte, character in _SHOWN.items()}


def shown(token: bytes) -> str:
    """A token as files show it: b" the" is "Ġthe"."""
    return "".join(map(_SHOWN.__getitem__, token))


def token_bytes(text: str) -> bytes:
    """The token that a file shows like this.

    Raises:
        TokenizerError: a character stands for no byte, or there is none.
    """
    try:
        token = bytes(map(_BYTE.__getitem__, text))
    except KeyError as error:
        raise TokenizerError(
            f"the token {text!r:.60} has the character {error.args[0]!r}, which stands for no byte: "
            "this is no byte-level BPE"
        ) from None
    if not token:
        raise TokenizerError("a token must have at least one byte; this vocabulary has an empty one")
    return token


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """The tokens by id, the pairs that become one token, first things first, and the ids of the special tokens.

    A special token stands for no text: its place among `tokens` is b"". Two merges may make the same token.

    Raises:
        TokenizerError: a byte has no token, two tokens are the same, a merge is there twice, or names an unknown token.
    """

    tokens: tuple[bytes, ...]
    merges: tuple[tuple[bytes, bytes], ...]
    special: dict[str, int]

    def __post_init__(self):
        ids = self.ids
        if len(ids) != len(self.tokens) - len(self.special):
            raise TokenizerError("two tokens of this vocabulary stand for the same bytes")
        missing = [byte for byte in BYTES if byte not in ids]
        if missing:
            raise TokenizerError(
                f"{len(missing)} bytes have no token, {missing[0]!r} for one: a byte-level BPE knows all "
                "256, or there would be texts it cannot read"
            )
        if len(set(self.merges)) != len(self.merges):
            raise TokenizerError("a merge is listed twice")
        for left, right in self.merges:
            for token in (left, right, left + right):
                if token not in ids:
                    raise TokenizerError(
                        f"the merge of {left!r:.60} and {right!r:.60} needs the token {token!r:.60}, which "
                        "the vocabulary does not have"
                    )

    @property
    def ids(self) -> dict[bytes, int]:
        """The id of each token that stands for bytes."""
        return {token: index for index, token in enumerate(self.tokens) if token}

    @property
    def bos(self) -> int | None:
        """The id of the document delimiter: GPT-2's, or the only special token there is."""
        if len(self.special) == 1:
            return next(iter(self.special.values()))
        return self.special.get(END_OF_TEXT)
