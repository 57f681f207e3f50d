import numpy as np
import pytest

from pygpt.errors import ShapeError
from pygpt.ops import gate, gelu
from pygpt.ops.gate import KINDS
from pygpt.tensor.tensor import tensor
from tests.ops.chain import Case, normal


def inputs(*shape, scale=3.0):
    return [normal(*shape, seed=1, scale=scale), normal(*shape, seed=2)]


FORWARD = [Case("gate", inputs(*shape), kind=kind) for kind in KINDS for shape in ((1,), (7,), (3, 65))]
CASES = [*FORWARD]
for kind in KINDS:
    # Inputs for which exponentials overflow.
    CASES += [Case("gate", inputs(33, scale=200.0), kind=kind)]
    CASES += [
        Case("gate_gradient", [normal(*shape), *inputs(*shape, scale=scale)], kind=kind)
        for shape, scale in (((1,), 3.0), ((7, 13), 3.0), ((31,), 200.0))
    ]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


@pytest.mark.parametrize("case", FORWARD, ids=str)
def test_gradient(case):
    case.check_gradient()


def test_gate_times_ones_equals_the_activation(device):
    x, ones = (tensor(device, array) for array in (normal(50), np.ones(50, np.float32)))
    np.testing.assert_allclose(gate(x, ones, kind="gelu").numpy(), gelu(x).numpy(), rtol=1e-5, atol=1e-6)


def test_invalid_arguments_raise(cpu):
    with pytest.raises(ShapeError, match=r"x and z must have the same shape, got \[3\] and \[4\]"):
        gate(tensor(cpu, normal(3)), tensor(cpu, normal(4)), kind="silu")
    with pytest.raises(ValueError, match="kind must be one of silu, gelu, sigmoid, got 'relu'"):
        gate(tensor(cpu, normal(3)), tensor(cpu, normal(3)), kind="relu")
