import numpy as np
import pytest

from pygpt.errors import ShapeError
from pygpt.ops import momentum
from pygpt.tensor.tensor import tensor
from tests.ops.chain import Case, normal


def case(length, decayed, beta=0.9, nesterov=False, weight_decay=0.1, scale=0.5):
    return Case(
        "momentum",
        [normal(length), np.array([scale], np.float32)],
        out=[normal(length, seed=1), normal(length, seed=2)],
        beta=beta,
        nesterov=nesterov,
        weight_decay=weight_decay,
        decayed=decayed,
    )


CASES = [
    case(1, 0),
    case(1, 1, nesterov=True),
    case(67, 64),
    case(1009, 1009, nesterov=True, beta=0.95),
    case(130, 66, weight_decay=0.0),
    case(70_001, 66_003, nesterov=True),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


@pytest.mark.parametrize("nesterov", [False, True])
def test_three_steps_match_the_formula(nesterov, device):
    length, decayed = 20_000, 70
    p, v = normal(length).astype(np.float64), np.zeros(length)
    parameter, velocity = tensor(device, normal(length)), tensor(device, np.zeros(length, np.float32))
    for t in (1, 2, 3):
        g = 0.5 * normal(length, seed=t).astype(np.float64)
        g[:decayed] += 0.1 * p[:decayed]
        v = 0.9 * v + g
        direction = g + 0.9 * v if nesterov else v
        gradient = tensor(device, normal(length, seed=t))
        momentum(
            parameter,
            tensor(device, [0.5]),
            out=(gradient, velocity),
            beta=0.9,
            nesterov=nesterov,
            weight_decay=0.1,
            decayed=decayed,
        )
        np.testing.assert_allclose(gradient.numpy(), direction, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(velocity.numpy(), v, rtol=1e-4, atol=1e-6)


def test_different_lengths_raise(device):
    flat = [tensor(device, normal(length)) for length in (4, 4, 5)]
    with pytest.raises(ShapeError, match=r"flat and of equal length, got \[4\], \[4\], \[5\]"):
        momentum(flat[0], tensor(device, [1.0]), out=flat[1:], beta=0.9, nesterov=False, weight_decay=0.0, decayed=0)
