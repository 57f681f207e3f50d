"""The safetensors format: a JSON header, then raw bytes. Reading refuses files that lie.

Source: huggingface/safetensors, README, "Format": 8 bytes of length, little endian; a JSON object of names to dtype,
shape and data_offsets, with strings under __metadata__; then the data, without gaps or overlaps.
"""

import dataclasses
import json
import math
from collections.abc import Callable

from pygpt.errors import CheckpointError

_ITEM_SIZE = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8, "U32": 4,
              "U16": 2, "U8": 1, "BOOL": 1}
# The reference implementation's own limit on the header.
_HEADER_LIMIT = 100_000_000
_MOST_DIMENSIONS = 64  # NumPy's limit


@dataclasses.dataclass(frozen=True)
class Entry:
    """One array of a file: dtype as safetensors names it ("F32"), shape, bytes, or while writing a function that gives them."""

    dtype: str
    shape: tuple
    data: bytes | memoryview | Callable

    @property
    def nbytes(self) -> int:
        """How many bytes the shape takes."""
        return math.prod(self.shape) * _ITEM_SIZE[self.dtype]


def write_safetensors(entries: dict[str, Entry], metadata: dict[str, str]) -> bytes:
    """The bytes of a file that holds `entries`, in their order, and `metadata`."""
    return b"".join(safetensors_pieces(entries, metadata))


def safetensors_pieces(entries: dict[str, Entry], metadata: dict[str, str]):
    """Yield the bytes of a file piece by piece: the header, then each array as its turn comes."""
    header, end = {"__metadata__": metadata}, 0
    for name, entry in entries.items():
        size = entry.nbytes
        header[name] = {"dtype": entry.dtype, "shape": list(entry.shape), "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the data begins at a multiple of 8, so that arrays can be mapped in place
    yield len(text).to_bytes(8, "little") + text
    for name, entry in entries.items():
        data = entry.data() if callable(entry.data) else entry.data
        if len(data) != entry.nbytes:
            raise CheckpointError(f"{name!r} is {entry.dtype}{list(entry.shape)}, which takes {entry.nbytes} bytes, and "
                                  f"{len(data)} came to be written")
        yield data


def read_safetensors(data: bytes | memoryview) -> tuple[dict[str, Entry], dict[str, str]]:
    """The entries and the metadata of a file. The entries share its memory.

    Raises: CheckpointError if it is cut short, is of another format, or its header disagrees with its data.
    """
    view = memoryview(data).cast("B")
    if len(view) < 8:
        raise CheckpointError(f"this is no safetensors file: it has {len(view)} bytes, and the header's length alone takes 8")
    length = int.from_bytes(view[:8], "little")
    if length > _HEADER_LIMIT or bytes(view[8:9]) not in (b"{", b""):
        raise CheckpointError("this is no safetensors file: it does not begin with a header")
    if length > len(view) - 8:
        raise CheckpointError(f"the file is cut short: its header takes {length} bytes, and {len(view) - 8} are there")
    try:
        header = json.loads(bytes(view[8 : 8 + length]).decode("utf-8"), object_pairs_hook=_table, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, or a number of thousands of digits
        raise CheckpointError(f"this is no safetensors file: its header is not JSON ({error})") from None
    if not isinstance(header, dict):
        raise CheckpointError("this is no safetensors file: its header is not a table")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise CheckpointError("the file's __metadata__ is not a table of texts")
    body = view[8 + length :]
    entries, covered = {}, 0
    for name, described in sorted(header.items(), key=lambda item: _offsets(*item)):
        begin, end = _offsets(name, described)
        if begin != covered or end < begin:
            raise CheckpointError(f"the file is damaged: {name!r} claims bytes {begin} to {end}, wanted them to begin at "
                                  f"{covered}, where the array before ends")
        if end > len(body):
            raise CheckpointError(f"the file is cut short: {name!r} ends at byte {end} of the data, and {len(body)} are there")
        entries[name] = Entry(described["dtype"], _shape(name, described, end - begin), body[begin:end])
        covered = end
    if covered != len(body):
        raise CheckpointError(f"the file is damaged: {len(body) - covered} bytes at its end belong to no array")
    return entries, metadata


def _table(pairs):
    table = dict(pairs)
    if len(table) != len(pairs):
        twice = next(name for index, (name, _) in enumerate(pairs) if name in dict(pairs[:index]))
        raise CheckpointError(f"the file is damaged: its header has {twice!r} twice")
    return table


def _no_number(text):
    raise ValueError(f"{text} is not a number")


def _offsets(name, described):
    offsets = described.get("data_offsets") if isinstance(described, dict) else None
    if not (isinstance(offsets, list) and len(offsets) == 2 and all(_is_count(offset) for offset in offsets)):
        raise CheckpointError(f"the file is damaged: {name!r} does not say where its bytes are")
    return tuple(offsets)


def _shape(name, described, nbytes):
    dtype, shape = described.get("dtype"), described.get("shape")
    if not isinstance(dtype, str) or dtype not in _ITEM_SIZE:
        raise CheckpointError(f"the file is damaged: {name!r} has the unknown dtype {dtype!r}")
    if not isinstance(shape, list) or len(shape) > _MOST_DIMENSIONS or not all(_is_count(length) for length in shape):
        raise CheckpointError(f"the file is damaged: {name!r} has the shape {repr(shape)[:100]}")
    if math.prod(shape) * _ITEM_SIZE[dtype] != nbytes:
        raise CheckpointError(f"the file is damaged: {name!r} is {dtype}{shape}, which takes "
                              f"{math.prod(shape) * _ITEM_SIZE[dtype]} bytes, and {nbytes} are given")
    return tuple(shape)


def _is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63
