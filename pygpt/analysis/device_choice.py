"""Choose the device for an experiment: a tiny model is faster on the CPU, even if there is a GPU.

A GPU takes 5 to 50 microseconds per launch, however small; a training step has 40 to 160 launches, and those of a tiny
model do very little. So the number of operations in a step decides. If it is large or small, the choice is clear. In
between, both devices are measured briefly (rates.py).
"""

from pygpt.analysis.flops import step_flops
from pygpt.analysis.rates import measure_rates
from pygpt.config.experiment import Experiment
from pygpt.devices import open_device, open_numpy
from pygpt.devices.base import Device
from pygpt.utils.blocking import run_blocking

# Operations per step. A CPU does 30 to 100 billion per second. It takes 20 ms or more for GPU_MIN_FLOPS, longer than
# any real GPU, and a quarter of a millisecond for CPU_MAX_FLOPS, less than the launches alone take on a GPU.
GPU_MIN_FLOPS = 2e9
CPU_MAX_FLOPS = 1e7
# Operations per second of the fastest CPUs: if the GPU exceeds this, NumPy is not loaded for a comparison.
BEST_CPU = 1e11

VOCABULARY = 65  # the real size is not known yet, and matters little


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
    on_gpu = (await measure_rates(gpu)).step(experiment, VOCABULARY, gpu)
    if on_gpu < flops / BEST_CPU:
        gpu.why = f"a real GPU; a step should take {_milliseconds(on_gpu)}, less than on any CPU"
        return gpu
    cpu = await open_cpu("")
    on_cpu = (await measure_rates(cpu)).step(experiment, VOCABULARY, cpu)
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
