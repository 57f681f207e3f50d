"""NumPy for the twins, imported lazily, and their scratch memory."""

import math


class _LazyNumPy:
    """NumPy, imported on first use: a tab that trains on WebGPU never downloads it."""

    def __getattr__(self, name):
        import numpy

        value = getattr(numpy, name)
        setattr(self, name, value)
        return value


np = _LazyNumPy()


class _Scratch:
    """Scratch memory for twins: allocated once per slot and reused."""

    def __init__(self):
        self.slots = {}

    def __call__(self, slot: str, shape: tuple, dtype):
        """Return an array of that shape with undefined content. It is valid until the next call for the slot."""
        dtype = np.dtype(dtype)
        count = math.prod(shape)
        memory = self.slots.get((slot, dtype))
        if memory is None or memory.size < count:
            memory = self.slots[slot, dtype] = np.empty(count, dtype)
        return memory[:count].reshape(shape)


scratch = _Scratch()
