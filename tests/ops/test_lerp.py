import numpy as np
import pytest

from pygpt.errors import ShapeError
from pygpt.ops import lerp, running_share
from pygpt.tensor.tensor import tensor
from tests.ops.chain import Case, normal


def number(value):
    return np.array([value], np.float32)


CASES = [
    Case(
        "lerp",
        [normal(*shape), np.abs(normal(shares, scale=0.3)), np.array([step], np.uint32)],
        out=[normal(*shape, seed=1)],
    )
    for shape, shares, step in (((1,), 1, 0), ((3, 5), 1, 7), ((1009,), 4, 2), ((70_001,), 3, 2**32 - 1))
]
CASES += [
    Case("running_share", [number(count)], out=[number(total), number(9.0)])
    for count, total in ((3.0, 0.0), (768.0, 1536.0), (0.0, 0.0), (0.0, 5.0))
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


def test_running_mean_of_parts_is_the_mean(device):
    parts = [normal(length, seed=length) for length in (4, 1, 7)]
    mean, total, share = (tensor(device, [0.0]) for _ in range(3))
    step = tensor(device, [0], dtype="uint32")
    for part in parts:
        running_share(tensor(device, [float(len(part))]), out=(total, share))
        lerp(tensor(device, [float(part.mean())]), share, step, out=mean)
    np.testing.assert_allclose(mean.numpy(), np.concatenate(parts).mean(), rtol=1e-5)
    assert total.tolist() == [12.0]


def test_different_shapes_raise(device):
    with pytest.raises(ShapeError, match=r"x and y of the same shape and shares \(S,\), got \[4\], \[5\] and \[1\]"):
        lerp(
            tensor(device, normal(4)),
            tensor(device, [0.5]),
            tensor(device, [0], dtype="uint32"),
            out=tensor(device, normal(5)),
        )
    with pytest.raises(ShapeError, match=r"total and share \(1,\), got \[2\]"):
        running_share(tensor(device, [1.0, 2.0]), out=(tensor(device, [0.0]), tensor(device, [0.0])))
