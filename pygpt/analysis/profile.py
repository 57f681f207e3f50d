"""Where a training step's time goes, launch by launch. It knows no screen; whoever shows it drives it.

Each launch is timed where it runs: by a GPU's timestamps, by the clock around a twin. What it computes and moves at least
follows from its operands' shapes, and the device's own peaks, measured here, say what share of the possible that is.
"""

import dataclasses
import json
import time

from pygpt.analysis.bench import time_matmul
from pygpt.analysis.flops import launch_bytes, launch_flops
from pygpt.devices.base import Device, Work
from pygpt.ops import add, fill
from pygpt.tensor.capture import Capture
from pygpt.tensor.tensor import empty, no_tape
from pygpt.training.run import Run
from pygpt.utils.blocking import let_others_run
from pygpt.utils.timer import tick

STEPS = 5  # browsers round timestamps, so that the mean of several steps says more than one
# Where the clock around each launch is what times it, the steps take this many of the clock's at least: it moves by 0.1 or
# 1 ms in a tab, and most launches take less. So each is seen to take nothing or a whole one, and their mean is right.
TICKS = 500
MOST = 1000  # steps, whatever the clock says


@dataclasses.dataclass(frozen=True)
class Peak:
    """What a device reached here and now: operations a second in a large product, bytes a second in a large addition."""

    flops: float
    bytes: float


@dataclasses.dataclass(frozen=True)
class TimedLaunch:
    """One launch of a step: the mean of its `seconds` over the steps, and where it began in the last one, from 0."""

    work: Work
    seconds: float
    begun: float
    flops: int
    bytes: int


@dataclasses.dataclass(frozen=True)
class Row:
    """All launches of a kernel in a step. `share` is of the step's time; `of_peak` compares the time they took with the
    least they could take at the device's peaks, whichever of arithmetic and memory takes longer (more than 1: what they
    read was still in a cache)."""

    kernel: str
    calls: int
    seconds: float
    share: float
    flops: int
    bytes: int
    of_peak: float


@dataclasses.dataclass(frozen=True)
class Profile:
    """What `profile` found: the launches of a step in order, `steps` (how many were averaged), the device and its peaks."""

    device: str
    steps: int
    launches: list[TimedLaunch]
    peak: Peak

    @property
    def seconds(self) -> float:
        """What the launches of a step take together."""
        return sum(launch.seconds for launch in self.launches)

    def rows(self) -> list[Row]:
        """The kernels, those first that take the longest."""
        rows, whole = [], self.seconds or 1.0
        for kernel in dict.fromkeys(launch.work.kernel for launch in self.launches):
            some = [launch for launch in self.launches if launch.work.kernel == kernel]
            seconds, flops, moved = (
                sum(getattr(launch, name) for launch in some) for name in ("seconds", "flops", "bytes")
            )
            least = sum(max(launch.flops / self.peak.flops, launch.bytes / self.peak.bytes) for launch in some)
            rows.append(
                Row(kernel, len(some), seconds, seconds / whole, flops, moved, least / seconds if seconds else 0.0)
            )
        return sorted(rows, key=lambda row: -row.seconds)

    def trace(self) -> str:
        """The last step as a trace that Perfetto (ui.perfetto.dev) and Chromium's tracing page open."""
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
                    "ts": 1e6 * launch.begun,
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
    """Let `steps` training steps go, timing each launch; more where the clock is coarse, fewer if an evaluation or the end
    comes before.

    `events` is the generator of `run.train()`, which goes on afterwards. None if there was no step left.
    """
    device, before = run.device, run.step
    if run.training_step.plan is None:
        # The first step records and compiles: it says nothing of the others.
        next(events, None)
        before = run.step
    until = time.perf_counter() + (TICKS * tick() if device.immediate else 0.0)
    device.start_timing()
    for event in events:
        done = run.step - before
        if done > 0 and event.kind != "step":
            break
        if done >= steps and (time.perf_counter() >= until or done >= MOST):
            break
        await let_others_run()  # a tab lets its messages in
    timings = await device.stop_timing()
    taken = [times for plan, times in timings if plan is run.training_step.plan]
    if not taken:
        return None
    first = taken[-1][0][0]
    begun = [start - first for start, _ in taken[-1]]
    launches = [
        TimedLaunch(
            work,
            max(0.0, sum(end - start for start, end in times) / len(times)),
            begin,
            launch_flops(work),
            launch_bytes(work),
        )
        for work, begin, times in zip(run.training_step.works, begun, zip(*taken), strict=True)
    ]
    peak = await measure_peak(device)
    device.pool.trim()
    return Profile(device.name, len(taken), launches, peak)


async def measure_peak(device: Device) -> Peak:
    """What the device can do, in some tens of milliseconds on a software adapter, and a few on a GPU."""
    size, reps = (512, 2) if device.software else (2048, 5)
    milliseconds = min([await time_matmul(device, size, size, size, reps) for _ in range(2)])
    # Larger than the caches of a processor, which would answer for the memory.
    count = (1 << 22) if device.software else (1 << 24)
    x, y, z = (empty(device, (count,)) for _ in range(3))
    for operand in (x, y):
        fill(out=operand, value=1.0)

    def join():
        with no_tape():
            add(x, y, out=z)

    once, corner = Capture(device, join), z.slice(0, (1,))
    once()
    await device.fetch(corner)
    began = time.perf_counter()
    once(reps)
    await device.fetch(corner)
    return Peak(2 * size**3 / (milliseconds / 1000), reps * 12 * count / (time.perf_counter() - began))
