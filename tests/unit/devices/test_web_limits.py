"""A browser guarantees only WebGPU's default limits: every shader and every launch of a preset holds with them."""

import re

import pytest

from pygpt.analysis import plan
from pygpt.analysis.memory import check_memory
from pygpt.config.experiment import PRESETS
from pygpt.devices.shape_only import ShapeOnlyDevice
from pygpt.devices.wgpu import WgpuDevice, adapters
from pygpt.errors import ExperimentError
from pygpt.tensor.tensor import KERNELS
from tests.conftest import unavailable
from tests.ops.test_variants import MODULES

# The default limits: https://www.w3.org/TR/webgpu/#limits.
LIMITS = {
    "max-storage-buffers-per-shader-stage": 8,
    "max-uniform-buffers-per-shader-stage": 12,
    "max-bindings-per-bind-group": 1000,
    "max-compute-workgroup-storage-size": 16384,
    "max-compute-invocations-per-workgroup": 256,
    "max-compute-workgroup-size-x": 256,
    "max-compute-workgroup-size-y": 256,
    "max-compute-workgroup-size-z": 64,
    "max-compute-workgroups-per-dimension": 65535,
    "max-storage-buffer-binding-size": 128 * 2**20,
    "max-buffer-size": 256 * 2**20,
    "min-storage-buffer-offset-alignment": 256,
}
VOCABULARIES = {"gpt2": 50_257}  # of the others, more than any of their tokenizers
LARGEST_VOCABULARY = 4096


@pytest.fixture(scope="module")
def least():
    """The native device with the web's default limits, which wgpu then enforces."""
    adapter = next(iter(adapters()), None) or unavailable("there is no WebGPU adapter")
    request = adapter.request_device_sync
    adapter.request_device_sync = lambda **wanted: request(**{**wanted, "required_limits": LIMITS})
    device = WgpuDevice(adapter)
    granted = device._device.limits
    assert {name: granted[name] for name in LIMITS} == LIMITS
    device.buffer_limit = LIMITS["max-storage-buffer-binding-size"]
    yield device
    device.close()


@pytest.mark.parametrize("software", [True, False])
def test_every_shader_runs_with_the_default_limits(software, least, monkeypatch):
    monkeypatch.setattr(least, "software", software)
    cases = [case for module in MODULES for case in getattr(module, "CASES", [])]
    used = {}
    for case in cases:
        small = sum(operand.size for operand in [*case.inputs, *case.out] if operand is not None) < 20_000
        if small:
            used.setdefault((case.kernel, str(case.attributes)), case)
    for case in used.values():
        case.check_shader(least)
    assert {case.kernel for case in used.values()} == set(KERNELS)
    workgroups = [size for kernel in KERNELS.values() for size in kernel.shaders.values()]
    assert all(x <= 256 and y <= 256 and z <= 64 and x * y * z <= 256 for x, y, z in workgroups)


@pytest.mark.parametrize("software", [True, False])
@pytest.mark.parametrize("preset", PRESETS)
def test_every_launch_of_a_preset_holds_with_the_default_limits(preset, software, monkeypatch):
    """Whatever does not is refused before anything is allocated, with its reason."""
    launches = []

    def prepare(device, kernel, operands, attributes):
        shader = kernel.shader_for(device, operands, attributes)
        launches.append((kernel, operands, kernel.launch_shape(shader, operands, attributes)))

    monkeypatch.setattr(ShapeOnlyDevice, "_prepare", prepare)
    plan._plan_any_size.cache_clear()
    device = ShapeOnlyDevice("webgpu", software)
    device.buffer_limit = LIMITS["max-storage-buffer-binding-size"]
    vocab_size = VOCABULARIES.get(preset, LARGEST_VOCABULARY)
    try:
        check_memory(PRESETS[preset], vocab_size, device)
    except ExperimentError as error:
        assert preset == "gpt2"
        assert re.search(r"the weights take [\d.]+ MB .* a plan holds at most 134 MB in one buffer", str(error))
    assert launches
    for kernel, operands, workgroups in launches:
        assert len(operands) <= LIMITS["max-storage-buffers-per-shader-stage"], kernel.name
        assert max(workgroups) <= LIMITS["max-compute-workgroups-per-dimension"], kernel.name
        for operand in operands:
            largest = operand.nbytes if operand is not None and preset != "gpt2" else 0
            assert largest <= LIMITS["max-storage-buffer-binding-size"], (kernel.name, operand.shape)
    plan._plan_any_size.cache_clear()
