"""The NumPy device: every kernel is its twin, run at once. It is the specification the GPUs are held against.

Kernels that are compiled (see pygpt/devices/simd) stand in for their twins.
"""

import functools
import itertools
import os
import sys
import time

import numpy

from pygpt.devices import simd
from pygpt.devices.base import Device


class NumpyDevice(Device):
    """Plain NumPy: the default where there is no GPU, and the only device that knows float64.

    `library` holds the compiled kernels, or is None.
    """

    kind = "numpy"
    immediate = True

    def __init__(self, why: str = "chosen by name", library: simd.Library | None = None):
        self.library = library
        name = f"NumPy {numpy.__version__}" + (" with SIMD kernels" if library else "")
        super().__init__(name, why, memory_limit=_memory())

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
        given = [operand for operand in operands if operand is not None]
        if self.library and not any(operand.dtype == "float64" for operand in given):
            constants = kernel.override_values(operands, attributes)
            if self.library.takes(kernel.name, constants):
                places = [
                    operand and (operand.buffer.handle.ctypes.data + 4 * operand.offset, operand.size)
                    for operand in operands
                ]
                return self.library.prepare(kernel.name, places, constants)
        arrays = [None if operand is None else self.array(operand) for operand in operands]
        return functools.partial(kernel.twin, *arrays, **attributes)

    def _submit(self, launches):
        self._run(self._joined(launches))

    def _seal(self, recording):
        return self._joined(recording.launches), recording  # the recording keeps the memory

    def _replay(self, plan, times):
        self._run(plan[0] * times)

    def _replay_timed(self, plan):
        times = []
        for launch in plan[1].launches:
            calls = self._joined([launch])  # one by one, compiled ones too
            began = time.perf_counter()
            self._run(calls)
            times.append((began, time.perf_counter()))
        return times

    def _joined(self, launches):
        """What to call, in order: a twin for itself, compiled launches that follow each other as one call."""
        calls = []
        for compiled, some in itertools.groupby(launches, lambda launch: isinstance(launch, simd.Launch)):
            some = list(some)
            calls += [functools.partial(self.library.run, (simd.Launch * len(some))(*some))] if compiled else some
        return calls

    def _run(self, calls):
        # Overflow and division by zero make infinities on a GPU without a word; the loss tells, and the driver looks.
        with numpy.errstate(all="ignore"):
            for call in calls:
                call()


def _memory():
    """Bytes this process may hope for: three quarters of the machine's, or what a 32-bit tab can address."""
    if sys.platform == "emscripten":
        return 2 * 2**30
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 3 // 4
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None
