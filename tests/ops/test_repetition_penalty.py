import numpy as np
import pytest

from pygpt.errors import ShapeError
from pygpt.ops import repetition_penalty
from pygpt.tensor.tensor import tensor
from tests.ops.chain import Case, integers, normal


def case(rows, v, t, position, strength):
    return Case(
        "repetition_penalty",
        [
            normal(rows, v, scale=3.0),
            np.array([position], np.uint32),
            integers(t, high=v),
            np.array([strength], np.float32),
        ],
    )


CASES = [
    case(1, 1, 1, 0, 1.5),
    case(1, 65, 64, 40, 1.2),
    case(8, 7, 8, 3, 2.0),
    case(8, 7, 8, 7, 1.0),
    case(1, 50257, 33, 32, 1.3),
    case(1, 257, 5, 0, 0.5),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


def test_by_hand(device):
    """Tokens 0 and 3 are penalized once each; the window after the position does not count."""
    logits = tensor(device, [*[9.0] * 5, 2.0, 2.0, -2.0, -2.0, 0.0], (2, 5))
    window = tensor(device, [0, 3, 0, 2], dtype="uint32")
    position, strength = tensor(device, [2], dtype="uint32"), tensor(device, [4.0])
    y = repetition_penalty(logits, position, window, strength)
    assert y.shape == (1, 5) and y.tolist() == [0.5, 2.0, -2.0, -8.0, 0.0]


def test_several_strengths_raise(cpu):
    one = tensor(cpu, [1], dtype="uint32")
    with pytest.raises(ShapeError, match=r"a strength \(1,\), got \[1\] and \[2\]"):
        repetition_penalty(tensor(cpu, normal(1, 5), (1, 5)), one, one, tensor(cpu, [1.0, 2.0]))
