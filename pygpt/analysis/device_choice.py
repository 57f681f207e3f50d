"""Choose the device for an experiment: a tiny model is faster on the CPU, even if there is a GPU.

A GPU takes 5 to 50 microseconds per launch, however small; a training step has 40 to 160 launches, and those of a tiny
model do very little. So the number of operations in a step decides. If it is large or small, the choice is clear. In
between, both devices are measured briefly, with a chain of trivial launches and a product.
"""

import dataclasses
import time

from pygpt.analysis.bench import time_matmul
from pygpt.analysis.flops import step_flops
from pygpt.analysis.plan import plan_run
from pygpt.config.experiment import Experiment
from pygpt.devices import open_device, open_numpy
from pygpt.devices.base import Device
from pygpt.ops import increment
from pygpt.tensor.capture import Capture
from pygpt.tensor.tensor import tensor
from pygpt.utils.blocking import run_blocking

# Operations per step. A CPU does 30 to 100 billion per second. It takes 20 ms or more for GPU_MIN_FLOPS, longer than
# any real GPU, and a quarter of a millisecond for CPU_MAX_FLOPS, less than the launches alone take on a GPU.
GPU_MIN_FLOPS = 2e9
CPU_MAX_FLOPS = 1e7
# Operations per second of the fastest CPUs: if the GPU exceeds this, NumPy is not loaded for a comparison.
BEST_CPU = 1e11

CHAIN = 50  # trivial launches in a row
VOCABULARY = 65  # the real size is not known yet, and matters little


@dataclasses.dataclass(frozen=True)
class Rates:
    """The speed of a device: seconds per trivial launch, and operations per second in a product."""

    launch: float
    flops: float

    def step(self, experiment: Experiment) -> float:
        """Estimate the seconds of a training step."""
        launches = plan_run(experiment, VOCABULARY).step_launches
        return launches * self.launch + step_flops(experiment, VOCABULARY) / self.flops


async def measure_rates(device: Device) -> Rates:
    """Measure a device with a chain of launches and a product. It takes about 0.1 s, mostly for compiling."""
    counter = tensor(device, [0], dtype="uint32")

    def count():
        for _ in range(CHAIN):
            increment(out=counter)

    chain = Capture(device, count)
    chain()
    await device.fetch(counter)

    async def measure(times):
        began = time.perf_counter()
        chain(times)
        await device.fetch(counter)
        return time.perf_counter() - began

    # The difference excludes the time of the read.
    launch = (min([await measure(5) for _ in range(2)]) - min([await measure(1) for _ in range(2)])) / (4 * CHAIN)
    size, reps = (256, 2) if device.software else (512, 10)
    milliseconds = min([await time_matmul(device, size, size, size, reps) for _ in range(2)])
    return Rates(max(launch, 1e-7), 2 * size**3 / (milliseconds / 1000))


async def choose(gpu: Device, open_cpu, experiment: Experiment) -> Device:
    """Return the device to train an experiment on: `gpu`, an open real GPU, or the one of `await open_cpu(why)`.

    The device's `why` gives the reason. The other device is closed if this function opened it; `gpu` stays open.
    """
    if experiment.model.dtype == "float64":
        return await open_cpu("only NumPy supports float64")
    flops = step_flops(experiment, VOCABULARY)
    if flops >= GPU_MIN_FLOPS:
        gpu.why = "a real GPU"
        return gpu
    if flops < CPU_MAX_FLOPS:
        return await open_cpu(
            f"a model this small ({_millions(flops)} operations a step) is faster on the CPU than on {gpu.name}"
        )
    on_gpu = (await measure_rates(gpu)).step(experiment)
    if on_gpu < flops / BEST_CPU:
        gpu.why = f"a real GPU; a step should take {_milliseconds(on_gpu)}, less than on any CPU"
        return gpu
    cpu = await open_cpu("")
    on_cpu = (await measure_rates(cpu)).step(experiment)
    if on_cpu < on_gpu:
        cpu.why = (
            f"a step of this model should take {_milliseconds(on_cpu)} here, and {_milliseconds(on_gpu)} on {gpu.name}"
        )
        return cpu
    cpu.close()
    gpu.why = f"a real GPU; a step should take {_milliseconds(on_gpu)} here, and {_milliseconds(on_cpu)} on NumPy"
    return gpu


async def open_native_cpu(why: str) -> Device:
    """The `open_cpu` of `choose` outside a tab."""
    return open_numpy(why)


def open_device_for(choice: str, experiment: Experiment) -> Device:
    """Open a device natively; `auto` is the one that suits the experiment. Raises DeviceError as `open_device` does."""
    device = open_device(choice)
    if choice != "auto" or device.software:
        return device
    chosen = run_blocking(choose(device, open_native_cpu, experiment))
    if chosen is not device:
        device.close()
    return chosen


def _millions(count):
    return f"{count / 1e6:,.1f} million"


def _milliseconds(seconds):
    return f"{1000 * seconds:.1f} ms" if seconds >= 0.001 else f"{1000 * seconds:.2f} ms"
