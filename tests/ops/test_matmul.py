import numpy as np
import pytest

from pygpt.errors import ShapeError
from pygpt.ops import matmul
from pygpt.tensor.tensor import tensor
from tests.ops.chain import Case, normal

# (M, N, K): ones, a row in vectors of 4, primes, remainders of 8 x 8 and 64 x 64 x 16 tiles, shapes of a small GPT.
SHAPES = [
    (1, 1, 1),
    (1, 20, 8),
    (1, 132, 64),
    (1, 65, 7),
    (13, 1, 5),
    (3, 5, 129),
    (8, 8, 8),
    (17, 23, 31),
    (65, 66, 67),
    (96, 144, 48),
    (68, 132, 20),
]


def product(m, n, k, bias=False, residual=False, transpose_x=False, transpose_w=False, **attributes):
    x, w = normal(m, k), normal(k, n, seed=1)
    x = np.ascontiguousarray(x.T) if transpose_x else x
    w = np.ascontiguousarray(w.T) if transpose_w else w
    return Case(
        "matmul",
        [x, w, normal(n, seed=2) if bias else None, normal(m, n, seed=3) if residual else None],
        atol=1e-5,
        transpose_x=transpose_x,
        transpose_w=transpose_w,
        **attributes,
    )


PLAIN = [
    product(*shape, bias=bool(index % 2), residual=bool(index % 3), transpose_w=transpose_w)
    for index, shape in enumerate(SHAPES)
    for transpose_w in (False, True)
]
TRANSPOSED = [product(*shape, transpose_x=True) for shape in SHAPES]
SPLIT = [product(17, 23, 100, transpose_x=True, splits=splits) for splits in (2, 3, 7)]
SPLIT += [product(20, 24, 100, transpose_x=True, splits=splits) for splits in (2, 5)]
CASES = PLAIN + TRANSPOSED + SPLIT


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


def test_long_inner_dimension_is_split_on_a_gpu(gpu_as_hardware, monkeypatch):
    launched, submit = [], gpu_as_hardware._submit
    monkeypatch.setattr(gpu_as_hardware, "_submit", lambda launches: launched.extend(launches) or submit(launches))
    product(24, 40, 2050, transpose_x=True).check_shader(gpu_as_hardware)
    assert len(launched) == 2, "the parts, then their sum"


@pytest.mark.parametrize("case", PLAIN, ids=str)
def test_gradient(case):
    case.check_gradient()


def test_batch_of_rows_keeps_its_shape(cpu):
    x, w = tensor(cpu, normal(2, 3, 5), (2, 3, 5)), tensor(cpu, normal(5, 7), (5, 7))
    assert matmul(x, w).shape == (2, 3, 7)


def test_different_inner_dimensions_raise(cpu):
    with pytest.raises(ShapeError, match=r"x \[2, 3\] has 3, w \[4, 5\] has 4"):
        tensor(cpu, normal(2, 3), (2, 3)) @ tensor(cpu, normal(4, 5), (4, 5))


def test_residual_of_another_shape_raises(cpu):
    x, w, residual = (tensor(cpu, normal(*shape), shape) for shape in ((2, 3), (3, 4), (4, 2)))
    with pytest.raises(ShapeError, match=r"residual must be \[2, 4\], like the product, got \[4, 2\]"):
        matmul(x, w, None, residual)
