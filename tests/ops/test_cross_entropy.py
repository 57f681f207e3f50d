import math

import numpy as np
import pytest

from pygpt.errors import ShapeError
from pygpt.ops import cross_entropy, mean_valid
from pygpt.tensor.tensor import Node, backward, tensor
from tests.ops.chain import Case, integers, normal

# Ones, primes, more rows than a workgroup has invocations.
SHAPES = [(1, 1), (1, 65), (7, 13), (2, 5, 33), (131, 9)]


def targets(*shape, vocab_size):
    """Return random tokens, some of them -1, which is ignored."""
    return integers(*shape, low=-1, high=vocab_size, dtype=np.int32)


FORWARD = [
    Case("cross_entropy", [normal(*shape, scale=2.0), targets(*shape[:-1], vocab_size=shape[-1])]) for shape in SHAPES
]
FORWARD += [Case("cross_entropy", [normal(11, 5), targets(11, vocab_size=5)], ignore_index=2)]
COSTS = [{"smoothing": 0.1}, {"z_loss": 0.01}, {"smoothing": 0.3, "z_loss": 1e-3}]
FORWARD += [
    Case("cross_entropy", [normal(*shape, scale=2.0), targets(*shape[:-1], vocab_size=shape[-1])], **costs)
    for costs in COSTS
    for shape in SHAPES[1:4]
]
CASES = FORWARD + [
    Case(
        "cross_entropy",
        [np.float32([[80, -80, 0], [80, -80, 0], [-80, -80, -80], [800, 0, -800]]), np.int32([0, 1, -1, 2])],
    )
]
for shape in SHAPES:
    rows, logits = math.prod(shape[:-1]), normal(*shape, scale=2.0)
    log_sum_exp = np.log(np.exp(logits).sum(axis=-1)).reshape(-1)
    CASES += [
        Case(
            "cross_entropy_gradient",
            [normal(rows, seed=1), logits, targets(*shape[:-1], vocab_size=shape[-1]), log_sum_exp],
            **costs,
        )
        # With a vocabulary of one token the gradient is 0; with smoothing, fused multiply-adds round it to 1e-9.
        for costs in ({}, *(COSTS if shape[-1] > 1 else ()))
    ]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


@pytest.mark.parametrize("case", FORWARD, ids=str)
def test_gradient(case):
    case.check_gradient()


def test_loss_of_equal_logits_is_log_vocab_size(device):
    logits = tensor(device, np.full((3, 65), 80.0, np.float32), (3, 65))
    ids = tensor(device, [0, -1, 64], dtype="int32")
    loss, _ = mean_valid(cross_entropy(logits, ids)[0], ids)
    assert loss.shape == (1,)
    assert loss.tolist()[0] == pytest.approx(math.log(65), rel=1e-6)


def test_ignored_rows_have_zero_loss_and_gradient(device):
    logits = tensor(device, normal(4, 7), (4, 7))
    logits.node = Node()
    ids = tensor(device, [3, -1, 6, -1], dtype="int32")
    loss, _ = cross_entropy(logits, ids)
    assert loss.numpy()[[1, 3]].tolist() == [0.0, 0.0]
    (dlogits,) = backward(mean_valid(loss, ids)[0], [logits])
    probabilities = np.exp(normal(4, 7)) / np.exp(normal(4, 7)).sum(axis=1, keepdims=True)
    expected = (probabilities - np.eye(7)[[3, 0, 6, 0]]) / 2 * np.array([[1], [0], [1], [0]])
    np.testing.assert_allclose(dlogits.numpy(), expected, atol=1e-6)


def test_large_logits_do_not_overflow(device):
    logits = tensor(device, np.float32([[80, -80, 0], [-800, 800, 0]]), (2, 3))
    loss, log_sum_exp = cross_entropy(logits, tensor(device, [1, 1], dtype="int32"))
    np.testing.assert_allclose(loss.numpy(), [160.0, 0.0], rtol=1e-6)
    np.testing.assert_allclose(log_sum_exp.numpy(), [80.0, 800.0], rtol=1e-6)


def test_smoothing_and_z_loss_match_the_formula(device):
    logits, ids = tensor(device, normal(4, 7), (4, 7)), np.int32([3, 0, 6, 2])
    loss, log_sum_exp = cross_entropy(logits, tensor(device, ids, dtype="int32"), smoothing=0.1, z_loss=0.5)
    losses = np.log(np.exp(normal(4, 7)).sum(axis=1, keepdims=True)) - normal(4, 7)
    expected = 0.9 * losses[np.arange(4), ids] + 0.1 * losses.mean(axis=1) + 0.5 * log_sum_exp.numpy() ** 2
    np.testing.assert_allclose(loss.numpy(), expected, rtol=1e-5)


def test_targets_of_another_shape_or_dtype_raise(cpu):
    logits = tensor(cpu, normal(2, 3), (2, 3))
    with pytest.raises(ShapeError, match=r"targets \(...\) of int32, got \[2, 3\] and int32\[3\]"):
        cross_entropy(logits, tensor(cpu, [0, 1, 2], dtype="int32"))
    with pytest.raises(ShapeError, match=r"and uint32\[2\]"):
        cross_entropy(logits, tensor(cpu, [0, 1], dtype="uint32"))
