"""UTF-8 encoding and decoding for the tokenizers that work on bytes."""

import codecs
from collections.abc import Callable, Collection, Iterable
from itertools import groupby

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
        return self._codec.decode(b"", True)


class ByteFallbackDecoder(Decoder):
    """Turns ids into text where some tokens are single bytes (`byte_tokens`) and the others whole characters.

    A run of bytes is held back until another token ends it. If it is not UTF-8 as a whole, each of its bytes becomes
    U+FFFD. A token without bytes ends no run. With `strips`, a space at the start of the text is left out.
    Source: the decoder ByteFallback of github.com/huggingface/tokenizers.
    """

    def __init__(self, decode_bytes: Callable[[Iterable[int]], bytes], byte_tokens: Collection[int], strips: bool):
        self._decode_bytes, self._byte_tokens, self._strips = decode_bytes, byte_tokens, strips
        self._run = b""
        self._at_start = strips

    def feed(self, ids: Iterable[int]) -> str:
        parts = []
        for is_byte, tokens in groupby(ids, self._byte_tokens.__contains__):
            data = self._decode_bytes(tokens)
            if is_byte:
                self._run += data
            elif data:
                parts += [self._end_run(), data.decode()]
        return self._text("".join(parts))

    def flush(self) -> str:
        text = self._text(self._end_run())
        self._at_start = self._strips
        return text

    def _end_run(self):
        run, self._run = self._run, b""
        try:
            return run.decode()
        except UnicodeDecodeError:
            return "\ufffd" * len(run)

    def _text(self, text):
        if self._at_start and text:
            self._at_start = False
            return text.removeprefix(" ")
        return text
