import numpy as np
import pytest

from pygpt.errors import ShapeError
from pygpt.ops import mean_valid
from pygpt.tensor.tensor import Node, backward, tensor
from tests.ops.chain import Case, integers, normal

# One row, fewer rows than the workgroup's 64 invocations, a remainder, many.
SHAPES = [(1,), (13,), (5, 13), (64,), (7, 131)]


def targets(*shape):
    return integers(*shape, low=-1, high=3, dtype=np.int32)


FORWARD = [Case("mean_valid", [normal(int(np.prod(shape))) + np.float32(2.0), targets(*shape)]) for shape in SHAPES]
FORWARD += [Case("mean_valid", [normal(67), targets(67)], ignore_index=2)]
NONE = Case("mean_valid", [normal(5), np.full(5, -1, np.int32)])
CASES = FORWARD + [NONE]
CASES += [Case("mean_valid_gradient", [normal(1), targets(*shape), np.float32([7.0])]) for shape in SHAPES]
CASES += [Case("mean_valid_gradient", [normal(1), np.full(5, -1, np.int32), np.float32([0.0])])]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


@pytest.mark.parametrize("case", FORWARD + [NONE], ids=str)
def test_gradient(case):
    case.check_gradient()


def test_no_valid_target_gives_zero_mean_and_gradient(device):
    loss = tensor(device, normal(3), (3,))
    loss.node = Node()
    mean, count = mean_valid(loss, tensor(device, [-1, -1, -1], dtype="int32"))
    assert (mean.tolist(), count.tolist()) == ([0.0], [0.0])
    assert backward(mean, [loss])[0].tolist() == [0.0, 0.0, 0.0]


def test_different_numbers_of_losses_and_targets_raise(cpu):
    with pytest.raises(ShapeError, match=r"as many losses .* got \[2\] and int32\[3\]"):
        mean_valid(tensor(cpu, normal(2)), tensor(cpu, [0, 1, 2], dtype="int32"))
