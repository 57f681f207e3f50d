import pytest

from pygpt.errors import ShapeError
from pygpt.ops import fill
from tests.ops.chain import Case, normal

# The last length folds the grid: 65,535 workgroups of 64 are not enough for it.
CASES = [
    Case("fill", [], out=[normal(length)], value=value) for length, value in ((1, 1.0), (67, -0.5), (4_200_000, 3.0))
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


def test_needs_a_tensor_to_fill(cpu):
    with pytest.raises(ShapeError, match="hand them in as `out`"):
        fill(value=1.0)
