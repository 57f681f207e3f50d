import numpy as np
import pytest

from pygpt.errors import ShapeError
from pygpt.ops import append
from pygpt.tensor import tensor
from tests.ops.chain import Case, integers


def word(value):
    return np.array([value], np.uint32)


# (T, length, L, count): room, the last place, and full windows that move by less, as much and more than 64 tokens.
CASES = [Case("append", [word(77)], out=[integers(t, high=1000), word(length), integers(places, high=1000, seed=1),
                                         word(count)])
         for t, length, places, count in ((1, 0, 1, 0), (1, 1, 1, 5), (13, 4, 7, 6), (13, 12, 7, 7), (13, 13, 7, 8),
                                          (64, 64, 100, 3), (65, 65, 100, 3), (66, 66, 3, 2), (1024, 1024, 17, 40),
                                          (1009, 1008, 17, 2**32 - 1))]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


def test_a_window_fills_and_then_moves(device):
    window, length, output, count = (tensor(device, data, dtype="uint32") for data in ([0] * 3, [0], [0] * 4, [0]))
    for token in range(1, 7):
        append(tensor(device, [token], dtype="uint32"), out=(window, length, output, count))
        if token == 2:
            assert (window.tolist(), length.tolist()) == ([1, 2, 0], [2])
    assert (window.tolist(), length.tolist()) == ([4, 5, 6], [3])
    assert (output.tolist(), count.tolist()) == ([5, 6, 3, 4], [6])


def test_one_token_at_a_time(device):
    made = [tensor(device, data, dtype="uint32") for data in ([0] * 3, [0], [0] * 4, [0])]
    with pytest.raises(ShapeError, match=r"got \[2\], \[3\] and \[4\]"):
        append(tensor(device, [1, 2], dtype="uint32"), out=made)
