"""Which device `auto` takes if there is a GPU, tested on a software adapter that is presented as a real GPU."""

import asyncio
import time

from pygpt.analysis import device_choice as choosing
from pygpt.analysis.device_choice import choose, open_device_for
from pygpt.analysis.flops import step_flops
from pygpt.analysis.plan import plan_run
from pygpt.analysis.rates import BETWEEN_STEPS, Rates, measure_rates
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
    quick, middling, slow = Rates(1e-6, 2e13, 1e12), Rates(4e-5, 1e12, 1e12), Rates(2e-4, 1e11, 1e12)
    processor = Rates(2e-6, 5e10, 1e12)
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
    assert 1e-7 <= rates.launch < 0.01 and 1e8 < rates.flops < 1e14 and 1e7 < rates.bytes < 1e13
    small, baby, micro = (rates.step(experiment, 65, device) for experiment in (SMALL, BABY, MICRO))
    assert small > baby > micro > 0
    assert (
        step_flops(SMALL, 65)
        > choosing.GPU_MIN_FLOPS
        > step_flops(BABY, 65)
        > choosing.CPU_MAX_FLOPS
        > step_flops(MICRO, 65)
    )


def test_a_run_takes_its_steps_and_a_third_of_a_step_for_each_batch_of_an_evaluation():
    rates, plan = Rates(1e-6, 1e9, 1e8), plan_run(BABY, 65)
    moved = sum(row.nbytes for row in plan.launches)
    step = plan.step_launches * 1e-6 + step_flops(BABY, 65) / 1e9 + moved / 1e8
    assert abs(rates.step(BABY, 65) / step - 1) < 1e-9
    run = BABY.with_fields(**{"train.steps": 100, "train.eval_every": 40, "train.eval_batches": 6})
    evaluations = 4  # after steps 0, 40, 80 and 100
    assert abs(rates.run(run, 65) / (BETWEEN_STEPS * step * (100 + evaluations * 6 / 3)) - 1) < 1e-9


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
