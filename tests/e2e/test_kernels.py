"""Every test case of every kernel, in the tab: the same WGSL through Chromium's compiler."""

import base64
import importlib
import json
from pathlib import Path

import pytest

from tests.ops.long_cases import long_cases
from tests.ops.nan_cases import nan_cases

OPS = Path(__file__).resolve().parents[1] / "ops"
MODULES = sorted(path.stem for path in OPS.glob("test_*.py") if path.stem != "test_variants")
LONG_CASES = long_cases()
RUNNER = (OPS / "run_case.py").read_text()


@pytest.fixture(scope="module")
def device_in_tab(python_in_tab):
    """Define the tab's WebGPU device as `device`, and `run_case`, which runs a case on it."""
    python_in_tab.run(RUNNER)
    return python_in_tab.run("""
import json
from pygpt.devices import open_device_in_tab
device = await open_device_in_tab("webgpu")

async def run_case(case):
    outputs = start_case(device, case)
    return [encode(await device.fetch(output)) for output in outputs]

device.name
""")


@pytest.mark.parametrize("module", MODULES)
def test_kernel(module, python_in_tab, device_in_tab):
    for case in importlib.import_module(f"tests.ops.{module}").CASES:
        described = json.dumps(case.to_json())
        # The case with a folded grid would be 22 MB of text; test_a_long_grid_is_folded replaces it.
        if len(described) < 4_000_000:
            outputs = python_in_tab.run(f"await run_case(json.loads({described!r}))")
            case.compare([base64.b64decode(output) for output in outputs])


def test_a_long_grid_is_folded(python_in_tab, device_in_tab):
    ends = python_in_tab.run("""
from pygpt.tensor.tensor import KERNELS, empty
long = empty(device, (4_200_000,))
KERNELS["fill"](out=long, value=3.0)
data = memoryview(await device.fetch(long)).cast("f")
[data[0], data[-1], sum(data[::1000])]""")
    assert ends == [3.0, 3.0, 3.0 * 4200]


def test_a_chunked_loss_equals_the_unchunked_loss(python_in_tab, device_in_tab):
    """As tests/unit/ops/test_linear_cross_entropy.py does natively; a browser is strict about a launch's bindings."""
    differences = python_in_tab.run("""
from pygpt.ops import linear_cross_entropy, mean_valid, normal
from pygpt.tensor.tensor import Node, backward, empty, tensor

seed = tensor(device, [7], dtype="uint32")
leaves = [empty(device, shape) for shape in ((150, 20), (37, 20))]
for purpose, leaf in enumerate(leaves):
    normal(seed, out=leaf, std=1.0, purpose=purpose)
    leaf.node = Node()
targets = tensor(device, [index % 38 - 1 for index in range(150)], dtype="int32")
results = []
for chunk in (64 * 37, 150 * 37):
    loss, _ = linear_cross_entropy(*leaves, targets, transpose_w=True, chunk=chunk)
    outcome = [loss, *backward(mean_valid(loss, targets)[0], leaves)]
    results.append([memoryview(await device.fetch(t)).cast("f").tolist() for t in outcome])
[max(abs(one - other) for one, other in zip(*pair)) / max(map(abs, pair[1])) for pair in zip(*results)]""")
    assert len(differences) == 3 and max(differences) < 1e-5, differences


def test_the_shaders_for_real_gpus_compile_and_agree(python_in_tab, device_in_tab):
    from tests.ops.test_variants import VARIED

    python_in_tab.run("device.software = False")
    try:
        for case in VARIED:
            described = json.dumps(case.to_json())
            if len(described) < 4_000_000:
                outputs = python_in_tab.run(f"await run_case(json.loads({described!r}))")
                case.compare([base64.b64decode(output) for output in outputs])
    finally:
        python_in_tab.run("device.software = True")


@pytest.mark.parametrize("number", range(len(LONG_CASES)), ids=lambda number: str(LONG_CASES[number]))
def test_a_long_loop_comes_to_its_end(number, python_in_tab, device_in_tab):
    """As tests/unit/ops/test_long_loops.py does natively."""
    case = LONG_CASES[number]
    outputs = python_in_tab.run(f"await run_case(json.loads({json.dumps(case.to_json())!r}))")
    case.compare([base64.b64decode(output) for output in outputs])


@pytest.mark.parametrize("software", [True, False])
def test_a_nan_stays_nan(software, python_in_tab, device_in_tab):
    """As tests/unit/ops/test_nan.py does natively: WGSL lets a compiler assume that there are no NaNs."""
    python_in_tab.run(f"device.software = {software}")
    try:
        cases, failures = nan_cases(), []
        for start in range(0, len(cases), 30):
            some = cases[start : start + 30]
            described = json.dumps([case.poisoned.to_json() for case in some])
            outputs = python_in_tab.run(f"[await run_case(case) for case in json.loads({described!r})]")
            for case, output in zip(some, outputs, strict=True):
                try:
                    case.check([base64.b64decode(data) for data in output])
                except AssertionError as error:
                    failures.append(str(error))
    finally:
        python_in_tab.run("device.software = True")
    assert not failures, "\n".join(failures)


def test_webgpu_does_not_load_numpy(python_in_tab, device_in_tab):
    assert python_in_tab.run("import sys\n'numpy' in sys.modules") is False
