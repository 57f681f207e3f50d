import numpy as np
import pytest

from pygpt.errors import ShapeError
from pygpt.ops import sgd_step
from pygpt.tensor.tensor import tensor
from tests.ops.chain import Case, normal

SCHEDULE = np.array([[0.5, 1, 1], [0.25, 1, 1], [0.125, 1, 1]], np.float32)


def case(length, decayed, step=0, scale=1.0, weight_decay=0.1):
    inputs = [normal(length), np.array([scale], np.float32), SCHEDULE, np.array([step], np.uint32)]
    return Case("sgd_step", inputs, out=[normal(length, seed=1)], weight_decay=weight_decay, decayed=decayed)


CASES = [
    case(1, 0),
    case(1, 1, step=1),
    case(67, 64, scale=0.25),
    case(1009, 1009, step=2**32 - 1),
    case(130, 66, weight_decay=0.0),
    case(40_001, 20_003, step=2),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


@pytest.mark.parametrize("step, rate", [(0, 0.5), (2, 0.125), (7, 0.125)])
def test_by_hand(step, rate, device):
    parameter = tensor(device, [1.0, 1.0, 1.0])
    sgd_step(
        tensor(device, [2.0, -4.0, 2.0]),
        tensor(device, [0.5]),
        tensor(device, SCHEDULE, (3, 3)),
        tensor(device, [step], dtype="uint32"),
        out=parameter,
        weight_decay=0.5,
        decayed=2,
    )
    assert parameter.tolist() == [1 - rate * 1.5, 1 + rate * 1.5, 1 - rate]


def test_different_shapes_raise(device):
    direction, step = tensor(device, normal(4)), tensor(device, [0], dtype="uint32")
    with pytest.raises(ShapeError, match=r"a schedule \(S, 3\), got \[4\], \[5\] and \[3, 3\]"):
        sgd_step(
            direction,
            tensor(device, [1.0]),
            tensor(device, SCHEDULE, (3, 3)),
            step,
            out=tensor(device, normal(5)),
            weight_decay=0.0,
            decayed=0,
        )
