import numpy as np
import pytest

from pygpt.errors import ShapeError
from pygpt.ops import gather_windows
from pygpt.tensor.tensor import tensor
from tests.ops.chain import Case, integers


def word(value):
    return np.array([value], np.uint32)


CASES = [
    Case(
        "gather_windows",
        [integers(steps * rows * (t + 1), high=50257), word(step)],
        batch_size=b,
        block_size=t,
        rows=rows,
        first=first,
    )
    for steps, rows, b, t, step, first in (
        (1, 1, 1, 1, 0, 0),
        (3, 5, 5, 67, 2, 0),
        (3, 5, 5, 13, 2**32 - 1, 0),
        (4, 6, 2, 33, 5, 4),
        (2, 64, 64, 17, 7, 0),
    )
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


def test_steps_by_hand(device):
    ring = tensor(device, list(range(2 * 2 * 4)), dtype="uint32")
    for step in range(5):
        inputs, targets = gather_windows(
            ring, tensor(device, [step], dtype="uint32"), batch_size=2, block_size=3, rows=2
        )
        first = 8 * (step % 2)
        assert inputs.numpy().tolist() == [[first, first + 1, first + 2], [first + 4, first + 5, first + 6]]
        assert targets.numpy().tolist() == [[first + 1, first + 2, first + 3], [first + 5, first + 6, first + 7]]


@pytest.mark.parametrize("length, attributes", [(7, {}), (0, {}), (8, {"first": 1})])
def test_invalid_ring_raises(length, attributes, cpu):
    with pytest.raises(ShapeError, match="expected a ring of steps with 2 windows of 4 tokens"):
        gather_windows(
            tensor(cpu, np.zeros(length, np.uint32), (length,), "uint32"),
            tensor(cpu, [0], dtype="uint32"),
            batch_size=2,
            block_size=3,
            rows=2,
            **attributes,
        )
