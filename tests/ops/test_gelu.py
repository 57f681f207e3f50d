import pytest

from tests.ops.chain import Case, normal

FORWARD = [Case("gelu", [normal(*shape, scale=3.0)]) for shape in ((1,), (7,), (3, 65), (64, 129))]
# Inputs for which the tanh of some drivers overflows.
FORWARD += [Case("gelu", [normal(33, scale=100.0)])]
CASES = FORWARD + [
    Case("gelu_gradient", [normal(*shape), normal(*shape, seed=1, scale=3.0)]) for shape in ((1,), (7, 13))
]
CASES += [Case("gelu_gradient", [normal(31), normal(31, seed=1, scale=100.0)])]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


@pytest.mark.parametrize("case", FORWARD[:4], ids=str)
def test_gradient(case):
    case.check_gradient()
