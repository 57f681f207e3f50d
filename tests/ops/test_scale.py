import pytest

from tests.ops.chain import Case, normal

CASES = [Case("scale", [normal(*shape)], factor=-0.37) for shape in ((1,), (7,), (3, 65), (64, 129))]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradient(case):
    case.check_gradient()
