import numpy as np
import pytest

from pygpt.errors import ShapeError
from pygpt.ops import exact_match
from pygpt.tensor.tensor import tensor
from tests.ops.chain import Case, integers, normal


def questions(b, t, v, mistakes):
    """Return logits and targets. Rows in turn match, have `mistakes` wrong targets, or have only targets of -1."""
    logits = normal(b, t, v)
    targets = logits.argmax(axis=-1).astype(np.int32)
    targets[:, : t // 3] = -1
    for row in range(1, b, 3):
        for place in range(t - mistakes, t):
            targets[row, place] = (targets[row, place] + 1) % v
    targets[2::3] = -1
    return [logits, targets]


CASES = [
    Case("exact_match", questions(b, t, v, mistakes))
    for b, t, v, mistakes in ((1, 1, 2, 0), (3, 5, 13, 1), (7, 64, 65, 1), (5, 130, 7, 2), (257, 3, 5, 1))
]
CASES += [
    Case("exact_match", [np.zeros((3, 2, 4), np.float32), np.array([[0, 0], [0, 1], [-1, 3]], np.int32)]),
    Case("exact_match", [normal(9, 4, 300), integers(9, 4, high=300, dtype=np.int32)]),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


def test_by_hand(device):
    logits = np.zeros((4, 3, 3), np.float32)
    logits[:, 1, 2] = logits[:, 2, 1] = 1.0  # the most likely are 0 (the first of equals), 2, 1
    targets = np.array([[0, 2, 1], [-1, 2, 0], [-1, 2, 1], [-1, -1, -1]], np.int32)
    correct, scored = exact_match(tensor(device, logits, logits.shape), tensor(device, targets, targets.shape, "int32"))
    assert correct.tolist() == [1.0, 0.0, 1.0, 0.0]
    assert scored.tolist() == [0, 0, 0, -1]


def test_unsigned_targets_raise(cpu):
    with pytest.raises(ShapeError, match=r"got \[2, 3, 4\] and uint32\[2, 3\]"):
        exact_match(tensor(cpu, normal(2, 3, 4), (2, 3, 4)), tensor(cpu, integers(2, 3, high=4), (2, 3), "uint32"))


@pytest.mark.parametrize("place", range(5))
def test_a_nan_is_no_match(device, place):
    logits = np.float32([[[0, 1, 5, 1, 0], [9, 0, 0, 0, 0]]])
    targets = tensor(device, np.int32([[2, -1]]), (1, 2), dtype="int32")
    assert exact_match(tensor(device, logits, (1, 2, 5)), targets)[0].tolist() == [1.0]
    logits[0, 0, place] = np.nan
    assert exact_match(tensor(device, logits, (1, 2, 5)), targets)[0].tolist() == [0.0]
