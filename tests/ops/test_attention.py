import numpy as np
import pytest

from pygpt.errors import ShapeError
from pygpt.ops import attention, attention_delta, attention_sinks_gradient
from pygpt.ops.threefry import threefry2x32
from pygpt.tensor.tensor import tensor
from tests.ops.chain import Case, normal

# (B, T, H, D): ones, primes, head sizes that 4 does not divide, remainders of 4 queries, 8 keys and 32 x 32 tiles, the
# largest head.
SHAPES = [(1, 1, 1, 1), (2, 7, 3, 5), (3, 8, 1, 4), (1, 33, 2, 6), (2, 13, 2, 128), (1, 67, 1, 3), (1, 65, 2, 41)]
# Two tiles of the twin, the second shorter; several sequences at a time and a remainder.
LONG = (9, 131, 4, 3)
DROPPED = [(2, 13, 3, 5), (1, 67, 2, 4)]
SEED, STEP = np.uint32([1337]), np.uint32([42])
RATE = {"rate": 0.3, "purpose": 7}


# Options: fewer key/value heads (one, two, all), windows (one token, several, smaller and larger than a tile of 32 or
# 64, all tokens except one, larger than T), small and large caps, ALiBi slopes for 1, 2, 3, 6 and 8 heads, sinks.
SWITCHED = [
    ((2, 7, 3, 5), {"n_kv_head": 1}),
    ((1, 33, 6, 4), {"n_kv_head": 2}),
    ((2, 13, 4, 6), {"n_kv_head": 4}),
    ((1, 67, 4, 41), {"n_kv_head": 2}),
    ((1, 67, 1, 3), {"window": 1}),
    ((2, 67, 2, 5), {"window": 5}),
    ((1, 131, 2, 3), {"window": 40}),
    ((1, 200, 1, 4), {"window": 70}),
    ((1, 33, 2, 4), {"window": 32}),
    ((1, 33, 2, 4), {"window": 100}),
    ((2, 19, 2, 8), {"cap": 1.5}),
    ((1, 67, 1, 3), {"cap": 30.0}),
    ((1, 9, 1, 4), {"alibi": True}),
    ((1, 35, 8, 3), {"alibi": True}),
    ((2, 13, 3, 5), {"alibi": True}),
    ((2, 13, 3, 5), {"sinks": 1.0}),
    ((1, 67, 2, 4), {"sinks": 30.0}),
    ((2, 37, 6, 5), {"n_kv_head": 2, "window": 11, "cap": 2.0, "alibi": True, "sinks": 2.0}),
    ((1, 131, 2, 6), {"n_kv_head": 1, "window": 50, "cap": 3.0, "sinks": 1.0}),
    ((1, 70, 4, 36), {"n_kv_head": 2, "window": 33, "alibi": True}),
]
SWITCHED_AND_DROPPED = [
    ((2, 37, 6, 5), {"n_kv_head": 3, "window": 9, "cap": 2.0, "alibi": True, "sinks": 1.0}),
    ((1, 99, 2, 4), {"window": 20}),
]


def forward(b, t, h, d, scale=1.0, dropped=False, sinks=0.0, **switches):
    """`sinks` is the scale of the sinks; 0 means none."""
    qkv = np.float32(scale) * normal(b, t, (h + 2 * (switches.get("n_kv_head") or h)) * d)
    random_inputs, rate = ([SEED, STEP], RATE) if dropped else ([None, None], {})
    return Case(
        "attention", [qkv, *random_inputs, normal(h, scale=sinks) if sinks else None], n_head=h, **rate, **switches
    )


def saved(b, t, h, d, **options):
    """Return inputs of the gradient kernels: dy, and log_sum_exp and delta for the inputs of a case."""
    y, log_sum_exp = forward(b, t, h, d, **options).expected()
    dy = normal(b, t, h * d, seed=1)
    delta = (dy * y).reshape(b, t, h, d).sum(axis=-1).swapaxes(1, 2)
    return dy, *(np.ascontiguousarray(array, np.float32) for array in (log_sum_exp, delta))


def gradient(b, t, h, d, **options):
    case, (dy, log_sum_exp, delta) = forward(b, t, h, d, **options), saved(b, t, h, d, **options)
    qkv, seed, step, _ = case.inputs
    return Case("attention_gradient", [dy, qkv, log_sum_exp, delta, seed, step], **case.attributes)


def sinks_gradient(b, t, h, d, **options):
    sinks = forward(b, t, h, d, **options).inputs[3]
    return Case("attention_sinks_gradient", [sinks, *saved(b, t, h, d, **options)[1:]])


PLAIN = [(shape, {}) for shape in SHAPES] + [(shape, {"dropped": True}) for shape in DROPPED]
OPTIONS = PLAIN + SWITCHED + [(shape, {**options, "dropped": True}) for shape, options in SWITCHED_AND_DROPPED]
FORWARD = [forward(*shape, **options) for shape, options in OPTIONS]
CASES = FORWARD + [forward(*LONG), forward(2, 19, 2, 8, scale=6.0), forward(2, 19, 2, 8, scale=6.0, cap=8.0)]
CASES += [gradient(*shape, **options) for shape, options in [*OPTIONS, (LONG, {})]]
CASES += [
    Case("attention_delta", [normal(b, t, h * d), normal(b, t, h * d, seed=1)], n_head=h) for b, t, h, d in SHAPES
]
CASES += [
    sinks_gradient(*shape, **options)
    for shape, options in [*OPTIONS, ((3, 131, 4, 3), {"sinks": 1.0})]
    if "sinks" in options
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


@pytest.mark.parametrize("case", FORWARD, ids=str)
def test_gradient(case):
    case.check_gradient()


def test_gradient_over_several_tiles():
    forward(*LONG).check_gradient()
    forward(*LONG, dropped=True).check_gradient()
    forward(*LONG, n_kv_head=2, window=80, sinks=1.0).check_gradient()


# From the published code of ALiBi, for 1, 2, 3, 4, 6 and 8 heads.
SLOPES = {
    1: [2**-8],
    2: [2**-4, 2**-8],
    3: [2**-4, 2**-8, 2**-2],
    4: [1 / 4, 1 / 16, 1 / 64, 1 / 256],
    6: [1 / 4, 1 / 16, 1 / 64, 1 / 256, 1 / 2, 1 / 8],
    8: [2**-n for n in range(1, 9)],
}


def reference(qkv, n_head, kept=1.0, n_kv_head=0, window=0, cap=0.0, alibi=False, sinks=None):
    """Attention by its formula, with all probabilities in memory."""
    b, t, width = qkv.shape
    key_heads = n_kv_head or n_head
    heads = qkv.astype(np.float64).reshape(b, t, n_head + 2 * key_heads, -1).swapaxes(1, 2)
    q, k, v = np.split(heads, [n_head, n_head + key_heads], axis=1)
    k, v = (np.repeat(part, n_head // key_heads, axis=1) for part in (k, v))
    scores = q @ k.swapaxes(2, 3) / np.sqrt(q.shape[-1])
    if cap:
        scores = cap * np.tanh(scores / cap)
    behind = np.arange(t)[:, None] - np.arange(t)
    if alibi:
        scores -= np.array(SLOPES[n_head])[:, None, None] * behind
    scores = np.where((behind >= 0) & (behind < (window or t)), scores, -np.inf)
    if sinks is not None:
        scores = np.concatenate([scores, np.broadcast_to(sinks[:, None, None], (b, n_head, t, 1))], axis=-1)
    p = np.exp(scores - scores.max(axis=-1, keepdims=True))
    p = (p / p.sum(axis=-1, keepdims=True))[..., :t]
    return (p * kept @ v).swapaxes(1, 2).reshape(b, t, -1)


@pytest.mark.parametrize("shape, options", [*PLAIN[: len(SHAPES)], (LONG, {}), *SWITCHED], ids=str)
def test_equals_the_formula(cpu, shape, options):
    case = forward(*shape, **options)
    qkv, _, _, sinks = case.inputs
    y, _ = attention(
        tensor(cpu, qkv, qkv.shape),
        None,
        None,
        None if sinks is None else tensor(cpu, sinks, sinks.shape),
        **case.attributes,
    )
    np.testing.assert_allclose(y.numpy(), reference(qkv, sinks=sinks, **case.attributes), rtol=1e-4, atol=1e-5)


def test_window_skips_keys_outside(device):
    """Keys outside the window are NaN, which masking alone would not remove."""
    qkv = normal(1, 300, 12)
    qkv[:, :100] = np.nan
    y = attention(tensor(device, qkv, qkv.shape), n_head=1, window=10)[0].numpy()
    assert np.isfinite(y[:, 140:]).all() and np.isnan(y[:, 100:109]).all()


def test_dropout_mask_matches_threefry(device):
    b, t, h, d = 2, 70, 2, 4
    qkv = normal(b, t, 3 * h * d)
    seed, step = tensor(device, [2**32 - 5], dtype="uint32"), tensor(device, [3], dtype="uint32")
    index = np.arange(b * h * t * t, dtype=np.uint32).reshape(b, h, t, t)
    kept = threefry2x32(2**32 - 5, 9, index, 3)[0] >= int(0.25 * 2**32)
    y, _ = attention(tensor(device, qkv, qkv.shape), seed, step, n_head=h, rate=0.25, purpose=9)
    np.testing.assert_allclose(y.numpy(), reference(qkv, h, kept / 0.75), rtol=1e-4, atol=1e-5)


def test_dropout_depends_on_seed_step_and_purpose(device):
    qkv = tensor(device, normal(1, 9, 24), (1, 9, 24))

    def run(seed, step, purpose):
        words = [tensor(device, [word], dtype="uint32") for word in (seed, step)]
        return attention(qkv, *words, n_head=2, rate=0.5, purpose=purpose)[0].read()

    assert run(1, 2, 3) == run(1, 2, 3)
    assert len({run(1, 2, 3), run(2, 2, 3), run(1, 3, 3), run(1, 2, 4)}) == 4


@pytest.mark.parametrize("changed", [1, 6, 64, 70])
def test_earlier_tokens_do_not_depend_on_later_ones(device, changed):
    before = normal(2, 71, 3 * 12)
    after = before.copy()
    after[:, changed:] += normal(2, 71 - changed, 3 * 12, seed=1, scale=9.0)
    y, z = (attention(tensor(device, qkv, qkv.shape), n_head=3)[0].numpy() for qkv in (before, after))
    assert y[:, :changed].tobytes() == z[:, :changed].tobytes()
    assert (y[:, changed:] != z[:, changed:]).any()


def test_large_scores_do_not_overflow(device):
    """With scores of +-80 and beyond, each token attends only to the largest."""
    qkv = np.zeros((1, 5, 3, 1, 4), np.float32)
    qkv[:, :, 0] = 20.0
    qkv[:, :, 1] = np.float32([2, -2, 4, -40, 3]).reshape(5, 1, 1)
    qkv[:, :, 2] = normal(5, 1, 4)
    y, log_sum_exp = attention(tensor(device, qkv, (1, 5, 12)), n_head=1)
    np.testing.assert_allclose(y.numpy()[0], qkv[0, [0, 0, 2, 2, 2], 2, 0], rtol=1e-6)
    np.testing.assert_allclose(log_sum_exp.numpy()[0, 0], [80, 80, 160, 160, 160], rtol=1e-6)


def test_invalid_arguments_raise(cpu):
    qkv = tensor(cpu, normal(1, 2, 9), (1, 2, 9))
    with pytest.raises(
        ShapeError, match=r"a multiple of 2 \+ 2 \* 2, the heads of queries, keys and values, got \[1, 2, 9\]"
    ):
        attention(qkv, n_head=2)
    with pytest.raises(ShapeError, match="n_head must be a multiple of n_kv_head, got 5 and 2"):
        attention(qkv, n_head=5, n_kv_head=2)
    with pytest.raises(ShapeError, match="window and cap must be at least 0, where 0 means none, got -1 and 0.0"):
        attention(qkv, n_head=3, window=-1)
    with pytest.raises(ShapeError, match=r"sinks must be a number for each of 3 heads, got \[2\]"):
        attention(qkv, None, None, tensor(cpu, normal(2), (2,)), n_head=3)
    with pytest.raises(ShapeError, match=r"expected sinks \(H,\), log_sum_exp and delta \(B, H, T\), got \[3\]"):
        attention_sinks_gradient(tensor(cpu, normal(3), (3,)), qkv, qkv)
    with pytest.raises(ShapeError, match=r"needs seed and step if above 0; got rate 0.5, seed None"):
        attention(tensor(cpu, normal(1, 2, 6), (1, 2, 6)), n_head=2, rate=0.5)
    with pytest.raises(ShapeError, match=r"expected dy like y \[1, 2, 2\], got \[1, 2, 4\]"):
        attention_delta(tensor(cpu, normal(8), (1, 2, 4)), tensor(cpu, normal(4), (1, 2, 2)), n_head=2)
