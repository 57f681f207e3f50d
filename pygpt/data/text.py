"""A training text: its content, hash and origin."""

from __future__ import annotations

import codecs
import hashlib
import io
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pygpt.errors import DataError
from pygpt.utils.encoding import OTHER_MARKS

_OTHER_ENCODINGS = OTHER_MARKS | {
    b"PK\x03\x04": "a zip archive",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "gzip",
    b"\x89PNG": "a PNG image",
}


@dataclass(frozen=True)
class Text:
    """A text to train on.

    `sha256` is the hash of its UTF-8 bytes. `origin` describes the source for people. `built_in` is true if the name
    alone is enough to load the text again. `question_length` is the number of characters in each question if no `=`
    separates it from its answer, else 0.
    """

    name: str
    text: str
    sha256: str
    origin: str
    built_in: bool
    question_length: int = 0

    def fields(self) -> dict[str, str]:
        """The fields of an experiment that this text determines, by dotted name, as for shards."""
        return {"data.source": self.name} if self.built_in else {}


def make_text(name: str, text: str, origin: str, built_in: bool, question_length: int = 0) -> Text:
    """Make a Text from a string, with the hash of its UTF-8 bytes."""
    return Text(name, text, hashlib.sha256(text.encode("utf-8")).hexdigest(), origin, built_in, question_length)


def text_from_bytes(name: str, data: bytes) -> Text:
    """Read a user's text: UTF-8, with or without byte order marks at its start. Line ends of any kind become "\\n".

    Raises:
        DataError: the text is blank, is not UTF-8, or is not text at all.
    """
    return _own_text(name, decode_text(name, data))


def text_from_string(name: str, text: str) -> Text:
    """Read a user's text like `text_from_bytes`, from a string.

    Raises:
        DataError: the text is blank, is not text at all, or has an unpaired surrogate.
    """
    try:
        return text_from_bytes(name, text.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise DataError(
            f"{name} has the character {text[error.start]!r} at position {error.start}, an unpaired surrogate, which "
            "UTF-8 cannot encode: leave it out"
        ) from None


def saved_text(name: str, data: bytes) -> Text:
    """Read a user's text that was saved with a run: every byte counts, also marks and line ends.

    Raises:
        DataError: it is not UTF-8.
    """
    try:
        return _own_text(name, data.decode())
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is not UTF-8 at byte {error.start}") from None


def _own_text(name: str, text: str) -> Text:
    return make_text(name, text, f"your own text, {name}", built_in=False)


def decode_text(name: str, data: bytes) -> str:
    """Decode UTF-8, drop the byte order marks at the start, and make every line end "\\n".

    Raises:
        DataError: the text is blank, is not UTF-8, or is not text at all.
    """
    return "".join(decode_pieces(name, [bytes(data)]))


def decode_pieces(name: str, pieces: Iterable[bytes]) -> Iterator[str]:
    """Decode like `decode_text`, for a file that is read in pieces."""
    utf8 = codecs.getincrementaldecoder("utf-8")()
    lines = io.IncrementalNewlineDecoder(utf8, translate=True)
    read, blank, started = 0, True, False
    for data in itertools.chain(pieces, [b""]):
        if not read:
            _check_start(name, data)
        zero = data.find(0)
        if zero >= 0:
            raise DataError(
                f"expected text, but {name} has a zero byte at offset {read + zero}: it is a binary "
                "file, or a text in UTF-16; save it as plain text in UTF-8 and open it again"
            )
        read += len(data)
        try:
            text = lines.decode(data, final=not data)
        except UnicodeDecodeError as error:
            # error.start counts from the bytes that the codec still held.
            offset, byte = read - len(error.object) + error.start, error.object[error.start]
            raise DataError(
                f"expected text in UTF-8, but byte {byte:#04x} at offset {offset} of {name} is not: "
                "save it as UTF-8 (an editor calls this the encoding) and open it again"
            ) from None
        if not started:
            text = text.lstrip("\ufeff")  # a program that adds a mark does not see that there is one
            started = bool(text)
        blank = blank and not text.strip()
        yield text
    if blank:
        raise DataError(
            f"there is no text in {name} ({read} bytes): choose a file with text, a few thousand characters at least"
        )


def _check_start(name: str, data: bytes) -> None:
    for start, encoding in _OTHER_ENCODINGS.items():
        if data.startswith(start):
            raise DataError(
                f"expected text in UTF-8, but {name} starts like {encoding}: "
                "save it as plain text in UTF-8 and open it again"
            )
