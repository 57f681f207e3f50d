import numpy as np
import pytest

from pygpt.ops import softcap
from pygpt.tensor.tensor import tensor
from tests.ops.chain import Case, normal

FORWARD = [
    Case("softcap", [normal(*shape, scale=cap)], cap=cap) for shape, cap in (((1,), 30.0), ((7,), 0.5), ((3, 65), 15.0))
]
# Inputs for which the tanh of some drivers overflows, and for which 1 - 2 / (exp(2 u) + 1) would lose precision.
CASES = FORWARD + [Case("softcap", [normal(33, scale=1e4)], cap=30.0)]
CASES += [Case("softcap", [normal(35, scale=1e-3)], cap=30.0, atol=1e-9)]
CASES += [
    Case("softcap_gradient", [normal(*shape), (cap * np.tanh(normal(*shape, seed=1))).astype(np.float32)], cap=cap)
    for shape, cap in (((1,), 30.0), ((7, 13), 0.5), ((130,), 15.0))
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


@pytest.mark.parametrize("case", FORWARD, ids=str)
def test_gradient(case):
    case.check_gradient()


def test_values_stay_within_the_cap(device):
    x = tensor(device, np.float32([0.0, 0.01, -1e30, 30.0]))
    np.testing.assert_allclose(softcap(x, cap=30.0).numpy(), [0.0, 0.01, -30.0, 30 * np.tanh(1.0)], rtol=1e-6)
