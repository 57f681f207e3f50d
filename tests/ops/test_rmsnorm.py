import numpy as np
import pytest

from pygpt.errors import ShapeError
from pygpt.ops import rmsnorm
from pygpt.tensor.tensor import tensor
from tests.ops.chain import Case, normal

# Ones, primes, more rows than a workgroup has invocations, parts of 16 rows and remainders, several blocks of the twin.
SHAPES = [(1, 1), (1, 65), (7, 13), (3, 5, 32), (64, 9), (131, 33), (70, 2000)]


def inputs(*shape, weight=True):
    return [normal(*shape, scale=2.0) + np.float32(0.7), normal(shape[-1], seed=1) if weight else None]


FORWARD = [Case("rmsnorm", inputs(*shape, weight=bool(index % 2))) for index, shape in enumerate(SHAPES)]
FORWARD += [Case("rmsnorm", inputs(5, 16), epsilon=0.1), Case("rmsnorm", inputs(70, 12, weight=False), epsilon=1e-8)]
CASES = FORWARD + [Case("rmsnorm", [np.zeros((3, 8), np.float32), None])]
for index, shape in enumerate(SHAPES):
    rows = int(np.prod(shape[:-1]))
    weight = normal(shape[-1], seed=2) if index % 3 else None
    CASES += [
        Case(
            "rmsnorm_gradient",
            [
                normal(*shape),
                normal(*shape, seed=1),
                weight,
                0.5 + np.abs(normal(rows, seed=5)),
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


def test_rows_have_a_mean_square_of_one(device):
    y, inverse_rms = rmsnorm(tensor(device, np.float32([[3, 4], [-5, 0]]), (2, 2)), epsilon=0.0)
    np.testing.assert_allclose(np.square(y.numpy()).mean(axis=1), [1.0, 1.0], rtol=1e-6)
    np.testing.assert_allclose(inverse_rms.numpy(), [12.5**-0.5, 12.5**-0.5], rtol=1e-6)


def test_weight_of_another_width_raises(cpu):
    x = tensor(cpu, normal(2, 3), (2, 3))
    with pytest.raises(ShapeError, match=r"weight must be \[3\], the last dimension of x \[2, 3\], got \[4\]"):
        rmsnorm(x, tensor(cpu, normal(4)))
