import numpy as np
import pytest

from pygpt.errors import ShapeError
from pygpt.ops import attention, attention_cached
from pygpt.tensor.tensor import empty, tensor
from tests.ops.chain import Case, normal

# (B, T, H, D, position): ones; the first row, the last and past it; primes; one, two, three times 64 keys; large heads.
SHAPES = [
    (1, 1, 1, 1, 0),
    (1, 16, 4, 4, 0),
    (2, 13, 3, 5, 6),
    (1, 13, 2, 7, 12),
    (1, 13, 2, 7, 40),
    (1, 64, 4, 32, 63),
    (1, 65, 3, 16, 64),
    (2, 131, 2, 6, 130),
    (1, 70, 2, 128, 66),
    (3, 9, 1, 65, 8),
]


# Windows that reach exactly to the first row, past it, and not as far; all group sizes; all options at once.
SWITCHED = [
    ((2, 13, 4, 5, 9), {"n_kv_head": 1}),
    ((1, 70, 6, 4, 66), {"n_kv_head": 2}),
    ((2, 13, 3, 5, 6), {"window": 1}),
    ((1, 131, 2, 6, 130), {"window": 70}),
    ((1, 13, 2, 7, 6), {"window": 7}),
    ((1, 13, 2, 7, 12), {"window": 99}),
    ((1, 90, 2, 8, 80), {"cap": 1.5}),
    ((1, 70, 6, 3, 69), {"alibi": True}),
    ((2, 13, 3, 5, 6), {"sinks": 1.0}),
    ((1, 9, 2, 4, 0), {"sinks": 30.0}),
    ((1, 90, 2, 8, 80), {"sinks": 30.0}),
    ((2, 90, 6, 5, 80), {"n_kv_head": 2, "window": 67, "cap": 2.0, "alibi": True, "sinks": 2.0}),
]


def case(b, t, h, d, position, scale=1.0, sinks=0.0, **switches):
    """`sinks` is the scale of the sinks; 0 means none."""
    width = (h + 2 * (switches.get("n_kv_head") or h)) * d
    return Case(
        "attention_cached",
        [scale * normal(b, 1, width), np.array([position], np.uint32), normal(h, scale=sinks) if sinks else None],
        out=[scale * normal(b, t, width, seed=1), np.zeros((b, 1, h * d), np.float32)],
        n_head=h,
        **switches,
    )


CASES = [case(*shape) for shape in SHAPES] + [case(1, 90, 2, 8, 80, scale=np.float32(6.0))]
CASES += [case(*shape, **options) for shape, options in SWITCHED]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


@pytest.mark.parametrize(
    "switches",
    [
        {},
        {"n_kv_head": 1},
        {"window": 4},
        {"cap": 1.0},
        {"alibi": True},
        {"sinks": 1.0},
        {"n_kv_head": 1, "window": 6, "cap": 2.0, "alibi": True, "sinks": 2.0},
    ],
    ids=str,
)
@pytest.mark.parametrize("filled", [0, 1, 5, 12])
def test_token_by_token_equals_the_whole_window(device, filled, switches):
    """Rows before `filled` come from a forward pass, with NaN after them; the others are added one by one."""
    b, t, h, d = 2, 13, 3, 4
    switches = {"n_head": h, **switches}
    qkv = normal(b, t, (h + 2 * switches.get("n_kv_head", h)) * d)
    size = switches.pop("sinks", None)
    sinks = None if size is None else tensor(device, normal(h, scale=size), (h,))
    whole = attention(tensor(device, qkv, qkv.shape), None, None, sinks, **switches)[0].numpy()
    start = qkv.copy()
    start[:, filled:] = np.nan
    cache = tensor(device, start, start.shape)
    for place in range(filled, t):
        row = np.ascontiguousarray(qkv[:, place : place + 1])
        y = empty(device, (b, 1, h * d))
        position = tensor(device, [place], dtype="uint32")
        attention_cached(tensor(device, row, row.shape), position, sinks, out=(cache, y), **switches)
        np.testing.assert_allclose(y.numpy()[:, 0], whole[:, place], rtol=1e-4, atol=1e-5)
    assert cache.numpy().tobytes() == qkv.tobytes()


def test_invalid_arguments_raise(cpu):
    place = tensor(cpu, [0], dtype="uint32")
    for row, cache, y in (
        ((1, 2, 6), (1, 4, 6), (1, 1, 2)),
        ((1, 1, 6), (2, 4, 6), (1, 1, 2)),
        ((1, 1, 6), (1, 4, 6), (1, 1, 3)),
    ):
        with pytest.raises(
            ShapeError,
            match=r"expected qkv \(B, 1, W\), a cache \(B, T, W\) and y \(B, 1, H D\) where W is the width for 2",
        ):
            attention_cached(empty(cpu, row), place, out=(empty(cpu, cache), empty(cpu, y)), n_head=2)
    for cache in ((1, 4, 9), (4, 6)):
        with pytest.raises(
            ShapeError, match=r"attention_cached: qkv must be \(B, T, W\) with W a multiple of 2 \+ 2 \* 2"
        ):
            attention_cached(empty(cpu, (1, 1, 6)), place, out=(empty(cpu, cache), empty(cpu, (1, 1, 2))), n_head=2)
