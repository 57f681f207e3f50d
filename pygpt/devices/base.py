"""What a device is.

A device holds buffers and runs kernels on them, in the order they were asked for. It knows no model and no operation:
`run` is the one door to hardware, and a recording is a list kept at that door.

    NumpyDevice    the specification: each kernel's twin, at once
    WgpuDevice   WebGPU through wgpu-py
    BrowserDevice  WebGPU in the tab, through browser.js

A subclass gives nine methods: `_create`, `_destroy`, `_write`, `_read` for memory, `_prepare`, `_submit`, `_seal`,
`_replay`, `_replay_timed` for work. All bookkeeping (pool, pending work, recording, the guard that keeps a recording honest) is here.
"""

import contextlib
import dataclasses
from collections.abc import Awaitable

from pygpt.errors import CaptureError, DeviceError, MemoryLimit

# Work is sent when this many launches wait: long enough to share the cost of a submit, short enough that the GPU
# starts while Python still prepares the rest of an eager step.
PENDING_LIMIT = 256

# Buffers come in multiples of this, so that tensors of nearly the same size share them, and it is also the alignment
# at which a GPU binds a slice.
GRANULE = 256


class Buffer:
    """Device memory with one owner. When the last reference goes, the memory returns to the pool it came from."""

    __slots__ = ("device", "handle", "nbytes", "home")

    def __init__(self, device, handle, nbytes, home):
        self.device = device
        self.handle = handle
        self.nbytes = nbytes
        self.home = home

    def __del__(self):
        self.home.give_back(self.handle, self.nbytes)


class Pool:
    """Memory that is free to be used again, by size."""

    def __init__(self, device):
        self.device = device
        self.free = {}
        self.closed = False

    def take(self, nbytes: int) -> Buffer:
        """A buffer of at least `nbytes`; its content is whatever was there."""
        nbytes = max(GRANULE, -(-nbytes // GRANULE) * GRANULE)
        handles = self.free.get(nbytes)
        handle = handles.pop() if handles else self.device._new(nbytes)
        return Buffer(self.device, handle, nbytes, self)

    def give_back(self, handle, nbytes: int) -> None:
        """Keep the memory for the next taker, or let it go if the pool was closed."""
        if self.closed:
            self.device._dispose(handle, nbytes)
        else:
            self.free.setdefault(nbytes, []).append(handle)

    def close(self) -> None:
        """Let all free memory go, now and whenever more comes back."""
        self.closed = True
        self.trim()

    def trim(self) -> None:
        """Let the memory go that nobody uses."""
        for nbytes, handles in self.free.items():
            for handle in handles:
                self.device._dispose(handle, nbytes)
        self.free.clear()


@dataclasses.dataclass(frozen=True)
class Work:
    """What a launch does, for whoever counts it: its kernel's name, (shape, dtype) of the operands that are there, by their
    names, its attributes, and on a GPU the shader. It keeps no memory alive."""

    kernel: str
    operands: dict
    attributes: dict
    shader: str = ""


class Recording:
    """The launches between the start and the end of a recording, and the memory they touch.

    Buffers made while recording come from its own pool, so that a replay finds them untouched by anybody else; buffers
    from outside are kept alive. `works` says what each launch does.
    """

    def __init__(self, device):
        self.pool = Pool(device)
        self.launches = []
        self.works = []
        self.kept = {}

    def add(self, launch, kernel, operands, attributes, shader) -> None:
        """Append a launch and hold on to what it uses from outside."""
        self.launches.append(launch)
        self.works.append(
            Work(
                kernel.name,
                {
                    name: (operand.shape, operand.dtype)
                    for name, operand in zip(kernel.inputs + kernel.outputs, operands)
                    if operand is not None
                },
                attributes,
                shader,
            )
        )
        for operand in operands:
            if operand is not None and operand.buffer.home is not self.pool:
                self.kept[id(operand.buffer)] = operand.buffer

    def __del__(self):
        self.pool.close()


async def _ready(data: bytes) -> bytes:
    return data


class Device:
    """Where tensors live and kernels run.

    Attributes: `kind` ("numpy" or "webgpu"), `name` (for people), `why` (a sentence: how it came to be chosen),
    `software` (True if a processor plays the GPU), `memory_limit` (bytes it can hold in all, or None if unknown),
    `buffer_limit` (bytes of the largest buffer), `allocated_bytes` and `peak_bytes` (now, and the most so far),
    `preferences` (the shader for each class of launches that were timed here; pygpt/analysis/autotune.py fills it), `abstract` (True if
    it keeps the books and no data, so that none need be worked out for it).
    """

    kind = "abstract"
    software = True
    immediate = False
    abstract = False

    def __init__(self, name: str, why: str = "", memory_limit: int | None = None, buffer_limit: int = 2**31 - 1):
        self.name = name
        self.why = why
        self.memory_limit = memory_limit
        self.buffer_limit = buffer_limit
        self.allocated_bytes = 0
        self.peak_bytes = 0
        self.pool = Pool(self)
        self.pending = []
        self.recording = None
        self.preferences = {}
        self.timed = None  # (plan, what times it) of each replay, while replays are timed

    # Memory.

    def allocate(self, nbytes: int) -> Buffer:
        """Memory for `nbytes`. Raises MemoryLimit if one buffer cannot be that large."""
        if nbytes > self.buffer_limit:
            raise MemoryLimit(
                f"{self.name} holds at most {self.buffer_limit / 2**20:.0f} MiB in one buffer, and "
                f"{nbytes / 2**20:.0f} MiB were asked for; use a smaller batch, block or model"
            )
        pool = self.recording.pool if self.recording else self.pool
        return pool.take(nbytes)

    def write(self, tensor, data) -> None:
        """Copy bytes into a tensor. What was launched before sees the old content, what comes after the new."""
        self._guard("write to a tensor")
        self.flush()
        self._write(tensor, data)

    def read(self, tensor) -> bytes:
        """The bytes of a tensor, waiting for all work before it."""
        self._guard("read a tensor")
        self.flush()
        return self._read(tensor)

    async def fetch(self, tensor) -> bytes:
        """The bytes of a tensor, without blocking: the way to read that every device has."""
        return await self.start_fetch(tensor)

    def start_fetch(self, tensor) -> Awaitable[bytes]:
        """Begin to read a tensor, as it is after all work so far; awaiting the outcome gives its bytes."""
        return _ready(self.read(tensor))

    # Work.

    def run(self, kernel, operands, attributes) -> None:
        """Launch a kernel on its operands (inputs, then outputs; None for an optional input that is absent)."""
        if kernel.expansion and self.kind != "numpy" and kernel.expansion(self, operands, attributes):
            return
        launch = self._prepare(kernel, operands, attributes)
        if self.recording:
            shader = kernel.shader_for(self, operands, attributes) if self.kind != "numpy" else ""
            self.recording.add(launch, kernel, operands, attributes, shader)
        self.pending.append(launch)
        if self.immediate or len(self.pending) >= PENDING_LIMIT:
            self.flush()

    def flush(self) -> None:
        """Send everything that waits."""
        if self.pending:
            launches, self.pending = self.pending, []
            self._submit(launches)

    @contextlib.contextmanager
    def record(self):
        """Keep a list of all launches inside the `with`. Raises CaptureError if a recording is under way already."""
        self._guard("start a second recording")
        self.flush()
        self.recording = Recording(self)
        try:
            yield self.recording
            self.flush()
        finally:
            self.recording = None

    def seal(self, recording: Recording):
        """Make a finished recording ready for `replay`."""
        return self._seal(recording)

    def replay(self, plan, times: int = 1) -> None:
        """Do all of a sealed recording once more, or `times` times, over the same memory."""
        self._guard("replay a recording")
        self.flush()
        if self.timed is None:
            self._replay(plan, times)
        else:
            self.timed += [(plan, self._replay_timed(plan)) for _ in range(times)]

    def start_timing(self) -> None:
        """From now on take the time of each launch of a replay; replays become slower."""
        self.timed = []

    async def stop_timing(self) -> list:
        """For each replay since `start_timing`, its plan, and (start, end) of its launches in seconds."""
        timed, self.timed = self.timed, None
        return [(plan, await self._times(timing)) for plan, timing in timed]

    def close(self) -> None:
        """Let all memory go. The device cannot be used afterwards."""
        self.flush()
        self.pool.close()

    def _guard(self, deed):
        if self.recording:
            raise CaptureError(
                f"cannot {deed} while recording: a replay could not repeat it. Do it before or after, "
                f"and hand what changes between two steps over as a tensor"
            )

    def _new(self, nbytes):
        if self.memory_limit and self.allocated_bytes + nbytes > self.memory_limit:
            self.pool.trim()
            if self.allocated_bytes + nbytes > self.memory_limit:
                raise MemoryLimit(
                    f"{self.name} has {self.memory_limit / 2**20:.0f} MiB, {self.allocated_bytes / 2**20:.0f} "
                    f"of them in use, and {nbytes / 2**20:.1f} MiB more were asked for; use a smaller "
                    f"batch, block or model"
                )
        handle = self._create(nbytes)
        self.allocated_bytes += nbytes
        self.peak_bytes = max(self.peak_bytes, self.allocated_bytes)
        return handle

    def _dispose(self, handle, nbytes):
        self.flush()  # a launch that waits may still name it
        self.allocated_bytes -= nbytes
        self._destroy(handle)

    # What a subclass gives.

    def _create(self, nbytes):
        raise DeviceError(f"{type(self).__name__} does not say how to make a buffer")

    def _destroy(self, handle):
        """Let a buffer go; nothing to do where the language collects it."""

    def _write(self, tensor, data):
        raise DeviceError(f"{type(self).__name__} does not say how to write")

    def _read(self, tensor):
        raise DeviceError(f"{self.name} cannot be read while Python waits; use `await device.fetch(tensor)`")

    def _prepare(self, kernel, operands, attributes):
        raise DeviceError(f"{type(self).__name__} does not say how to prepare a launch")

    def _submit(self, launches):
        raise DeviceError(f"{type(self).__name__} does not say how to submit")

    def _seal(self, recording):
        return recording

    def _replay(self, plan, times):
        for _ in range(times):
            self._submit(plan.launches)

    def _replay_timed(self, plan):
        raise DeviceError(f"{type(self).__name__} does not say how to time a replay")

    async def _times(self, timing):
        """(start, end) of each launch, from what `_replay_timed` gave."""
        return timing
