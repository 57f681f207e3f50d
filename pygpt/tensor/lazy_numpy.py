"""The one lazy name through which the twins reach NumPy, and the memory they work in."""

import math


class _LazyNumPy:
    """NumPy, imported at the first use of a name: a tab that trains on WebGPU never downloads it."""

    def __getattr__(self, name):
        import numpy

        value = getattr(numpy, name)
        setattr(self, name, value)
        return value


np = _LazyNumPy()


class _Scratch:
    """Memory that twins work in: made once, and used again by the next twin that asks for the same slot."""

    def __init__(self):
        self.slots = {}

    def __call__(self, slot: str, shape: tuple, dtype):
        """An array of that shape; its content is whatever was there. It is good until the slot is asked for again."""
        dtype = np.dtype(dtype)
        count = math.prod(shape)
        held = self.slots.get((slot, dtype))
        if held is None or held.size < count:
            held = self.slots[slot, dtype] = np.empty(count, dtype)
        return held[:count].reshape(shape)


scratch = _Scratch()
