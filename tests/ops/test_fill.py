import pytest

from pygpt.errors import ShapeError
from pygpt.ops import fill
from tests.ops.chain import Case, normal

# The last length exceeds 65,535 workgroups of 64 and needs a two-dimensional grid.
CASES = [
    Case("fill", [], out=[normal(length)], value=value) for length, value in ((1, 1.0), (67, -0.5), (4_200_000, 3.0))
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


def test_missing_output_raises(cpu):
    with pytest.raises(ShapeError, match="pass them as `out`"):
        fill(value=1.0)
