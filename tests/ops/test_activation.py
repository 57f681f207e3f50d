import math

import numpy as np
import pytest

from pygpt.ops import activation
from pygpt.ops.activation import KINDS
from pygpt.tensor.tensor import tensor
from tests.ops.chain import Case, normal

FORWARD = [
    Case("activation", [normal(*shape, scale=3.0)], kind=kind) for kind in KINDS for shape in ((1,), (7,), (3, 65))
]
CASES = [*FORWARD]
for kind in KINDS:
    # Inputs for which exponentials overflow.
    CASES += [Case("activation", [normal(33, scale=200.0)], kind=kind)]
    CASES += [
        Case("activation_gradient", [normal(*shape), normal(*shape, seed=1, scale=scale)], kind=kind)
        for shape, scale in (((1,), 3.0), ((7, 13), 3.0), ((31,), 200.0))
    ]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


@pytest.mark.parametrize("case", FORWARD, ids=str)
def test_gradient(case):
    case.check_gradient()


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-15), ("float32", 3e-7)])
def test_exact_gelu_equals_math_erfc(dtype, tolerance, cpu):
    x = np.linspace(-9.0, 9.0, 1801).astype(dtype)
    y = activation(tensor(cpu, x, x.shape, dtype), kind="gelu_erf").numpy()
    expected = np.array([v * math.erfc(-v / math.sqrt(2)) / 2 for v in x.tolist()])
    # Far left of 0, exp multiplies the relative error of rounding x^2 / 2 by x^2 / 2.
    np.testing.assert_allclose(y, expected, rtol=tolerance * 40, atol=tolerance)
    np.testing.assert_allclose(y[x > -1], expected[x > -1], rtol=tolerance, atol=tolerance)


def test_known_values(device):
    x = tensor(device, np.float32([-2.0, 0.0, 2.0]))
    for kind, expected in (
        ("relu", [0, 0, 2]),
        ("relu_squared", [0, 0, 4]),
        ("silu", [-0.23840584, 0, 1.76159416]),
        ("gelu_erf", [-0.04550026, 0, 1.95449974]),
    ):
        np.testing.assert_allclose(activation(x, kind=kind).numpy(), expected, rtol=1e-6, atol=1e-7, err_msg=kind)


def test_unknown_kind_raises(cpu):
    with pytest.raises(ValueError, match="kind must be one of relu, relu_squared, silu, gelu_erf, got 'mish'"):
        activation(tensor(cpu, normal(3)), kind="mish")
