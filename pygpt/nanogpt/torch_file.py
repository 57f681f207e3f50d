"""Reads the file that `torch.save` writes, without torch, and without running anything in it.

The file is a zip archive: data.pkl holds the values, in which a tensor is a view into a numbered storage, and
data/NUMBER holds the bytes of each storage. Source: torch/serialization.py and torch/_utils.py of
github.com/pytorch/pytorch 2.13.
"""

import dataclasses
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

from pygpt.errors import CheckpointError, DataError
from pygpt.tensor.kernel import np
from pygpt.utils.files import open_regular
from pygpt.utils.plain_pickle import read_pickle

MOST_VALUES = 1 << 26  # bytes of data.pkl, which holds names and numbers only
# The types of storages: a bfloat16 is read as the upper half of a float32.
TYPES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "uint16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}


@dataclasses.dataclass(frozen=True)
class StoredTensor:
    """A tensor in a file: a view into the storage `key`, which has `length` elements of the type `kind`."""

    kind: str
    key: str
    length: int
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def is_float(self) -> bool:
        """Whether its elements are floating-point numbers."""
        return self.kind in ("DoubleStorage", "FloatStorage", "HalfStorage", "BFloat16Storage")


class TorchFile:
    """An open file: `values` is what was saved, with a StoredTensor for each tensor.

    Raises: CheckpointError if it cannot be read, is damaged, or holds anything but plain values and tensors.
    """

    def __init__(self, path: Path):
        self.path = path
        try:
            self._file = open_regular(path)
            if self._file.read(4) != b"PK\x03\x04":
                raise CheckpointError(
                    f"{path} is not a file of torch.save: those are zip archives since PyTorch 1.6, and this is not one"
                )
            self._zip = zipfile.ZipFile(self._file)
        except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
            raise CheckpointError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
        except (zipfile.BadZipFile, NotImplementedError, struct.error) as error:
            raise CheckpointError(f"{path} is damaged, perhaps cut short: {error}") from None
        names = [name for name in self._zip.namelist() if name.endswith("/data.pkl") and name.count("/") == 1]
        if len(names) != 1:
            raise CheckpointError(f"{path} is not a file of torch.save: it has no data.pkl")
        self._folder = names[0].removesuffix("data.pkl")
        order = f"{self._folder}byteorder"
        if order in self._zip.namelist() and self._read(order, 16) != b"little":
            raise CheckpointError(f"{path} was written on a machine with big-endian numbers, which pygpt does not read")
        storages = {("torch", name): name for name in TYPES}
        functions = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _tensor,
            ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor,
        }
        try:
            self.values = read_pickle(str(path), self._read(names[0], MOST_VALUES), {**storages, **functions}, _storage)
        except DataError as error:
            raise CheckpointError(str(error)) from None

    def array(self, tensor: StoredTensor):
        """Read a tensor of floating-point numbers: a NumPy array of its shape.

        Raises: CheckpointError if its storage is missing or too short for it.
        """
        dtype = np.dtype(TYPES[tensor.kind])
        reach = tensor.offset + sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.strides)) + 1
        size = tensor.length * dtype.itemsize
        data = self._read(f"{self._folder}data/{tensor.key}", size)
        if len(data) != size or reach > tensor.length:
            raise CheckpointError(f"{self.path} is damaged: the storage {tensor.key} is too short for its tensor")
        values = np.frombuffer(data, dtype)
        if tensor.kind == "BFloat16Storage":
            values = (values.astype("uint32") << 16).view("float32")
        strides = [stride * values.itemsize for stride in tensor.strides]
        return np.lib.stride_tricks.as_strided(values[tensor.offset :], tensor.shape, strides, writeable=False)

    def _read(self, name, most):
        """The bytes of a file of the archive. torch.save compresses nothing: no small archive becomes a large one."""
        try:
            info = self._zip.getinfo(name)
            if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
                raise CheckpointError(f"{self.path}: {name} is compressed or encrypted; torch.save writes neither")
            if info.file_size > most:
                raise CheckpointError(
                    f"{self.path}: {name} has {info.file_size:,} bytes, more than the {most:,} expected"
                )
            return self._zip.read(info)
        except KeyError:
            raise CheckpointError(f"{self.path} is damaged: {name} is missing") from None
        except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError, struct.error) as error:
            raise CheckpointError(f"{self.path} is damaged: {name}: {error}") from None


def _storage(reference: Any) -> tuple[str, str, int]:
    """The type, key and length of a storage that a pickle refers to."""
    match reference:
        case ("storage", str(kind), str(key), str(), int(length)) if kind in TYPES and 0 <= length < 1 << 48:
            return kind, key, length
    raise ValueError(f"{reference!r:.80} is no storage of numbers")


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *others: Any) -> StoredTensor:
    """What a pickle calls for each tensor. The last of the `others`, if there are three, is a table of its bits."""
    bits = others[2] if len(others) > 2 else None
    if bits:
        raise ValueError(f"a tensor has the bits {bits!r:.60}, so that its values are not those of its storage")
    numbers = [offset, *shape, *strides]
    if len(shape) != len(strides) or not all(type(number) is int and 0 <= number < 1 << 48 for number in numbers):
        raise ValueError(f"a tensor has the shape {shape!r:.60} and the strides {strides!r:.60}")
    kind, key, length = storage
    return StoredTensor(kind, key, length, offset, tuple(shape), tuple(strides))
