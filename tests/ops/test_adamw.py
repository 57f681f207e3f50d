import numpy as np
import pytest

from pygpt.errors import ShapeError
from pygpt.ops import adamw
from pygpt.tensor.tensor import tensor
from tests.ops.chain import Case, normal

ATTRIBUTES = {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.1}


def schedule(rows, rate=1e-3, beta1=0.9, beta2=0.999):
    t = np.arange(1, rows + 1)
    return np.stack([rate / t, 1 - beta1**t, 1 - beta2**t], axis=1).astype(np.float32)


def case(length, decayed, rows=5, step=0, scale=1.0, **attributes):
    inputs = [normal(length), np.array([scale], np.float32), schedule(rows), np.array([step], np.uint32)]
    out = [normal(length, seed=1), normal(length, seed=2, scale=0.1), abs(normal(length, seed=3, scale=0.01))]
    return Case("adamw", inputs, out=out, decayed=decayed, **{**ATTRIBUTES, **attributes})


CASES = [
    case(1, 0),
    case(1, 1, step=4),
    case(67, 64, step=2, scale=0.25),
    case(1009, 1009, step=9, beta2=0.95),
    case(40_009, 20_001, step=1, weight_decay=0.0),
    case(131, 66, step=3, coupled=True),
    case(64, 0, coupled=True),
    case(129, 50, rows=1, step=2**32 - 1, epsilon=1e-3),
]
# At the first step the moments are zero.
CASES += [
    Case(
        "adamw",
        [normal(33), np.ones(1, np.float32), schedule(3), np.zeros(1, np.uint32)],
        out=[normal(33, seed=1), np.zeros(33, np.float32), np.zeros(33, np.float32)],
        decayed=33,
        **ATTRIBUTES,
    )
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


def test_three_steps_match_the_formula(device):
    length, decayed, rows = 20_000, 128, schedule(3)
    p = normal(length).astype(np.float64)
    m, v = np.zeros(length), np.zeros(length)
    state = [
        tensor(device, normal(length)),
        tensor(device, np.zeros(length, np.float32)),
        tensor(device, np.zeros(length, np.float32)),
    ]
    for t in (1, 2, 3):
        g = normal(length, seed=t).astype(np.float64) * 0.5
        rate = 1e-3 / t
        p[:decayed] -= rate * 0.1 * p[:decayed]
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g * g
        p -= rate / (1 - 0.9**t) * m / (np.sqrt(v) / np.sqrt(1 - 0.999**t) + 1e-8)
        adamw(
            tensor(device, normal(length, seed=t)),
            tensor(device, [0.5]),
            tensor(device, rows, rows.shape),
            tensor(device, [t - 1], dtype="uint32"),
            out=state,
            decayed=decayed,
            **ATTRIBUTES,
        )
    for got, want in zip(state, (p, m, v), strict=True):
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-4, atol=1e-6)


def test_different_lengths_raise(device):
    flat, rows = [tensor(device, normal(length)) for length in (4, 4, 4, 5)], tensor(device, schedule(2), (2, 3))
    with pytest.raises(ShapeError, match=r"flat and of equal length, got \[4\], \[4\], \[4\], \[5\]"):
        adamw(
            flat[0],
            tensor(device, [1.0]),
            rows,
            tensor(device, [0], dtype="uint32"),
            out=flat[1:],
            decayed=0,
            **ATTRIBUTES,
        )


def test_schedule_without_three_columns_raises(device):
    flat = [tensor(device, normal(4)) for _ in range(4)]
    with pytest.raises(ShapeError, match=r"expected a schedule \(S, 3\).*got \[3, 2\]"):
        adamw(
            flat[0],
            tensor(device, [1.0]),
            tensor(device, schedule(2), (3, 2)),
            tensor(device, [0], dtype="uint32"),
            out=flat[1:],
            decayed=0,
            **ATTRIBUTES,
        )
