import numpy as np
import pytest

from pygpt.errors import ShapeError
from pygpt.ops import clip_scale, square_sum
from pygpt.tensor.tensor import tensor
from tests.ops.chain import Case, normal

CASES = [
    Case("square_sum", [normal(*shape)], **attributes)
    for shape, attributes in (
        ((1,), {}),
        ((63,), {}),
        ((65,), {}),
        ((7, 13, 17), {}),
        ((1009,), {"parts": 3}),
        ((300_007,), {}),
        ((4096,), {"parts": 1}),
    )
]
CASES += [
    Case("clip_scale", [abs(normal(length))], max_norm=max_norm)
    for length, max_norm in ((1, 1.0), (67, 1.0), (1024, 0.0), (1024, 1e3), (4099, 0.5))
]
CASES += [Case("clip_scale", [np.zeros(5, np.float32)], max_norm=1.0)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


@pytest.mark.parametrize("length", [1, 64, 1000, 100_003])
def test_norm(device, length):
    x = normal(length)
    scale, norm = clip_scale(square_sum(tensor(device, x)), max_norm=1.0)
    want = np.linalg.norm(x.astype(np.float64))
    np.testing.assert_allclose(norm.numpy(), [want], rtol=1e-5)
    np.testing.assert_allclose(scale.numpy(), [min(1.0, 1.0 / (want + 1e-6))], rtol=1e-5)


def test_small_gradient_is_not_scaled(device):
    scale, _ = clip_scale(square_sum(tensor(device, [0.3, 0.4])), max_norm=1.0)
    assert scale.tolist() == [1.0]


def test_each_run_gives_the_same_bits(gpu):
    x = tensor(gpu, normal(100_003))
    assert square_sum(x).read() == square_sum(x).read()


def test_partial_sums_that_are_not_flat_raise(cpu):
    with pytest.raises(ShapeError, match=r"expected partial sums \(P,\), got \[2, 1\]"):
        clip_scale(tensor(cpu, [1.0, 2.0], (2, 1)), max_norm=1.0)
