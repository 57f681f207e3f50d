"""Measure how fast a device is in a tenth of a second, and estimate from it how long a step or a run takes.

A step takes as long as its launches, its products and its memory traffic; the plan of a run counts all three.
"""

import dataclasses
import time

from pygpt.analysis.bench import median, time_matmul
from pygpt.analysis.flops import step_flops
from pygpt.analysis.plan import plan_run
from pygpt.config.experiment import Experiment
from pygpt.devices.base import Device
from pygpt.ops import add
from pygpt.tensor.capture import Capture
from pygpt.tensor.tensor import Tensor, empty, no_tape

CHAIN = 50  # small launches in a row
# Elements of the arrays that are added, in a launch that hardly computes, and in a large one.
SMALL, LARGE = 1 << 12, 1 << 17
# A run on the host takes this many times as long as its steps: reading metrics, samples and messages come in between.
# Where the device has a queue, they overlap with its work. Measured in a tab on NumPy: 1.14, without a page that draws.
BETWEEN_STEPS = 1.2
# Seconds before a GPU is at full speed: it compiles its kernels. Measured in a tab on software WebGPU, with bigram.
START_SECONDS = 3.0
SAMPLES = 3  # of each measurement; the middle one counts
SECONDS = 0.005  # each sample takes about as long, many ticks of a tab's clock, unless two launches take longer


@dataclasses.dataclass(frozen=True)
class Rates:
    """The speed of a device: seconds per small launch, operations per second in a product, bytes moved per second."""

    launch: float
    flops: float
    bytes: float

    def step(self, experiment: Experiment, vocab_size: int, device: Device | None = None) -> float:
        """Estimate the seconds of a training step on a device like `device`."""
        plan = plan_run(experiment, vocab_size, like=device)
        moved = sum(row.nbytes for row in plan.launches)
        return plan.step_launches * self.launch + step_flops(experiment, vocab_size) / self.flops + moved / self.bytes

    def run(self, experiment: Experiment, vocab_size: int, device: Device | None = None) -> float:
        """Estimate the seconds of a run in a session. A batch of an evaluation has no gradients: a third of a step."""
        train = experiment.train
        evaluations = 2 + (train.steps - 1) // train.eval_every
        steps = train.steps + evaluations * train.eval_batches / 3
        seconds = steps * self.step(experiment, vocab_size, device)
        return BETWEEN_STEPS * seconds if device is None or device.unqueued else START_SECONDS + seconds


async def measure_rates(device: Device) -> Rates:
    """Measure a device with a chain of small launches, a product and an addition, in about 0.1 s after compilation.

    The middle samples count: a run shares the processor with other programs as they do, and a hiccup is left out.
    """
    launch = await _addition(device, SMALL, CHAIN)
    size = 256 if device.software else 512
    product = await time_matmul(device, size, size, size, 1) / 1000
    reps = max(1, min(20, round(SECONDS / product)))
    product = median([await time_matmul(device, size, size, size, reps) for _ in range(SAMPLES)]) / 1000
    moved = await _addition(device, LARGE, 1)
    return Rates(launch, 2 * size**3 / product, 12 * LARGE / moved)


async def _addition(device, elements, count):
    """The seconds of adding two arrays, `count` times in a row."""
    x, y, z = (empty(device, (elements,)) for _ in range(3))

    def add_arrays():
        with no_tape():
            for _ in range(count):
                add(x, y, out=z)

    chain, corner = Capture(device, add_arrays), Tensor(z.buffer, (1,))

    async def replay(times):
        began = time.perf_counter()
        chain(times)
        await device.fetch(corner)
        return time.perf_counter() - began

    await replay(1)  # compiles
    once = median([await replay(1) for _ in range(SAMPLES)])  # with the time of a read
    times = max(2, min(200, round(SECONDS / max(once, 1e-5))))
    whole = max(median([await replay(1 + times) for _ in range(SAMPLES)]), 1e-5)
    return max(whole - once, whole / 10) / (times * count)
