"""Profile a training step, launch by launch. The caller displays the results.

Each launch is timed by a GPU's timestamps, or by the clock around a NumPy twin. Its operations and minimum bytes follow
from its operands' shapes. They are compared with the device's peaks, which are measured here.
"""

import dataclasses
import json
import time

from pygpt.analysis.bench import time_matmul
from pygpt.analysis.flops import launch_bytes, launch_flops
from pygpt.devices.base import Device, LaunchInfo
from pygpt.ops import add, fill
from pygpt.tensor.capture import Capture
from pygpt.tensor.tensor import empty, no_tape
from pygpt.training.run import Run
from pygpt.utils.blocking import yield_to_event_loop
from pygpt.utils.clock_resolution import clock_resolution

STEPS = 5  # browsers round timestamps, so the mean of several steps is more accurate
# If launches are timed by the clock, the steps last at least this many clock ticks. A tick is 0.1 or 1 ms in a tab, and
# most launches are shorter: each measures as zero or one tick, and their mean is right.
MIN_TICKS = 500
MAX_STEPS = 1000  # steps at most, however coarse the clock


@dataclasses.dataclass(frozen=True)
class Peak:
    """The measured peak of a device: operations per second in a large product, bytes per second in an addition of
    arrays in memory. Operands that an earlier launch left in a cache are read faster, and no addition of one size says
    how much: it depends on what ran in between."""

    flops: float
    bytes: float


@dataclasses.dataclass(frozen=True)
class TimedLaunch:
    """One launch of a step: the mean of its `seconds` over the steps, and its start in the last step, from 0."""

    work: LaunchInfo
    seconds: float
    start: float
    flops: int
    bytes: int


@dataclasses.dataclass(frozen=True)
class KernelTime:
    """All launches of a kernel in a step. `share` is the fraction of the step's time. `of_peak` is the minimum time at
    the device's peaks (the longer of arithmetic and memory) divided by the measured time (above 1: the operands were
    still in a cache)."""

    kernel: str
    calls: int
    seconds: float
    share: float
    flops: int
    bytes: int
    of_peak: float


@dataclasses.dataclass(frozen=True)
class Profile:
    """The result of `profile`: a step's launches in order, the number of `steps` averaged, the device and its peaks."""

    device: str
    steps: int
    launches: list[TimedLaunch]
    peak: Peak

    @property
    def seconds(self) -> float:
        """The total time of the launches of a step."""
        return sum(launch.seconds for launch in self.launches)

    def rows(self) -> list[KernelTime]:
        """The kernels, the slowest first."""
        rows, total = [], self.seconds or 1.0
        for kernel in dict.fromkeys(launch.work.kernel for launch in self.launches):
            launches = [launch for launch in self.launches if launch.work.kernel == kernel]
            seconds, flops, moved = (
                sum(getattr(launch, name) for launch in launches) for name in ("seconds", "flops", "bytes")
            )
            least = sum(max(launch.flops / self.peak.flops, launch.bytes / self.peak.bytes) for launch in launches)
            rows.append(
                KernelTime(
                    kernel, len(launches), seconds, seconds / total, flops, moved, least / seconds if seconds else 0.0
                )
            )
        return sorted(rows, key=lambda row: -row.seconds)

    def trace(self) -> str:
        """The last step as a trace for Perfetto (ui.perfetto.dev) or Chromium's tracing page."""
        events = [{"name": "thread_name", "ph": "M", "pid": 1, "tid": 1, "args": {"name": self.device}}]
        for launch in self.launches:
            work = launch.work
            events.append(
                {
                    "name": work.kernel,
                    "cat": "kernel",
                    "ph": "X",
                    "pid": 1,
                    "tid": 1,
                    "ts": 1e6 * launch.start,
                    "dur": 1e6 * launch.seconds,
                    "args": {
                        "operands": {name: f"{dtype}{list(shape)}" for name, (shape, dtype) in work.operands.items()},
                        "attributes": work.attributes,
                        "shader": work.shader,
                        "flops": launch.flops,
                        "bytes": launch.bytes,
                    },
                }
            )
        return json.dumps({"traceEvents": events, "displayTimeUnit": "ms"})


async def profile(run: Run, events, steps: int = STEPS) -> Profile | None:
    """Run `steps` training steps and time each launch; more steps if the clock is coarse, fewer if an evaluation or the
    end of the run comes first.

    `events` is the generator of `run.train()`, which can continue afterwards. Returns None if no step was left.
    """
    device, before = run.device, run.step
    if run.training_step.plan is None:
        # The first step records and compiles, so its time is not typical.
        next(events, None)
        before = run.step
    until = time.perf_counter() + (MIN_TICKS * clock_resolution() if device.unqueued else 0.0)
    device.start_timing()
    for event in events:
        done = run.step - before
        if done > 0 and event.kind != "step":
            break
        if done >= steps and (time.perf_counter() >= until or done >= MAX_STEPS):
            break
        await yield_to_event_loop()  # a tab handles its messages
    timings = await device.stop_timing()
    taken = [times for plan, times in timings if plan is run.training_step.plan]
    if not taken:
        return None
    first = taken[-1][0][0]
    start = [start - first for start, _ in taken[-1]]
    launches = [
        TimedLaunch(
            work,
            max(0.0, sum(end - start for start, end in times) / len(times)),
            begin,
            launch_flops(work),
            launch_bytes(work),
        )
        for work, begin, times in zip(run.training_step.launch_infos, start, zip(*taken), strict=True)
    ]
    peak = await measure_peak(device)
    device.pool.trim()
    return Profile(device.name, len(taken), launches, peak)


async def measure_peak(device: Device) -> Peak:
    """Measure the device's peaks, in tens of milliseconds on a software adapter, and a few on a GPU."""
    size, reps = (512, 2) if device.software else (2048, 5)
    milliseconds = min([await time_matmul(device, size, size, size, reps) for _ in range(2)])
    # Larger than the caches of a CPU, so that memory is measured.
    count = (1 << 22) if device.software else (1 << 24)
    x, y, z = (empty(device, (count,)) for _ in range(3))
    for operand in (x, y):
        fill(out=operand, value=1.0)

    def add_arrays():
        with no_tape():
            add(x, y, out=z)

    capture, corner = Capture(device, add_arrays), z.slice(0, (1,))
    capture()
    await device.fetch(corner)
    began = time.perf_counter()
    capture(reps)
    await device.fetch(corner)
    return Peak(2 * size**3 / (milliseconds / 1000), reps * 12 * count / (time.perf_counter() - began))
