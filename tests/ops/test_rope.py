import math

import numpy as np
import pytest

from pygpt.errors import ShapeError
from pygpt.ops import rope, rope_table
from pygpt.tensor.tensor import tensor
from tests.ops.chain import Case, normal

# (B, T), n_head, n_kv_head, D: one pair, own and shared key/value heads, heads that split vectors, several blocks.
SHAPES = [
    ((1, 1), 1, 0, 2),
    ((2, 5), 3, 0, 4),
    ((3, 7), 4, 2, 8),
    ((2, 9), 6, 1, 10),
    ((5, 3), 2, 2, 6),
    ((12, 64), 4, 0, 16),
]


def inputs(rows, n_head, n_kv_head, size, positions=None):
    table = np.array(rope_table(positions or rows[1], size, 100.0)).reshape(-1, size)
    return [normal(*rows, (n_head + 2 * (n_kv_head or n_head)) * size), table.astype(np.float32)]


FORWARD = [Case("rope", [*inputs(*shape), None], n_head=shape[1], n_kv_head=shape[2]) for shape in SHAPES]
FORWARD += [
    Case(
        "rope", [*inputs((2, 3), 2, 1, 8, positions=20), np.uint32([start])], n_head=2, n_kv_head=1, inverse=start == 17
    )
    for start in (0, 5, 17)
]
# Positions past the end of the table.
CASES = FORWARD + [Case("rope", [*inputs((2, 3), 2, 1, 8, positions=5), np.uint32([4])], n_head=2, n_kv_head=1)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


@pytest.mark.parametrize("case", FORWARD, ids=str)
def test_gradient(case):
    case.check_gradient()


def test_table_matches_the_paper():
    table = np.array(rope_table(4096, 64, 10000.0)).reshape(4096, 64)
    angles = np.arange(4096)[:, None] * 10000.0 ** (-np.arange(0, 64, 2) / 64)
    np.testing.assert_allclose(table, np.concatenate([np.cos(angles), np.sin(angles)], axis=1), atol=1e-7)
    assert table[1, 1] == np.float32(math.cos(10000.0 ** (-2 / 64)))


def test_scores_depend_only_on_the_distance(cpu):
    q, k = normal(8), normal(8, seed=1)
    qkv = np.tile(np.concatenate([q, k, k]), (1, 40, 1))
    y = rope(tensor(cpu, qkv, qkv.shape), tensor(cpu, rope_table(40, 8), (40, 8)), n_head=1).numpy()[0]
    scores = y[:, :8] @ y[:, 8:16].T
    for distance in (0, 1, 20):
        np.testing.assert_allclose(np.diagonal(scores, distance), scores[0, distance], rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(y[:, 16:], qkv[0, :, 16:])


def test_one_row_with_start_equals_that_row_of_all(device):
    whole, table = inputs((1, 12), 2, 1, 8)
    table_tensor = tensor(device, table, table.shape)
    rows = rope(tensor(device, whole, whole.shape), table_tensor, n_head=2, n_kv_head=1).numpy()
    row = tensor(device, whole[:, 7:8].copy(), (1, 1, 32))
    start = tensor(device, [7], dtype="uint32")
    np.testing.assert_array_equal(rope(row, table_tensor, start, n_head=2, n_kv_head=1).numpy()[0, 0], rows[0, 7])


def test_invalid_arguments_raise(cpu):
    qkv, table = (tensor(cpu, array, array.shape) for array in inputs((1, 4), 2, 1, 8))
    with pytest.raises(
        ShapeError, match=r"expected qkv \(B, T, 9 D\) for 3 query heads and 3 key and .*, got \[1, 4, 32\]"
    ):
        rope(qkv, table, n_head=3)
    short = tensor(cpu, table.numpy()[:3].copy(), (3, 8))
    with pytest.raises(ShapeError, match=r"a table of at least 4 positions by 8, got \[3, 8\]"):
        rope(qkv, short, n_head=2, n_kv_head=1)
