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
    """Turns ids into bytes and bytes into text. An incomplete UTF-8 sequence is held back until the rest arrives.

    With `strips`, a space at the start of the text is left out.
    """

    def __init__(self, decode_bytes: Callable[[Iterable[int]], bytes], strips: bool = False):
        self._decode_bytes, self._strips = decode_bytes, strips
        self._codec = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._at_start = True

    def feed(self, ids: Iterable[int]) -> str:
        return self._text(self._decode_bytes(ids), final=False)

    def flush(self) -> str:
        text = self._text(b"", final=True)
        self._at_start = True
        return text

    def _text(self, data, final):
        text = self._codec.decode(data, final)
        if self._strips and self._at_start and text:
            self._at_start = False
            return text.removeprefix(" ")
        return text
