"""Which device suits an experiment: a tiny model is faster on the processor, even beside a GPU.

A GPU takes 5 to 50 microseconds for a launch, however small; a training step has 40 to 160 launches, and those of a tiny model
do next to nothing each. So what decides is the arithmetic of a step: where it is much or little the answer is known, and in
between both devices are tried for a moment, with a chain of launches that do nothing and a product.
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

# Operations a step. A processor does 30 to 100 thousand million of them a second: the one takes it 20 ms or more, which no
# real GPU needs; the other a quarter of a millisecond, in which a GPU has not even been told what to do.
SURELY_GPU = 2e9
SURELY_CPU = 1e7
# What a processor does at best, operations a second: where the GPU beats this, NumPy need not be fetched to be tried.
BEST_CPU = 1e11

CHAIN = 50  # launches that do nothing, one after the other
VOCABULARY = 65  # the tokens are not known yet, and matter little


@dataclasses.dataclass(frozen=True)
class Rates:
    """What a device does: seconds a launch takes that has nothing to do, and operations a second in a product."""

    launch: float
    flops: float

    def step(self, experiment: Experiment) -> float:
        """The seconds a training step should take."""
        launches = plan_run(experiment, VOCABULARY).step_launches
        return launches * self.launch + step_flops(experiment, VOCABULARY) / self.flops


async def measure_rates(device: Device) -> Rates:
    """Try a device: a chain of launches, and a product. It takes about 0.1 s, most of it for compiling."""
    counter = tensor(device, [0], dtype="uint32")

    def count():
        for _ in range(CHAIN):
            increment(out=counter)

    chain = Capture(device, count)
    chain()
    await device.fetch(counter)

    async def timed(times):
        began = time.perf_counter()
        chain(times)
        await device.fetch(counter)
        return time.perf_counter() - began

    # The difference, so that reading is not part of it.
    launch = (min([await timed(5) for _ in range(2)]) - min([await timed(1) for _ in range(2)])) / (4 * CHAIN)
    size, reps = (256, 2) if device.software else (512, 10)
    milliseconds = min([await time_matmul(device, size, size, size, reps) for _ in range(2)])
    return Rates(max(launch, 1e-7), 2 * size**3 / (milliseconds / 1000))


async def choose(gpu: Device, open_cpu, experiment: Experiment) -> Device:
    """The one of two devices that an experiment should train on: a real GPU, open, or what `await open_cpu(why)` opens.

    The device says why. The other one is closed if it was opened here; `gpu` is left open.
    """
    if experiment.model.dtype == "float64":
        return await open_cpu("float64 is for NumPy alone")
    flops = step_flops(experiment, VOCABULARY)
    if flops >= SURELY_GPU:
        gpu.why = "a real GPU"
        return gpu
    if flops < SURELY_CPU:
        return await open_cpu(
            f"so small a model ({_millions(flops)} operations a step) is faster on the processor than on {gpu.name}"
        )
    on_gpu = (await measure_rates(gpu)).step(experiment)
    if on_gpu < flops / BEST_CPU:
        gpu.why = f"a real GPU; a step should take it {_milliseconds(on_gpu)}, less than a processor can do it in"
        return gpu
    cpu = await open_cpu("")
    on_cpu = (await measure_rates(cpu)).step(experiment)
    if on_cpu < on_gpu:
        cpu.why = (
            f"a step of this model should take {_milliseconds(on_cpu)} here, and {_milliseconds(on_gpu)} on {gpu.name}"
        )
        return cpu
    cpu.close()
    gpu.why = f"a real GPU; a step should take it {_milliseconds(on_gpu)}, and NumPy {_milliseconds(on_cpu)}"
    return gpu


def open_fitting(choice: str, experiment: Experiment) -> Device:
    """Open a device natively, where `auto` means the one that suits the experiment. Raises DeviceError as `open_device`."""
    device = open_device(choice)
    if choice != "auto" or device.software:
        return device

    async def open_cpu(why):
        return open_numpy(why)

    fitting = run_blocking(choose(device, open_cpu, experiment))
    if fitting is not device:
        device.close()
    return fitting


def _millions(count):
    return f"{count / 1e6:,.1f} million"


def _milliseconds(seconds):
    return f"{1000 * seconds:.1f} ms" if seconds >= 0.001 else f"{1000 * seconds:.2f} ms"
