"""Which device `auto` takes if there is a GPU, tested on a software adapter that is presented as a real GPU."""

import asyncio
import time

from pygpt.analysis import device_choice as choosing
from pygpt.analysis.device_choice import Rates, choose, measure_rates, open_device_for
from pygpt.analysis.flops import step_flops
from pygpt.config.experiment import Experiment
from pygpt.devices import open_numpy, wgpu

BABY, SMALL, NANO = map(Experiment.preset, ("baby", "small", "nano"))
MICRO = BABY.with_fields(
    **{"model.n_layer": 1, "model.n_head": 4, "model.n_embd": 16, "model.block_size": 16, "train.batch_size": 1}
)


def chosen(gpu, experiment, rates=None, monkeypatch=None):
    """The chosen device and the opened NumPy devices. `rates`, of GPU and CPU, replace measured ones."""
    opened = []

    async def open_cpu(why):
        opened.append(open_numpy(why))
        return opened[-1]

    if rates:

        async def fixed_rates(device):
            return rates[device is not gpu]

        monkeypatch.setattr(choosing, "measure_rates", fixed_rates)
    return asyncio.run(choose(gpu, open_cpu, experiment)), opened


def test_tiny_models_get_the_processor_and_large_ones_the_gpu_without_measuring(gpu_as_hardware, monkeypatch):
    monkeypatch.setattr(choosing, "measure_rates", None)  # a call would fail
    device, _ = chosen(gpu_as_hardware, MICRO)
    assert device.kind == "numpy" and "million operations a step" in device.why
    device, opened = chosen(gpu_as_hardware, SMALL)
    assert device is gpu_as_hardware and device.why == "a real GPU" and not opened


def test_in_between_the_faster_device_is_taken(gpu_as_hardware, monkeypatch):
    quick, middling, slow = Rates(1e-6, 2e13), Rates(4e-5, 1e12), Rates(2e-4, 1e11)
    processor = Rates(2e-6, 5e10)
    device, opened = chosen(gpu_as_hardware, BABY, (quick, processor), monkeypatch)
    assert device is gpu_as_hardware and not opened, "NumPy is not needed"
    device, opened = chosen(gpu_as_hardware, BABY, (middling, processor), monkeypatch)
    assert device is gpu_as_hardware and "on NumPy" in device.why and opened
    device, opened = chosen(gpu_as_hardware, BABY, (slow, processor), monkeypatch)
    assert device is opened[0] and "a step of this model should take" in device.why


def test_measuring_is_quick_and_estimates_the_time_of_a_step(device):
    asyncio.run(measure_rates(device))  # compiles
    began = time.perf_counter()
    rates = asyncio.run(measure_rates(device))
    assert time.perf_counter() - began < 3  # 0.02 to 0.1 s if nothing else runs
    assert 1e-7 <= rates.launch < 0.01 and 1e8 < rates.flops < 1e14
    assert rates.step(SMALL) > rates.step(BABY) > rates.step(MICRO) > 0
    assert (
        step_flops(SMALL, 65)
        > choosing.GPU_MIN_FLOPS
        > step_flops(BABY, 65)
        > choosing.CPU_MAX_FLOPS
        > step_flops(MICRO, 65)
    )


def test_natively_a_software_adapter_is_not_measured(gpu, monkeypatch):
    monkeypatch.setattr(choosing, "choose", None)
    assert open_device_for("numpy", NANO).kind == "numpy"
    auto = open_device_for("auto", NANO)
    assert auto.kind == "numpy" or not wgpu.is_software(wgpu.adapters()[0])


def test_it_works_inside_a_running_event_loop(gpu_as_hardware, monkeypatch):
    monkeypatch.setattr(choosing, "open_device", lambda choice: gpu_as_hardware)
    monkeypatch.setattr(gpu_as_hardware, "close", lambda: None)

    async def in_a_notebook():
        return open_device_for("auto", MICRO), open_device_for("auto", BABY)

    tiny, middling = asyncio.run(in_a_notebook())
    assert tiny.kind == "numpy" and middling.why
