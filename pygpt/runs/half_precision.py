"""Arrays in half precision and back, without NumPy, which a tab with WebGPU does not load."""

import array
import struct
from typing import Literal

from pygpt.utils.blocking import yield_to_event_loop

PIECE = 1 << 17  # numbers converted at once, in about 20 ms of a tab, which handles the page's messages in between
_CODES: dict[str, Literal["f", "d"]] = {"F32": "f", "F64": "d"}


async def to_float16(data: bytes | memoryview, dtype: str) -> bytes | None:
    """The numbers of an array of F32 or F64 as F16, rounded to nearest; None if one of them is too large for it."""
    numbers, pieces = memoryview(data).cast("B").cast(_CODES[dtype]), []
    try:
        for start in range(0, len(numbers), PIECE):
            piece = numbers[start : start + PIECE]
            pieces.append(struct.pack(f"<{len(piece)}e", *piece))
            await yield_to_event_loop()
    except OverflowError:
        return None
    return b"".join(pieces)


def from_float16(data: bytes | memoryview, dtype: str) -> bytes:
    """The numbers of an array of F16 as F32 or F64."""
    view, pieces = memoryview(data).cast("B"), []
    for start in range(0, len(view), 2 * PIECE):
        piece = view[start : start + 2 * PIECE]
        pieces.append(array.array(_CODES[dtype], struct.unpack(f"<{len(piece) // 2}e", piece)).tobytes())
    return b"".join(pieces)
