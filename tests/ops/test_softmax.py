import numpy as np
import pytest

from pygpt.errors import ShapeError
from pygpt.ops import softmax, softmax_gradient
from pygpt.tensor.tensor import tensor
from tests.ops.chain import Case, normal

SHAPES = [(1, 1), (7,), (3, 65), (2, 5, 13), (131, 9)]
FORWARD = [Case("softmax", [normal(*shape, scale=2.0)]) for shape in SHAPES]
CASES = FORWARD + [Case("softmax", [np.float32([[80, -80, 79], [-80, -81, -80], [500, 0, -500]])])]
CASES += [Case("softmax_gradient", [normal(*shape), np.abs(normal(*shape, seed=1)) / shape[-1]]) for shape in SHAPES]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


@pytest.mark.parametrize("case", FORWARD, ids=str)
def test_gradient(case):
    case.check_gradient()


def test_rows_add_up_to_one(device):
    y = softmax(tensor(device, normal(67, 33, scale=20.0), (67, 33))).numpy()
    np.testing.assert_allclose(y.sum(axis=1), 1.0, rtol=1e-6)
    assert (y >= 0.0).all()


def test_dy_of_another_shape_raises(cpu):
    with pytest.raises(ShapeError, match=r"expected dy like y \[3\], got \[2\]"):
        softmax_gradient(tensor(cpu, normal(2)), tensor(cpu, normal(3)))
