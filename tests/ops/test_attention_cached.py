import numpy as np
import pytest

from pygpt.errors import ShapeError
from pygpt.ops import attention, attention_cached
from pygpt.tensor import empty, tensor
from tests.ops.chain import Case, normal

# (B, T, H, D, position): ones, the first row, the last and beyond; primes; one, two and three times 64 keys; large heads.
SHAPES = [(1, 1, 1, 1, 0), (1, 16, 4, 4, 0), (2, 13, 3, 5, 6), (1, 13, 2, 7, 12), (1, 13, 2, 7, 40), (1, 64, 4, 32, 63),
          (1, 65, 3, 16, 64), (2, 131, 2, 6, 130), (1, 70, 2, 128, 66), (3, 9, 1, 65, 8)]


def case(b, t, h, d, position, scale=1.0):
    return Case("attention_cached", [scale * normal(b, 1, 3 * h * d), np.array([position], np.uint32)],
                out=[scale * normal(b, t, 3 * h * d, seed=1), np.zeros((b, 1, h * d), np.float32)], n_head=h)


CASES = [case(*shape) for shape in SHAPES] + [case(1, 90, 2, 8, 80, scale=np.float32(6.0))]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


@pytest.mark.parametrize("filled", [0, 1, 5, 12])
def test_token_by_token_equals_the_whole_window(device, filled):
    """The first rows from a forward pass that goes on with garbage, the others one by one: what attention gives at once."""
    b, t, h, d = 2, 13, 3, 4
    qkv = normal(b, t, 3 * h * d)
    whole = attention(tensor(device, qkv, qkv.shape), n_head=h)[0].numpy()
    start = qkv.copy()
    start[:, filled:] = np.nan
    cache = tensor(device, start, start.shape)
    for place in range(filled, t):
        row = np.ascontiguousarray(qkv[:, place:place + 1])
        y = empty(device, (b, 1, h * d))
        attention_cached(tensor(device, row, row.shape), tensor(device, [place], dtype="uint32"), out=(cache, y), n_head=h)
        np.testing.assert_allclose(y.numpy()[:, 0], whole[:, place], rtol=1e-4, atol=1e-5)
    assert cache.numpy().tobytes() == qkv.tobytes()


def test_mistakes_are_named(cpu):
    place = tensor(cpu, [0], dtype="uint32")
    for row, cache, y in (((1, 1, 9), (1, 4, 9), (1, 1, 3)), ((1, 2, 6), (1, 4, 6), (1, 1, 2)), ((1, 1, 6), (4, 6), (1, 1, 2))):
        with pytest.raises(ShapeError, match=r"C a multiple of 2 heads, a cache \(B, T, 3 C\)"):
            attention_cached(empty(cpu, row), place, out=(empty(cpu, cache), empty(cpu, y)), n_head=2)
