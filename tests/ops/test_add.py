import pytest

from pygpt.errors import ShapeError
from pygpt.tensor.tensor import tensor
from tests.ops.chain import Case, normal

CASES = [Case("add", [normal(*shape), normal(*shape, seed=1)]) for shape in ((1,), (7,), (3, 65), (64, 129))]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradient(case):
    case.check_gradient()


def test_different_shapes_raise(cpu):
    with pytest.raises(ShapeError, match=r"the shapes differ: \[2\] and \[3\]"):
        tensor(cpu, [1.0, 2.0]) + tensor(cpu, [1.0, 2.0, 3.0])
