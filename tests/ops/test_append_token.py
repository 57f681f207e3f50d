import numpy as np
import pytest

from pygpt.errors import ShapeError
from pygpt.ops import NO_TOKEN, append_token
from pygpt.tensor.tensor import tensor
from tests.ops.chain import Case, integers


def word(value):
    return np.array([value], np.uint32)


# (T, position, L, count): free space, the last element, full windows of even and odd length.
CASES = [
    Case(
        "append_token",
        [word(77), word(count % 2)],
        out=[integers(t, high=1000), word(position), integers(output_length, high=1000, seed=1), word(count)],
    )
    for t, position, output_length, count in (
        (1, 0, 1, 0),
        (2, 1, 1, 5),
        (3, 2, 2, 5),
        (13, 3, 7, 6),
        (13, 11, 7, 7),
        (13, 12, 7, 8),
        (64, 63, 100, 3),
        (65, 64, 100, 3),
        (1024, 1023, 17, 40),
        (1009, 1007, 17, 2**32 - 1),
    )
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


def test_full_window_is_cut_to_its_newest_half(device):
    broken, window, position, output, count = (
        tensor(device, data, dtype="uint32") for data in ([0], [1, 0, 0, 0, 0], [0], [0] * 4, [0])
    )
    seen = []
    for token in range(2, 10):
        append_token(tensor(device, [token], dtype="uint32"), broken, out=(window, position, output, count))
        seen.append(window.tolist()[: position.tolist()[0] + 1])
    assert seen == [
        [1, 2],
        [1, 2, 3],
        [1, 2, 3, 4],
        [1, 2, 3, 4, 5],
        [4, 5, 6],
        [4, 5, 6, 7],
        [4, 5, 6, 7, 8],
        [7, 8, 9],
    ]
    assert (output.tolist(), count.tolist()) == ([6, 7, 8, 9], [8])
    append_token(
        tensor(device, [10], dtype="uint32"),
        tensor(device, [1], dtype="uint32"),
        out=(window, position, output, count),
    )
    assert output.tolist() == [NO_TOKEN, 7, 8, 9] and window.tolist()[: position.tolist()[0] + 1] == [7, 8, 9, 10]


def test_several_tokens_raise(device):
    broken, *out = [tensor(device, data, dtype="uint32") for data in ([0], [0] * 3, [0], [0] * 4, [0])]
    with pytest.raises(ShapeError, match=r"got \[2\], \[3\] and \[4\]"):
        append_token(tensor(device, [1, 2], dtype="uint32"), broken, out=out)
