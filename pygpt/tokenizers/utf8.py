"""UTF-8 encoding and decoding for the tokenizers that work on bytes."""

import codecs
from collections.abc import Callable, Iterable

from pygpt.errors import TokenizerError
from pygpt.tokenizers.base import Decoder


def utf8_bytes(text: str) -> bytes:
    """Encode a text as UTF-8.

    Raises:
        TokenizerError: the text has an unpaired surrogate, which UTF-8 cannot encode.
    """
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise TokenizerError(
            f"the character {text[error.start]!r} at position {error.start} is an unpaired "
            "surrogate, which UTF-8 cannot encode: leave it out"
        ) from None


class Utf8Decoder(Decoder):
    """Turns ids into bytes and bytes into text. An incomplete UTF-8 sequence is held back until the rest arrives."""

    def __init__(self, decode_bytes: Callable[[Iterable[int]], bytes]):
        self._decode_bytes = decode_bytes
        self._codec = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def feed(self, ids: Iterable[int]) -> str:
        return self._codec.decode(self._decode_bytes(ids))

    def flush(self) -> str:
        return self._codec.decode(b"", final=True)
