import numpy as np
import pytest

from pygpt.errors import ShapeError
from pygpt.ops import divide
from pygpt.tensor.tensor import tensor
from tests.ops.chain import Case, normal

CASES = [
    Case("divide", [normal(*shape), np.array([by], np.float32)], epsilon=epsilon)
    for shape, by, epsilon in (((1,), 2.0, 0.0), ((3, 67), 0.25, 1e-7), ((1009,), 0.0, 0.5))
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


def test_zero_over_epsilon_is_zero(device):
    assert divide(tensor(device, [0.0, 0.0]), tensor(device, [0.0]), epsilon=1e-7).tolist() == [0.0, 0.0]


def test_several_divisors_raise(device):
    with pytest.raises(ShapeError, match=r"expected one number \(1,\) to divide by, got \[2\]"):
        divide(tensor(device, normal(4)), tensor(device, [1.0, 2.0]))
