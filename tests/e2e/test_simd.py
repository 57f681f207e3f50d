"""The NumPy device in the tab: every test case of every kernel, with each library of compiled kernels."""

import base64
import importlib
import json
import struct

import pytest

from tests.conftest import unavailable
from tests.e2e.test_kernels import MODULES, RUNNER
from tests.ops.nan_cases import nan_cases
from tests.tiny_runs import preset_kernels

LIBRARIES = ("simd_relaxed.so", "simd.so")
SETUP = """
import json
import sys
from pygpt.devices import open_device_in_tab
from pygpt.devices.simd import load
from pygpt.config.experiment import Experiment
from pygpt.data import load_text
from pygpt.tensor.tensor import KERNELS
from pygpt.training.run import Run
from numpy_wheel import ensure_numpy

async def load_numpy():
    await ensure_numpy(SITE)

device = await open_device_in_tab("numpy", load_numpy)
from pygpt.devices.numpy import NumpyDevice

def losses(values, device):
    run = Run(Experiment.from_dict(values), load_text("tales"), device)
    for _ in run.train():
        pass
    return [metric.loss for metric in run.take_metrics(device.read(run.metrics_tensor)) if metric.loss is not None]
"""
BABY = {"train.steps": 10, "train.eval_every": 10, "train.eval_batches": 2, "model.dropout": 0.1}


@pytest.fixture(scope="module")
def tab(fresh_python_in_tab, site):
    """A separate tab (the shared one must not load NumPy), with a NumPy device for each library in `devices`."""
    fresh_python_in_tab.run(f"SITE = {site.url!r}\n{SETUP}\n{RUNNER}")
    if fresh_python_in_tab.run("device.library is None"):
        unavailable("the site was built without the C kernels: run pip install '.[build]'")
    fresh_python_in_tab.run(f"devices = {{name: NumpyDevice(library=load((name,))) for name in {LIBRARIES}}}")
    return fresh_python_in_tab


def test_the_faster_library_is_chosen_and_the_device_name_mentions_simd(tab):
    assert tab.run("device.library.name") == "simd_relaxed.so"  # the Chromium of the tests has relaxed SIMD
    assert tab.run("device.name").endswith("with SIMD kernels")


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("library", LIBRARIES)
def test_kernel(library, module, tab):
    for case in importlib.import_module(f"tests.ops.{module}").CASES:
        described = json.dumps(case.to_json())
        if len(described) < 4_000_000:
            outputs = tab.run(
                f"[encode(output.read()) for output in start_case(devices[{library!r}], json.loads({described!r}))]"
            )
            case.compare([base64.b64decode(output) for output in outputs])


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_nan_stays_nan(library, tab):
    """As tests/unit/ops/test_nan.py does natively."""
    cases = nan_cases()
    for start in range(0, len(cases), 30):
        some = cases[start : start + 30]
        described = json.dumps([case.poisoned.to_json() for case in some])
        outputs = tab.run(
            f"[[encode(output.read()) for output in start_case(devices[{library!r}], case)]"
            f" for case in json.loads({described!r})]"
        )
        for case, output in zip(some, outputs, strict=True):
            case.check([base64.b64decode(data) for data in output])


def test_every_kernel_of_a_preset_is_compiled(tab):
    """A captured step is then one call; a kernel without C code would still run as its twin."""
    assert tab.run(f"[name for name in {preset_kernels()} if not device.library.has(name)]") == []


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_captured_step_is_one_call_and_bit_identical_to_an_eager_step(library, tab):
    tab.run(f"""
device = devices[{library!r}]
run = Run(Experiment.from_dict(json.loads({json.dumps(baby())!r})), load_text("tales"), device)
before = device.read(run.weights.values)
run._train_step()
run._train_step()
eager = device.read(run.weights.values)
device.write(run.weights.values, before)
for state in (slots.values for slots in run.optimizer.state.values()):
    device.write(state, bytes(state.nbytes))
device.write(run.metrics.steps_done, bytes(4))
run.training_step()
run.training_step()
""")
    assert tab.run("len(run.training_step.plan[0])") == 1
    assert tab.run("device.read(run.weights.values) == eager and eager != before") is True


def baby():
    """A small experiment with dropout, as JSON-serializable data."""
    from pygpt.config.experiment import Experiment

    return Experiment.preset("baby").with_fields(**BABY).to_dict()


def test_the_curves_agree_with_and_without_the_libraries(tab):
    curves = {}
    for name, device in ((None, "NumpyDevice()"), *((name, f"devices[{name!r}]") for name in LIBRARIES)):
        curves[name] = tab.run(f"losses(json.loads({json.dumps(baby())!r}), {device})")
        repeated = tab.run(f"losses(json.loads({json.dumps(baby())!r}), {device})")
        assert struct.pack(f"<{len(repeated)}d", *repeated) == struct.pack(f"<{len(repeated)}d", *curves[name])
    assert len(curves[None]) == 10
    for name in LIBRARIES:
        largest = max(abs(a - b) for a, b in zip(curves[None], curves[name], strict=True))
        print(f"twins and {name}: the losses differ by at most {largest:.2e}")
        assert largest <= 1e-4


def test_without_a_library_the_twins_are_used(tab):
    assert tab.run("load(('no_such.so',)) is None")
    assert tab.run("type(NumpyDevice(library=load(())).library).__name__") == "NoneType"
