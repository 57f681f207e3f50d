"""The base class of devices.

A device holds buffers and runs kernels on them, in launch order. It depends on no model and no operation. All work
goes through `run`, and a recording is a list of the launches made there.

    NumpyDevice    the reference: runs each kernel's NumPy twin at once
    WgpuDevice     WebGPU through wgpu-py
    BrowserDevice  WebGPU in the tab, through browser.js

A subclass implements `_create`, `_destroy`, `_write`, `_read` for memory and `_prepare`, `_submit`, `_seal`, `_replay`,
`_replay_timed`, `_times` for work. The bookkeeping is here: pool, pending launches, recording, and its guard.
"""

from __future__ import annotations

import contextlib
from array import array
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, Protocol, TypeAlias

from pygpt.devices.memory import Buffer as Buffer
from pygpt.devices.memory import Pool
from pygpt.devices.submissions import Attributes as Attributes
from pygpt.devices.submissions import LaunchInfo as LaunchInfo
from pygpt.devices.submissions import Pace, Work
from pygpt.devices.submissions import Shape as Shape
from pygpt.errors import CaptureError, DeviceError, MemoryLimit

# Flush at this many pending launches: enough to share the cost of a submit, few enough that the GPU starts while
# Python still prepares the rest of an eager step.
PENDING_LIMIT = 256

Data: TypeAlias = "bytes | bytearray | memoryview | array[Any]"  # what `write` takes
Operands: TypeAlias = "Sequence[Operand | None]"  # inputs, then outputs; None for an optional input that is absent
Interval = tuple[float, float]  # the start and end of a launch, in seconds

# Each device has its own types of these.
Handle = Any  # the memory of a buffer
Launch = Any  # a launch, as `_prepare` returns it
Plan = Any  # a sealed recording
Timing = Any  # what `_replay_timed` measured


class Operand(Protocol):
    """The part of a `Tensor` that devices use."""

    buffer: Buffer
    offset: int
    shape: Shape
    dtype: str

    @property
    def size(self) -> int:
        """The number of elements."""

    @property
    def nbytes(self) -> int:
        """The number of bytes of its elements."""


class Launchable(Protocol):
    """The part of a `Kernel` that devices use."""

    name: str
    twin: Callable[..., None]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    expansion: Callable[[Device, Operands, Attributes], bool] | None

    def shader_for(self, device: Device, operands: Operands, attributes: Attributes) -> str:
        """Return the name of the shader that the device should run."""

    def override_values(self, operands: Operands, attributes: Attributes) -> dict[str, float]:
        """Return the shader's override constants."""

    def launch_shape(self, shader: str, operands: Operands, attributes: Attributes) -> tuple[int, int, int]:
        """Return the numbers of workgroups (x, y, z)."""

    def launch_work(self, launch: LaunchInfo) -> float:
        """Return a number that is about proportional to the time that a launch takes."""


class Recording:
    """The launches between the start and the end of a recording, and the memory they use.

    Buffers made while recording come from the recording's own pool, so that nothing else changes them before a replay;
    buffers from outside are kept alive. `launch_infos` describes each launch.
    """

    def __init__(self, device: Device):
        self.pool = Pool(device)
        self.launches: list[Launch] = []
        self.launch_infos: list[LaunchInfo] = []
        self.work = Work()
        self.kept: dict[int, Buffer] = {}

    def add(self, launch: Launch, operands: Operands, info: LaunchInfo, work: float) -> None:
        """Append a launch and keep alive the buffers it uses from outside."""
        self.launches.append(launch)
        self.launch_infos.append(info)
        self.work.launches.append(work)
        for operand in operands:
            if operand is not None and operand.buffer.pool is not self.pool:
                self.kept[id(operand.buffer)] = operand.buffer

    def __del__(self) -> None:
        self.pool.close()


async def _ready(data: bytes) -> bytes:
    return data


class Device:
    """A device that stores tensors and runs kernels.

    Attributes: `kind` ("numpy" or "webgpu"), `name` (for display), `why` (the reason it was chosen), `software`
    (True if it runs on the CPU), `unqueued` (True if launches are not queued), `blocking_reads` (True if
    `start_fetch` waits for the data), `memory_limit` (total bytes it can hold, or None if unknown), `buffer_limit`
    (bytes of the largest buffer), `allocated_bytes` and `peak_bytes` (current and maximum), `preferences` (the
    shader for each class of launches timed on this device; pygpt/analysis/autotune.py fills it), `stores_no_data`
    (True: only shapes are kept), `lost` (why the device was lost, or "").
    """

    kind, lost = "abstract", ""
    software = True
    blocking_reads = True
    unqueued = stores_no_data = False

    def __init__(self, name: str, why: str = "", memory_limit: int | None = None, buffer_limit: int = 2**31 - 1):
        self.name = name
        self.why = why
        self.memory_limit = memory_limit
        self.buffer_limit = buffer_limit
        self.allocated_bytes = self.peak_bytes = 0
        self.pool = Pool(self)
        self.pending: list[Launch] = []
        self.pending_work = 0.0
        self.pace = Pace()
        self.recording: Recording | None = None
        self.preferences: dict[str, str] = {}
        self.timed_replays: list[tuple[Plan, Timing]] | None = None  # each replay since `start_timing`, else None

    # Memory.

    def allocate(self, nbytes: int) -> Buffer:
        """Allocate `nbytes`. Raises MemoryLimit if the device cannot hold them, or not in one buffer."""
        if nbytes > self.buffer_limit:
            raise MemoryLimit(
                f"{self.name} holds at most {self.buffer_limit / 2**20:.0f} MiB in one buffer, and "
                f"{nbytes / 2**20:.0f} MiB were requested; use a smaller batch, context length or model"
            )
        return (self.recording or self).pool.take(nbytes)

    def write(self, tensor: Operand, data: Data) -> None:
        """Copy bytes into a tensor. Earlier launches see the old content, later ones the new."""
        self._guard("write to a tensor")
        self.flush()
        self._write(tensor, data)

    def read(self, tensor: Operand) -> bytes:
        """Return the bytes of a tensor, after waiting for all earlier work."""
        self._guard("read a tensor")
        self.flush()
        sent = self.pace.sent
        data = self._read(tensor)
        self.pace.finish(sent)
        return data

    async def fetch(self, tensor: Operand) -> bytes:
        """Return the bytes of a tensor without blocking. Every device supports this."""
        return await self.start_fetch(tensor)

    def start_fetch(self, tensor: Operand) -> Awaitable[bytes]:
        """Start reading a tensor in its state after all work so far; await the result for its bytes."""
        return _ready(self.read(tensor))

    # Work.

    def run(self, kernel: Launchable, operands: Operands, attributes: Attributes) -> None:
        """Launch a kernel on its operands (inputs, then outputs; None for an optional input that is absent)."""
        if kernel.expansion and self.kind != "numpy" and kernel.expansion(self, operands, attributes):
            return
        launch = self._prepare(kernel, operands, attributes)
        if self.recording or not self.unqueued:
            shader = kernel.shader_for(self, operands, attributes) if self.kind != "numpy" else ""
            named = zip(kernel.inputs + kernel.outputs, operands)
            present = {name: (operand.shape, operand.dtype) for name, operand in named if operand is not None}
            info = LaunchInfo(kernel.name, present, attributes, shader)
            work = 0.0 if self.unqueued else kernel.launch_work(info)
            if self.recording:
                self.recording.add(launch, operands, info, work)
            if self.pending and self.pending_work + work > self.pace.limit(self.software):
                self.flush()
            self.pending_work += work
        self.pending.append(launch)
        if self.unqueued or len(self.pending) >= PENDING_LIMIT:
            self.flush()

    def flush(self) -> None:
        """Submit all pending launches."""
        if self.pending:
            launches, self.pending = self.pending, []
            self.pace.send(self.pending_work)
            self.pending_work = 0.0
            self._submit(launches)

    @contextlib.contextmanager
    def record(self) -> Iterator[Recording]:
        """Record all launches inside the `with`. Raises CaptureError if a recording is already in progress."""
        self._guard("start a second recording")
        self.flush()
        self.recording = Recording(self)
        try:
            yield self.recording
            self.flush()
        finally:
            self.recording = None

    def seal(self, recording: Recording) -> Plan:
        """Prepare a finished recording for `replay`."""
        return self._seal(recording)

    def replay(self, plan: Plan, times: int = 1) -> None:
        """Run a sealed recording `times` times over the same memory."""
        self._guard("replay a recording")
        self.flush()
        if self.timed_replays is None:
            self._replay(plan, times)
        else:
            self.timed_replays += [(plan, self._replay_timed(plan)) for _ in range(times)]

    def start_timing(self) -> None:
        """Time each launch of every replay from now on; replays become slower."""
        self.timed_replays = []

    async def stop_timing(self) -> list[tuple[Plan, list[Interval]]]:
        """Stop timing; return (plan, [(start, end) of each launch in seconds]) for each replay since `start_timing`."""
        timed, self.timed_replays = self.timed_replays, None
        assert timed is not None, "start_timing comes first"
        return [(plan, await self._times(timing)) for plan, timing in timed]

    def close(self) -> None:
        """Free all memory. The device cannot be used afterwards."""
        self.flush()
        self.pool.close()

    def _guard(self, action: str) -> None:
        if self.recording:
            raise CaptureError(
                f"cannot {action} while recording: a replay could not repeat it. Do it before or after, "
                f"and pass what changes between steps as a tensor"
            )

    def _new(self, nbytes: int) -> Handle:
        if self.memory_limit and self.allocated_bytes + nbytes > self.memory_limit:
            self.pool.trim()
            if self.allocated_bytes + nbytes > self.memory_limit:
                raise MemoryLimit(
                    f"{self.name} has {self.memory_limit / 2**20:.0f} MiB, {self.allocated_bytes / 2**20:.0f} "
                    f"of them in use, and {nbytes / 2**20:.1f} MiB more were requested; use a smaller "
                    f"batch, context length or model"
                )
        handle = self._create(nbytes)
        self.allocated_bytes += nbytes
        self.peak_bytes = max(self.peak_bytes, self.allocated_bytes)
        return handle

    def _dispose(self, handle: Handle, nbytes: int) -> None:
        self.flush()  # a pending launch can still use it
        self.allocated_bytes -= nbytes
        self._destroy(handle)

    # Methods that a subclass implements.

    def _create(self, nbytes: int) -> Handle:
        raise DeviceError(f"{type(self).__name__} does not implement _create")

    def _destroy(self, handle: Handle) -> None:
        """Free a buffer; nothing to do if the language collects it."""

    def _write(self, tensor: Operand, data: Data) -> None:
        raise DeviceError(f"{type(self).__name__} does not implement _write")

    def _read(self, tensor: Operand) -> bytes:
        raise DeviceError(f"{self.name} cannot be read synchronously; use `await device.fetch(tensor)`")

    def _prepare(self, kernel: Launchable, operands: Operands, attributes: Attributes) -> Launch:
        raise DeviceError(f"{type(self).__name__} does not implement _prepare")

    def _submit(self, launches: list[Launch]) -> None:
        raise DeviceError(f"{type(self).__name__} does not implement _submit")

    def _seal(self, recording: Recording) -> Plan:
        return recording

    def _replay(self, plan: Plan, times: int) -> None:
        for _ in range(times):
            self._submit(plan.launches)

    def _replay_timed(self, plan: Plan) -> Timing:
        raise DeviceError(f"{type(self).__name__} does not implement _replay_timed")

    async def _times(self, timing: list[Interval]) -> list[Interval]:
        """Return (start, end) of each launch, from the result of `_replay_timed`."""
        return timing
