"""The NumPy device: runs each kernel's NumPy twin at once. It is the reference for the GPU devices.

Compiled C kernels (see pygpt/devices/simd) replace their twins.
"""

import functools
import itertools
import time
from collections.abc import Callable

import numpy

from pygpt.devices import simd
from pygpt.devices.base import Attributes, Data, Device, Interval, Launch, Launchable, Operand, Operands, Recording
from pygpt.utils.memory import usable_memory

Call = Callable[[], None]
Plan = tuple[list[Call], Recording]


class NumpyDevice(Device):
    """Plain NumPy: the default if there is no GPU, and the only device that supports float64.

    `library` holds the compiled kernels, or is None.
    """

    kind = "numpy"
    unqueued = True

    def __init__(self, why: str = "you chose it", library: simd.Library | None = None):
        self.library = library
        name = f"NumPy {numpy.__version__}" + (" with SIMD kernels" if library else "")
        super().__init__(name, why, memory_limit=usable_memory())

    def _create(self, nbytes: int) -> numpy.ndarray:
        # Zeroed like a new GPU buffer, so that a kernel that reads unwritten memory fails the same way on every device.
        return numpy.zeros(nbytes, numpy.uint8)

    def array(self, tensor: Operand) -> numpy.ndarray:
        """The tensor's elements as an array that shares its memory."""
        data: numpy.ndarray = tensor.buffer.handle.view(tensor.dtype)
        return data[tensor.offset : tensor.offset + tensor.size].reshape(tensor.shape)

    def _write(self, tensor: Operand, data: Data) -> None:
        self.array(tensor).reshape(-1).view(numpy.uint8)[:] = numpy.frombuffer(data, numpy.uint8)

    def _read(self, tensor: Operand) -> bytes:
        return self.array(tensor).tobytes()

    def _prepare(self, kernel: Launchable, operands: Operands, attributes: Attributes) -> simd.Launch | Call:
        present = [operand for operand in operands if operand is not None]
        if self.library and not any(operand.dtype == "float64" for operand in present):
            constants = kernel.override_values(operands, attributes)
            if self.library.takes(kernel.name, constants):
                addresses = [
                    None if operand is None else (operand.buffer.handle.ctypes.data + 4 * operand.offset, operand.size)
                    for operand in operands
                ]
                return self.library.prepare(kernel.name, addresses, constants)
        arrays = [None if operand is None else self.array(operand) for operand in operands]
        return functools.partial(kernel.twin, *arrays, **attributes)

    def _submit(self, launches: list[Launch]) -> None:
        self._run(self._grouped(launches))

    def _seal(self, recording: Recording) -> Plan:
        return self._grouped(recording.launches), recording  # the recording keeps the memory

    def _replay(self, plan: Plan, times: int) -> None:
        self._run(plan[0] * times)

    def _replay_timed(self, plan: Plan) -> list[Interval]:
        times = []
        for launch in plan[1].launches:
            calls = self._grouped([launch])  # one at a time, compiled ones too
            began = time.perf_counter()
            self._run(calls)
            times.append((began, time.perf_counter()))
        return times

    def _grouped(self, launches: list[Launch]) -> list[Call]:
        """Return the calls for these launches, in order: one per twin, one per sequence of compiled launches."""
        calls: list[Call] = []
        for compiled, members in itertools.groupby(launches, lambda launch: isinstance(launch, simd.Launch)):
            group = list(members)
            if compiled and self.library:
                calls.append(functools.partial(self.library.run, (simd.Launch * len(group))(*group)))
            else:
                calls += group
        return calls

    def _run(self, calls: list[Call]) -> None:
        # A GPU gives infinities for overflow and division by zero without a warning; training checks the loss.
        with numpy.errstate(all="ignore"):
            for call in calls:
                call()
