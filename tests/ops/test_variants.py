"""The shaders for real GPUs give the outputs of the twins; here a software renderer runs them."""

import importlib
from pathlib import Path
from types import SimpleNamespace

import pytest

from pygpt.tensor.tensor import KERNELS
from tests.test_house import case_operands

MODULES = [
    importlib.import_module(f"tests.ops.{path.stem}")
    for path in sorted(Path(__file__).parent.glob("test_*.py"))
    if path.stem != "test_variants"
]
VARIED = [case for module in MODULES for case in getattr(module, "CASES", []) if KERNELS[case.kernel].variants]


@pytest.mark.parametrize("case", VARIED, ids=str)
def test_shader_for_a_real_gpu(case, gpu_as_hardware):
    case.check_shader(gpu_as_hardware)


def test_a_case_uses_every_shader():
    used = set()
    for case in VARIED:
        kernel, operands = KERNELS[case.kernel], case_operands(case)
        attributes = {**kernel.attributes, **case.attributes}
        used |= {
            kernel.shader_for(SimpleNamespace(software=software, preferences={}), operands, attributes)
            for software in (True, False)
        }
    assert used == {shader for kernel in KERNELS.values() if kernel.variants for shader in kernel.shaders}
