import numpy as np
import pytest

from pygpt.errors import ShapeError
from pygpt.ops import record
from pygpt.tensor.tensor import tensor
from tests.ops.chain import Case, normal

CASES = [
    Case("record", [normal(1), np.array([step], np.uint32)], out=[normal(length)])
    for length, step in ((1, 0), (7, 6), (7, 7), (100, 67), (3, 2**32 - 1))
]
CASES += [Case("record", [normal(1, 1), np.array([2], np.uint32)], out=[normal(5)])]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


def test_history_wraps_around(device):
    history = tensor(device, [0.0] * 3)
    for step in range(5):
        record(tensor(device, [float(step)]), tensor(device, [step], dtype="uint32"), out=history)
    assert history.tolist() == [3.0, 4.0, 2.0]


def test_several_values_raise(device):
    with pytest.raises(ShapeError, match=r"got \[2\] and \[5\]"):
        record(tensor(device, [1.0, 2.0]), tensor(device, [0], dtype="uint32"), out=tensor(device, [0.0] * 5))
