import numpy as np
import pytest

from pygpt.errors import ShapeError
from pygpt.ops import pack
from pygpt.tensor.tensor import tensor
from tests.ops.chain import Case, normal

CASES = [
    Case(
        "pack",
        [normal(*shape, seed=index) for index, shape in enumerate(shapes)],
        out=[normal(length, seed=9)],
        start=start,
    )
    for shapes, length, start in (
        ([(1,)], 1, 0),
        ([(3, 5)], 200, 64),
        ([(64,), (65,), (1,)], 300, 0),
        ([(7, 13), (128,)], 1000, 128),
        ([(1,), (64,), (63,), (65,), (2, 3, 5), (1009,), (17,)], 1473, 0),
        ([(1,), (64,), (63,), (65,), (2, 3, 5), (1009,), (17,)], 3000, 640),
    )
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


def test_by_hand(device):
    y = tensor(device, np.full(300, -1.0, np.float32))
    pack(
        tensor(device, [1.0, 2.0]), tensor(device, np.full(65, 3.0, np.float32)), tensor(device, [4.0]), out=y, start=64
    )
    want = np.full(300, -1.0, np.float32)
    want[64:66], want[128:193], want[256] = (1, 2), 3, 4
    np.testing.assert_array_equal(y.numpy(), want)


def test_bits_are_copied(device):
    """The bits of infinities and of negative zero do not change."""
    x = np.array([np.inf, -np.inf, -0.0, 3e38], np.float32)
    y = tensor(device, np.zeros(4, np.float32))
    pack(tensor(device, x), out=y)
    assert y.read() == x.tobytes()


@pytest.mark.parametrize("length, start", [(64, 0), (1000, 32)])
def test_tensors_that_do_not_fit_raise(device, length, start):
    with pytest.raises(
        ShapeError, match=rf"\[60\], \[2, 3\] from element {start} do not fit in \[{length}\] in steps of 64"
    ):
        pack(
            tensor(device, normal(60)),
            tensor(device, normal(2, 3), (2, 3)),
            out=tensor(device, normal(length)),
            start=start,
        )
