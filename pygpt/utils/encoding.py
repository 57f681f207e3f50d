"""Decodes the files of other programs, which may begin with byte order marks."""

import codecs

from pygpt.errors import PygptError

OTHER_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",  # before UTF-16: its mark begins with that of UTF-16
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


def decode_utf8(name: str, data: bytes, error: type[PygptError] = PygptError) -> str:
    """Decode a whole file, without the byte order marks at its start. Some editors and scripts add more than one.

    Raises: `error`, a PygptError, naming the file and its encoding or the first byte that is not UTF-8.
    """
    if encoding := next((encoding for mark, encoding in OTHER_MARKS.items() if data.startswith(mark)), None):
        raise error(f"{name} is in {encoding}: save it as UTF-8 (an editor calls this the encoding)")
    while data.startswith(codecs.BOM_UTF8):
        data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return data.decode()
    except UnicodeDecodeError as found:
        raise error(
            f"{name} is not UTF-8: byte {data[found.start]:#04x} at offset {found.start} is not text in it; save it as "
            "UTF-8 (an editor calls this the encoding)"
        ) from None
