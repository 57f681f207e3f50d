import numpy as np
import pytest

from pygpt.errors import ShapeError
from pygpt.ops import qk_norm
from pygpt.tensor.tensor import tensor
from tests.ops.chain import Case, normal

# (B, T), n_head, n_kv_head, D: ones, own and shared key/value heads, odd sizes, several blocks of the twin.
SHAPES = [((1, 1), 1, 0, 1), ((2, 5), 3, 0, 4), ((3, 7), 4, 2, 8), ((2, 9), 6, 1, 13), ((17, 64), 4, 2, 16)]


def packed(rows, n_head, n_kv_head, size, seed=0):
    return normal(*rows, (n_head + 2 * (n_kv_head or n_head)) * size, seed=seed, scale=2.0)


FORWARD = [Case("qk_norm", [packed(*shape), None], n_head=shape[1], n_kv_head=shape[2]) for shape in SHAPES]
FORWARD += [
    Case("qk_norm", [packed(*shape), normal(2 * shape[3])], n_head=shape[1], n_kv_head=shape[2]) for shape in SHAPES
]
FORWARD += [Case("qk_norm", [packed((2, 3), 2, 1, 5), None], n_head=2, n_kv_head=1, epsilon=0.1)]
FORWARD += [Case("qk_norm", [packed((2, 3), 2, 1, 5), normal(10)], n_head=2, n_kv_head=1, epsilon=1e-6)]
CASES = [*FORWARD]
for rows, n_head, n_kv_head, size in SHAPES:
    inverse = 0.5 + np.abs(normal(*rows, n_head + (n_kv_head or n_head)))
    dy_and_qkv = [packed(rows, n_head, n_kv_head, size, seed) for seed in (1, 2)]
    heads = {"n_head": n_head, "n_kv_head": n_kv_head}
    CASES += [Case("qk_norm_gradient", [*dy_and_qkv, weight, inverse], **heads) for weight in (None, normal(2 * size))]
    CASES += [Case("qk_norm_weight_gradient", [*dy_and_qkv, inverse], **heads)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


@pytest.mark.parametrize("case", FORWARD, ids=str)
def test_gradient(case):
    case.check_gradient()


def test_queries_and_keys_are_normalized_and_values_copied(device):
    qkv = packed((2, 3), 2, 1, 8)
    y, _ = qk_norm(tensor(device, qkv, qkv.shape), n_head=2, n_kv_head=1)
    heads = y.numpy().reshape(6, 4, 8)
    np.testing.assert_allclose(np.square(heads[:, :3]).mean(axis=2), np.ones((6, 3)), rtol=1e-4)
    np.testing.assert_array_equal(heads[:, 3], qkv.reshape(6, 4, 8)[:, 3])


def test_queries_and_keys_have_weights_of_their_own(device):
    qkv, weight = packed((2, 3), 2, 1, 8), normal(16)
    plain, weighted = (
        qk_norm(tensor(device, qkv, qkv.shape), given, n_head=2, n_kv_head=1)[0].numpy().reshape(6, 4, 8)
        for given in (None, tensor(device, weight, weight.shape))
    )
    factors = np.stack([weight[:8], weight[:8], weight[8:], np.ones(8)])
    np.testing.assert_allclose(weighted, plain * factors, rtol=1e-6)


def test_a_weight_that_does_not_fit_raises(cpu):
    qkv = tensor(cpu, normal(1, 2, 24), (1, 2, 24))
    with pytest.raises(ShapeError, match=r"qk_norm: weight must be \[12\], twice the size of a head, got \[6\]"):
        qk_norm(qkv, tensor(cpu, normal(6), (6,)), n_head=2, n_kv_head=1)


def test_heads_that_do_not_fit_raise(cpu):
    qkv = tensor(cpu, normal(1, 2, 20), (1, 2, 20))
    with pytest.raises(ShapeError, match=r"qk_norm: expected qkv \(B, T, 9 D\)"):
        qk_norm(qkv, n_head=3)
