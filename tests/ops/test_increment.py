import numpy as np
import pytest

from pygpt.errors import ShapeError
from pygpt.ops import increment
from pygpt.tensor.tensor import tensor
from tests.ops.chain import Case

CASES = [
    Case("increment", [], out=[np.array([step], np.uint32)], amount=amount)
    for step, amount in ((0, 1), (41, 1), (5, 17), (2**32 - 1, 2))
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


def test_counts(device):
    step = tensor(device, [0], dtype="uint32")
    for _ in range(300):
        increment(out=step)
    assert step.tolist() == [300]


def test_several_counters_raise(device):
    with pytest.raises(ShapeError, match=r"expected a step \(1,\), got \[2\]"):
        increment(out=tensor(device, [0, 0], dtype="uint32"))
