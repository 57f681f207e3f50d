import numpy as np
import pytest

from pygpt.errors import ShapeError
from pygpt.ops import attention, attention_delta
from pygpt.ops.threefry import threefry2x32
from pygpt.tensor import tensor
from tests.ops.chain import Case, normal

# (B, T, H, D): ones, primes, head sizes that 4 does not divide, tails of 4 queries and 8 keys and of tiles of 32 x 32, the
# largest head.
SHAPES = [(1, 1, 1, 1), (2, 7, 3, 5), (3, 8, 1, 4), (1, 33, 2, 6), (2, 13, 2, 128), (1, 67, 1, 3), (1, 65, 2, 41)]
# Two tiles of the twin, the second cut short; several sequences at a time and a rest.
LONG = (9, 131, 4, 3)
DROPPED = [(2, 13, 3, 5), (1, 67, 2, 4)]
SEED, STEP = np.uint32([1337]), np.uint32([42])
RATE = {"rate": 0.3, "purpose": 7}


def forward(b, t, h, d, scale=1.0, dropped=False):
    qkv = np.float32(scale) * normal(b, t, 3 * h * d)
    if dropped:
        return Case("attention", [qkv, SEED, STEP], n_head=h, **RATE)
    return Case("attention", [qkv, None, None], n_head=h)


def gradient(b, t, h, d, dropped=False):
    """What the backward pass hands over: log_sum_exp and delta must be those of the inputs."""
    case = forward(b, t, h, d, dropped=dropped)
    y, log_sum_exp = case.expected()
    dy = normal(b, t, h * d, seed=1)
    delta = (dy * y).reshape(b, t, h, d).sum(axis=-1).swapaxes(1, 2)
    saved = [np.ascontiguousarray(array, np.float32) for array in (log_sum_exp, delta)]
    return Case("attention_gradient", [dy, case.inputs[0], *saved, *case.inputs[1:]], **case.attributes)


FORWARD = [forward(*shape) for shape in SHAPES] + [forward(*shape, dropped=True) for shape in DROPPED]
CASES = FORWARD + [forward(*LONG), forward(2, 19, 2, 8, scale=6.0)]
CASES += [gradient(*shape) for shape in [*SHAPES, LONG]] + [gradient(*shape, dropped=True) for shape in DROPPED]
CASES += [Case("attention_delta", [normal(b, t, h * d), normal(b, t, h * d, seed=1)], n_head=h)
          for b, t, h, d in SHAPES]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


@pytest.mark.parametrize("case", FORWARD, ids=str)
def test_gradient(case):
    case.check_gradient()


def test_gradient_over_several_tiles():
    forward(*LONG).check_gradient()
    forward(*LONG, dropped=True).check_gradient()


def plain(qkv, n_head, kept=1.0):
    """Attention as it is written on paper, with every probability at hand."""
    b, t, width = qkv.shape
    q, k, v = qkv.astype(np.float64).reshape(b, t, 3, n_head, -1).transpose(2, 0, 3, 1, 4)
    scores = np.where(np.tri(t, dtype=bool), q @ k.swapaxes(2, 3) / np.sqrt(q.shape[-1]), -np.inf)
    p = np.exp(scores - scores.max(axis=-1, keepdims=True))
    p /= p.sum(axis=-1, keepdims=True)
    return (p * kept @ v).swapaxes(1, 2).reshape(b, t, width // 3)


@pytest.mark.parametrize("shape", [*SHAPES, LONG], ids=str)
def test_equals_the_formula(cpu, shape):
    b, t, h, d = shape
    qkv = normal(b, t, 3 * h * d)
    y, _ = attention(tensor(cpu, qkv, qkv.shape), n_head=h)
    np.testing.assert_allclose(y.numpy(), plain(qkv, h), rtol=1e-4, atol=1e-5)


def test_dropout_keeps_what_threefry_says(device):
    b, t, h, d = 2, 70, 2, 4
    qkv = normal(b, t, 3 * h * d)
    seed, step = tensor(device, [2**32 - 5], dtype="uint32"), tensor(device, [3], dtype="uint32")
    index = np.arange(b * h * t * t, dtype=np.uint32).reshape(b, h, t, t)
    kept = threefry2x32(2**32 - 5, 9, index, 3)[0] >= int(0.25 * 2**32)
    y, _ = attention(tensor(device, qkv, qkv.shape), seed, step, n_head=h, rate=0.25, purpose=9)
    np.testing.assert_allclose(y.numpy(), plain(qkv, h, kept / 0.75), rtol=1e-4, atol=1e-5)


def test_dropout_is_fixed_by_seed_step_and_purpose(device):
    qkv = tensor(device, normal(1, 9, 24), (1, 9, 24))

    def run(seed, step, purpose):
        words = [tensor(device, [word], dtype="uint32") for word in (seed, step)]
        return attention(qkv, *words, n_head=2, rate=0.5, purpose=purpose)[0].read()

    assert run(1, 2, 3) == run(1, 2, 3)
    assert len({run(1, 2, 3), run(2, 2, 3), run(1, 3, 3), run(1, 2, 4)}) == 4


@pytest.mark.parametrize("changed", [1, 6, 64, 70])
def test_earlier_tokens_do_not_see_later_ones(device, changed):
    before = normal(2, 71, 3 * 12)
    after = before.copy()
    after[:, changed:] += normal(2, 71 - changed, 3 * 12, seed=1, scale=9.0)
    y, z = (attention(tensor(device, qkv, qkv.shape), n_head=3)[0].numpy() for qkv in (before, after))
    assert y[:, :changed].tobytes() == z[:, :changed].tobytes()
    assert (y[:, changed:] != z[:, changed:]).any()


def test_large_scores_do_not_overflow(device):
    """Scores of plus and minus 80 and beyond: each token looks at the largest alone."""
    qkv = np.zeros((1, 5, 3, 1, 4), np.float32)
    qkv[:, :, 0] = 20.0
    qkv[:, :, 1] = np.float32([2, -2, 4, -40, 3]).reshape(5, 1, 1)
    qkv[:, :, 2] = normal(5, 1, 4)
    y, log_sum_exp = attention(tensor(device, qkv, (1, 5, 12)), n_head=1)
    np.testing.assert_allclose(y.numpy()[0], qkv[0, [0, 0, 2, 2, 2], 2, 0], rtol=1e-6)
    np.testing.assert_allclose(log_sum_exp.numpy()[0, 0], [80, 80, 160, 160, 160], rtol=1e-6)


def test_mistakes_are_named(cpu):
    with pytest.raises(ShapeError, match=r"\(B, T, 3 C\) with C a multiple of 2 heads, got \[1, 2, 9\]"):
        attention(tensor(cpu, normal(1, 2, 9), (1, 2, 9)), n_head=2)
    with pytest.raises(ShapeError, match=r"above 0 it takes seed and step; got rate 0.5, seed None"):
        attention(tensor(cpu, normal(1, 2, 6), (1, 2, 6)), n_head=2, rate=0.5)
    with pytest.raises(ShapeError, match=r"wanted dy like y \[1, 2, 2\], got \[1, 2, 4\]"):
        attention_delta(tensor(cpu, normal(8), (1, 2, 4)), tensor(cpu, normal(4), (1, 2, 2)), n_head=2)
