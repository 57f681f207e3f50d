"""The safetensors format: a JSON header, then raw bytes. The reader rejects inconsistent files.

Source: huggingface/safetensors, README, "Format": 8 bytes of length, little endian; a JSON object of names to dtype,
shape and data_offsets, with strings under __metadata__; then the data, without gaps or overlaps.
"""

import collections
import dataclasses
import itertools
import json
import math
import re
import struct
from collections.abc import Callable

from pygpt.errors import CheckpointError

_ITEM_SIZE = {
    "F64": 8,
    "F32": 4,
    "F16": 2,
    "BF16": 2,
    "I64": 8,
    "I32": 4,
    "I16": 2,
    "I8": 1,
    "U64": 8,
    "U32": 4,
    "U16": 2,
    "U8": 1,
    "BOOL": 1,
}
# The bits of the exponent in the last byte of a number and in the one before.
_EXPONENT = {"F64": (0x7F, 0xF0), "F32": (0x7F, 0x80), "BF16": (0x7F, 0x80), "F16": (0x7C, 0x00)}
_CHUNK = 1 << 20  # a multiple of every item's size
# Types that the format has and pygpt has no use for.
_NOT_READ = frozenset("F8_E4M3 F8_E5M2 F8_E8M0 F8_E4M3FNUZ F8_E5M2FNUZ F6_E2M3 F6_E3M2 F4 C64".split())
_HEADER_LIMIT = 100_000_000  # the reference implementation's limit
# Strings and separators in the header. Each can take a hundred bytes of memory; an array has about 20.
_MOST_PARTS = 2_000_000
_PART = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[,:\[{]', re.DOTALL)
_MAX_DIMENSIONS = 64  # NumPy's limit


@dataclasses.dataclass(frozen=True)
class Entry:
    """One array of a file: dtype ("F32"), shape, and bytes or, for writing, a function that returns them."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes | memoryview | Callable[[], bytes | memoryview]

    @property
    def nbytes(self) -> int:
        """The number of bytes of the array."""
        return math.prod(self.shape) * _ITEM_SIZE[self.dtype]


def write_safetensors(entries: dict[str, Entry], metadata: dict[str, str]) -> bytes:
    """The bytes of a file that holds `entries`, in their order, and `metadata`."""
    return b"".join(safetensors_pieces(entries, metadata))


def safetensors_pieces(entries: dict[str, Entry], metadata: dict[str, str]):
    """Yield the bytes of a file in pieces: the header, then each array."""
    header: dict[str, object] = {"__metadata__": metadata}
    end = 0
    for name, entry in entries.items():
        size = entry.nbytes
        header[name] = {"dtype": entry.dtype, "shape": list(entry.shape), "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the data begins at a multiple of 8 so that arrays can be mapped
    yield len(text).to_bytes(8, "little") + text
    for name, entry in entries.items():
        data = entry.data() if callable(entry.data) else entry.data
        if len(data) != entry.nbytes:
            raise CheckpointError(
                f"{name!r:.60} is {entry.dtype}{list(entry.shape)}, which takes {entry.nbytes} bytes, but "
                f"it has {len(data)}"
            )
        yield data


def read_safetensors(data: bytes | memoryview) -> tuple[dict[str, Entry], dict[str, str]]:
    """The entries and the metadata of a file. The entries share its memory.

    Raises: CheckpointError if it is cut short, is of another format, or its header disagrees with its data.
    """
    view = memoryview(data).cast("B")
    if len(view) < 8:
        raise CheckpointError(
            f"this is not a safetensors file: it has {len(view)} bytes, but the header length takes 8"
        )
    length = int.from_bytes(view[:8], "little")
    if length > _HEADER_LIMIT or bytes(view[8:9]) not in (b"{", b" ", b"\t", b"\r", b"\n", b""):
        raise CheckpointError("this is not a safetensors file: it does not begin with a header")
    if length > len(view) - 8:
        raise CheckpointError(
            f"the file is cut short: its header takes {length} bytes, but only {len(view) - 8} follow"
        )
    text = bytes(view[8 : 8 + length])
    if length > _MOST_PARTS and next(itertools.islice(_PART.finditer(text), _MOST_PARTS, None), None):
        raise CheckpointError(
            "the file's header lists more than a hundred thousand arrays or values, which is too many"
        )
    try:
        header = json.loads(
            text.decode("utf-8"), object_pairs_hook=_table, parse_int=_whole, parse_constant=_reject_constant
        )
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, or a number with thousands of digits
        raise CheckpointError(f"this is not a safetensors file: its header is not JSON ({error})") from None
    if not isinstance(header, dict):
        raise CheckpointError("this is not a safetensors file: its header is not a table")
    metadata = header.pop("__metadata__", None) or {}
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise CheckpointError("the file's __metadata__ is not a table of strings")
    body = view[8 + length :]
    entries, covered = {}, 0
    for name, fields in sorted(header.items(), key=lambda item: _offsets(*item)):
        begin, end = _offsets(name, fields)
        if begin != covered or end < begin:
            raise CheckpointError(
                f"the file is damaged: {name!r:.60} is at bytes {begin} to {end}, expected to begin at {covered}, "
                f"where the previous array ends"
            )
        if end > len(body):
            raise CheckpointError(
                f"the file is cut short: {name!r:.60} ends at byte {end} of the data, but there are only {len(body)}"
            )
        shape = _shape(name, fields, end - begin)  # it checks the dtype too
        entries[name] = Entry(fields["dtype"], shape, body[begin:end])
        covered = end
    if covered != len(body):
        raise CheckpointError(f"the file is damaged: {len(body) - covered} bytes at its end belong to no array")
    return entries, metadata


def all_finite(entry) -> bool:
    """Whether an array of floating-point numbers has neither NaN nor infinity. A tab without NumPy can call it."""
    size, high_mask, next_mask = _ITEM_SIZE[entry.dtype], *_EXPONENT[entry.dtype]
    # Such a number has only ones in its exponent, which is in the last two bytes. The last byte alone clears nearly
    # every array.
    suspects = [byte for byte in range(256) if byte & high_mask == high_mask]
    for start in range(0, entry.nbytes, _CHUNK):
        chunk = bytes(entry.data[start : start + _CHUNK])
        high = chunk[size - 1 :: size]
        if any(byte in high for byte in suspects) and any(
            last & high_mask == high_mask and before & next_mask == next_mask
            for last, before in zip(high, chunk[size - 2 :: size])
        ):
            return False
    return True


def has_nan(entry) -> bool:
    """Whether an array of F32 or F64 has a NaN. A tab without NumPy can call it."""
    return not all_finite(entry) and any(number != number for number in _numbers(entry))


def _numbers(entry):
    code = "<f" if _ITEM_SIZE[entry.dtype] == 4 else "<d"
    for start in range(0, entry.nbytes, _CHUNK):
        for (number,) in struct.iter_unpack(code, bytes(entry.data[start : start + _CHUNK])):
            yield number


def has_negative(entry) -> bool:
    """Whether an array of F32 or F64 has a number below 0. A tab without NumPy can call it."""
    size = _ITEM_SIZE[entry.dtype]
    for start in range(0, entry.nbytes, _CHUNK):
        chunk = bytes(entry.data[start : start + _CHUNK])
        # The sign is in the last byte; -0 and NaN can have it too.
        if not chunk[size - 1 :: size].isascii() and any(
            number < 0 for (number,) in struct.iter_unpack("<f" if size == 4 else "<d", chunk)
        ):
            return True
    return False


def _table(pairs):
    table = dict(pairs)
    words = [*table, *(value for value in table.values() if isinstance(value, str))]
    "".join(words).encode()  # raises ValueError for half of a surrogate pair, as the reference does
    if len(table) != len(pairs):
        counts = collections.Counter(name for name, _ in pairs)
        raise CheckpointError(f"the file is damaged: its header has {counts.most_common(1)[0][0]!r:.60} twice")
    return table


def _whole(text):
    if text == "-0":  # the reference reads a floating-point number, and rejects it
        raise ValueError("-0 is not a whole number")
    return int(text)


def _reject_constant(text):
    raise ValueError(f"{text} is not a number")


def _offsets(name, fields):
    offsets = fields.get("data_offsets") if isinstance(fields, dict) else None
    if not (isinstance(offsets, list) and len(offsets) == 2 and all(_is_count(offset) for offset in offsets)):
        raise CheckpointError(f"the file is damaged: {name!r:.60} has no valid data_offsets")
    return tuple(offsets)


def _shape(name, fields, nbytes):
    dtype, shape = fields.get("dtype"), fields.get("shape")
    if not isinstance(dtype, str) or dtype not in _ITEM_SIZE:
        if dtype is None:
            raise CheckpointError(f"the file is damaged: {name!r:.60} has no dtype")
        if isinstance(dtype, str) and dtype in _NOT_READ:
            raise CheckpointError(f"pygpt does not read {dtype}, the type of {name!r:.60}; convert it to F32 or BF16")
        raise CheckpointError(f"the file is damaged: {name!r:.60} has the unknown dtype {repr(dtype)[:60]}")
    if not isinstance(shape, list) or len(shape) > _MAX_DIMENSIONS or not all(_is_count(length) for length in shape):
        raise CheckpointError(f"the file is damaged: {name!r:.60} has the shape {repr(shape)[:100]}")
    if math.prod(length for length in shape if length) * _ITEM_SIZE[dtype] >= 2**63:
        raise CheckpointError(f"{name!r:.60} has the shape {repr(shape)[:100]}: more bytes than NumPy can count")
    if math.prod(shape) * _ITEM_SIZE[dtype] != nbytes:
        raise CheckpointError(
            f"the file is damaged: {name!r:.60} is {dtype}{shape}, which takes "
            f"{math.prod(shape) * _ITEM_SIZE[dtype]} bytes, but its data_offsets span {nbytes}"
        )
    return tuple(shape)


def _is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63
