"""The NumPy device: every kernel is its twin, run at once. It is the specification the GPUs are held against."""

import os
import sys

import numpy

from pygpt.device import Device


class NumpyDevice(Device):
    """Plain NumPy: the default where there is no GPU, and the only device that knows float64."""

    kind = "numpy"
    immediate = True

    def __init__(self, why: str = "chosen by name"):
        super().__init__(f"NumPy {numpy.__version__}", why, memory_limit=_memory())

    def _create(self, nbytes):
        # Zeroed like a fresh GPU buffer, so that a kernel that reads what it never wrote errs alike everywhere.
        return numpy.zeros(nbytes, numpy.uint8)

    def array(self, tensor):
        """The tensor's elements as an array that shares its memory."""
        data = tensor.buffer.handle.view(tensor.dtype)
        return data[tensor.offset : tensor.offset + tensor.size].reshape(tensor.shape)

    def _write(self, tensor, data):
        self.array(tensor).reshape(-1).view(numpy.uint8)[:] = numpy.frombuffer(data, numpy.uint8)

    def _read(self, tensor):
        return self.array(tensor).tobytes()

    def _prepare(self, kernel, operands, attributes):
        arrays = [None if operand is None else self.array(operand) for operand in operands]
        return kernel.twin, arrays, attributes

    def _submit(self, launches):
        # Overflow and division by zero make infinities on a GPU without a word; the loss tells, and the driver looks.
        with numpy.errstate(all="ignore"):
            for twin, arrays, attributes in launches:
                twin(*arrays, **attributes)


def _memory():
    """Bytes this process may hope for: three quarters of the machine's, or what a 32-bit tab can address."""
    if sys.platform == "emscripten":
        return 2 * 2**30
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 3 // 4
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None


