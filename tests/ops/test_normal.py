import math

import numpy as np
import pytest

from pygpt.ops import normal
from pygpt.ops.threefry import INIT, threefry2x32
from pygpt.tensor.tensor import empty, tensor
from tests.ops.chain import Case

CASES = [
    Case("normal", [np.array([seed], np.uint32)], out=[np.zeros(shape, np.float32)], std=std, purpose=INIT + site)
    for seed, shape, std, site in (
        (0, (1,), 1.0, 0),
        (1337, (67,), 0.02, 1),
        (2**32 - 1, (17, 31), 0.02, 2),
        (7, (20011,), 3.0, 65535),
    )
]


def random_numbers(device, length, seed=1337, std=1.0, purpose=INIT):
    y = empty(device, (length,))
    normal(tensor(device, [seed], dtype="uint32"), out=y, std=std, purpose=purpose)
    return y.numpy()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


def test_all_devices_give_the_same_bits(cpu, gpu):
    for std in (1.0, 0.02, 0.02 / 12**0.5):
        np.testing.assert_array_equal(
            random_numbers(cpu, 40_001, std=std).view(np.uint32), random_numbers(gpu, 40_001, std=std).view(np.uint32)
        )


def test_one_element_by_hand(cpu):
    words = [int(word) for counter in range(3) for word in threefry2x32(1337, INIT, 5, counter)]
    total = sum((word & 0xFFFF) + (word >> 16) for word in words) - 393210
    assert random_numbers(cpu, 6)[5] == total / 65536


def test_distribution(cpu):
    z = random_numbers(cpu, 100_000).astype(np.float64)
    assert abs(z.mean()) < 4 / 100_000**0.5
    assert abs(z.std() - 1) < 4 / 200_000**0.5
    assert abs((z**4).mean() - 2.9) < 0.15
    assert np.abs(z).max() < 6
    for bound in (1, 2, 3, 4):
        share = 2 * irwin_hall(6 - bound)
        assert abs((np.abs(z) > bound).mean() - share) < 4 * (share / 100_000) ** 0.5, bound


def irwin_hall(x):
    """The probability that twelve uniform numbers add up to less than x."""
    return sum((-1) ** k * math.comb(12, k) * (x - k) ** 12 for k in range(x)) / math.factorial(12)


def test_seeds_and_purposes_are_independent(cpu):
    base = random_numbers(cpu, 20_000)
    for other in (
        random_numbers(cpu, 20_000, seed=1338),
        random_numbers(cpu, 20_000, purpose=INIT + 1),
        np.roll(base, 1),
    ):
        assert abs(np.corrcoef(base, other)[0, 1]) < 4 / 20_000**0.5
