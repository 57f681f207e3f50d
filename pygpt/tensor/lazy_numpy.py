"""NumPy for the twins, imported lazily, and their scratch memory."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pygpt.devices.base import Shape

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import DTypeLike, NDArray


class _LazyNumPy:
    """NumPy, imported on first use: a tab that trains on WebGPU never downloads it."""

    def __getattr__(self, name: str) -> Any:
        import numpy

        value = getattr(numpy, name)
        setattr(self, name, value)
        return value


if not TYPE_CHECKING:
    np = _LazyNumPy()


class _Scratch:
    """Scratch memory for twins: allocated once per slot and reused."""

    def __init__(self) -> None:
        self.slots: dict[tuple[str, np.dtype[Any]], NDArray[Any]] = {}

    def __call__(self, slot: str, shape: Shape, dtype: DTypeLike) -> NDArray[Any]:
        """Return an array of that shape with undefined content. It is valid until the next call for the slot."""
        dtype = np.dtype(dtype)
        count = math.prod(shape)
        memory = self.slots.get((slot, dtype))
        if memory is None or memory.size < count:
            memory = self.slots[slot, dtype] = np.empty(count, dtype)
        return memory[:count].reshape(shape)


scratch = _Scratch()


__all__ = ["np", "scratch"]
