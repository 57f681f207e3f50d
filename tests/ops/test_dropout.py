import numpy as np
import pytest

from pygpt.errors import ShapeError
from pygpt.ops import dropout
from pygpt.ops.threefry import DROPOUT, threefry2x32
from pygpt.tensor.tensor import tensor
from tests.ops.chain import Case, normal


def word(value):
    return np.array([value], np.uint32)


CASES = [
    Case(
        "dropout",
        [normal(*shape), word(seed), word(step), normal(*shape, seed=1) if site % 2 else None],
        rate=rate,
        purpose=DROPOUT + site,
    )
    for shape, seed, step, rate, site in (
        ((1,), 0, 0, 0.5, 0),
        ((1,), 3, 0, 0.5, 0),
        ((2,), 1, 2, 0.1, 1),
        ((7, 13), 1337, 9, 0.2, 2),
        ((64, 129), 2**32 - 1, 2**32 - 1, 0.9, 3),
        ((33,), 5, 5, 0.0, 4),
    )
]


def apply_dropout(device, x, seed=1, step=0, rate=0.2, purpose=DROPOUT):
    return dropout(
        tensor(device, x, x.shape),
        tensor(device, [seed], dtype="uint32"),
        tensor(device, [step], dtype="uint32"),
        rate=rate,
        purpose=purpose,
    ).numpy()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


@pytest.mark.parametrize("case", CASES[2:], ids=str)
def test_gradient(case):
    case.check_gradient()


def test_all_devices_give_the_same_bits(cpu, gpu):
    np.testing.assert_array_equal(apply_dropout(cpu, normal(1001)), apply_dropout(gpu, normal(1001)))


def test_two_elements_share_a_threefry_call(cpu):
    kept = apply_dropout(cpu, np.ones(7, np.float32), seed=11, step=3, rate=0.5, purpose=DROPOUT + 1) > 0
    words = [int(w) for i in range(4) for w in threefry2x32(11, DROPOUT + 1, i, 3)]
    assert kept.tolist() == [w >= 2**31 for w in words[:7]]


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
def test_dropped_share_and_mean(cpu, rate):
    y = apply_dropout(cpu, np.ones(100_000, np.float32), rate=rate)
    deviation = 4 * (rate * (1 - rate) / 100_000) ** 0.5
    assert abs((y == 0).mean() - rate) <= deviation
    assert abs(y.mean() - 1) <= deviation / (1 - rate) + 1e-6


def test_steps_and_sites_differ(cpu):
    ones = np.ones(1000, np.float32)
    base = apply_dropout(cpu, ones, rate=0.5)
    for other in (
        apply_dropout(cpu, ones, rate=0.5, step=1),
        apply_dropout(cpu, ones, rate=0.5, purpose=DROPOUT + 1),
        apply_dropout(cpu, ones, rate=0.5, seed=2),
    ):
        assert 0.4 < (base == other).mean() < 0.6


def test_dropped_infinity_is_zero(device):
    y = apply_dropout(device, np.full(64, np.float32(np.inf)), rate=0.5)
    assert set(y.tolist()) == {0.0, np.inf}


def test_rate_of_one_raises(cpu):
    with pytest.raises(ShapeError, match="less than 1, got 1.0"):
        apply_dropout(cpu, normal(3), rate=1.0)
