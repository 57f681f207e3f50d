import pytest

from pygpt.errors import ShapeError
from pygpt.ops import sum as sum_kernel
from pygpt.tensor.tensor import tensor
from tests.ops.chain import Case, normal

CASES = [Case("sum", [normal(*shape)]) for shape in ((1, 1, 1), (1, 7, 13), (3, 1, 65), (5, 64, 1), (2, 129, 33))]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


def test_other_than_three_dimensions_raise(cpu):
    with pytest.raises(ShapeError, match="reshape first"):
        sum_kernel(tensor(cpu, [1.0, 2.0]))
