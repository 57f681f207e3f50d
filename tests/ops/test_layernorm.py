import numpy as np
import pytest

from pygpt.errors import ShapeError
from pygpt.ops import layernorm
from pygpt.tensor.tensor import tensor
from tests.ops.chain import Case, normal

# Ones, primes, more rows than a workgroup has invocations, parts of 16 rows and remainders, several blocks of the twin.
SHAPES = [(1, 2), (1, 65), (7, 13), (3, 5, 32), (64, 9), (131, 33), (70, 2000)]


def statistics(rows):
    """Return random means and inverse standard deviations of about 1."""
    return np.stack([normal(rows, seed=4), 0.5 + np.abs(normal(rows, seed=5))], axis=1)


def inputs(*shape, bias=True):
    width = shape[-1]
    return [normal(*shape, scale=2.0) + np.float32(0.7), normal(width, seed=1), normal(width, seed=2) if bias else None]


FORWARD = [Case("layernorm", inputs(*shape, bias=bool(index % 2))) for index, shape in enumerate(SHAPES)]
FORWARD += [Case("layernorm", inputs(5, 16), epsilon=0.1)]
CASES = FORWARD + [Case("layernorm", inputs(9, 1))]
# A large mean: the variance must not be the difference of two large numbers.
CASES += [Case("layernorm", [normal(5, 48) + np.float32(100.0), normal(48, seed=1), None], rtol=1e-3, atol=1e-3)]
for index, shape in enumerate(SHAPES):
    rows = int(np.prod(shape[:-1]))
    CASES += [
        Case(
            "layernorm_gradient",
            [
                normal(*shape),
                normal(*shape, seed=1),
                normal(shape[-1], seed=2),
                statistics(rows),
                normal(*shape, seed=3) if index % 2 else None,
            ],
        )
    ]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


@pytest.mark.parametrize("case", FORWARD, ids=str)
def test_gradient(case):
    case.check_gradient()


def test_constant_row_gives_the_bias(device):
    x = tensor(device, np.full((2, 8), 3.0, np.float32), (2, 8))
    y, statistics = layernorm(x, tensor(device, normal(8)), tensor(device, normal(8, seed=1)))
    np.testing.assert_array_equal(y.numpy(), np.stack([normal(8, seed=1)] * 2))
    np.testing.assert_array_equal(statistics.numpy()[:, 0], [3.0, 3.0])


def test_weight_of_another_width_raises(cpu):
    x = tensor(cpu, normal(2, 3), (2, 3))
    with pytest.raises(ShapeError, match=r"weight must be \[3\], the last dimension of x \[2, 3\], got \[4\]"):
        layernorm(x, tensor(cpu, normal(4)))
    with pytest.raises(ShapeError, match=r"bias must be \[3\]"):
        layernorm(x, tensor(cpu, normal(3)), tensor(cpu, normal(2)))
