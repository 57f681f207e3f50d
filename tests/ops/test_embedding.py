import numpy as np
import pytest

from pygpt.errors import ShapeError
from pygpt.ops import embedding, embedding_gradient
from pygpt.tensor.tensor import Node, backward, tensor
from tests.ops.chain import Case, integers, normal

# (B, T, V, C): ones, primes, remainders of 4 channels, more and fewer tokens than rows of the table.
# MANY: more ids than a workgroup reads at a time, more channels than it has invocations.
MANY = (3, 701, 5, 67)
SHAPES = [(1, 1, 1, 1), (2, 3, 5, 4), (3, 7, 2, 13), (5, 11, 97, 33)]


def lookup(b, t, v, c, more_positions=0, positions=True, start=None):
    return Case(
        "embedding",
        [
            integers(b, t, high=v),
            normal(v, c),
            normal(t + more_positions, c, seed=1) if positions else None,
            None if start is None else np.uint32([start]),
        ],
    )


WHOLE = [lookup(*shape) for shape in SHAPES] + [lookup(3, 5, 7, 6, positions=False)]
CASES = WHOLE + [lookup(2, 5, 7, 9, more_positions=3)]
# One token at the first, a middle and the last position; rows that start later; positions past the end of the table.
CASES += [lookup(1, 1, 7, 9, more_positions=12, start=start) for start in (0, 5, 12)]
CASES += [lookup(2, 3, 7, 9, more_positions=4, start=start) for start in (2, 6)] + [
    lookup(1, 1, 5, 3, positions=False, start=2)
]
CASES += [
    Case(
        "embedding_gradient",
        [normal(b, t, c), integers(b, t, high=v), normal(v, c, seed=1) if b % 2 else None],
        vocab_size=v,
    )
    for b, t, v, c in [*SHAPES, MANY]
]
CASES += [
    Case(
        "embedding_gradient",
        [normal(3, 7, 5), integers(3, 7, high=11), None],
        [normal(11, 5)],
        vocab_size=11,
        keep=True,
    )
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


@pytest.mark.parametrize("case", WHOLE, ids=str)
def test_gradient(case):
    case.check_gradient()


def test_gradient_of_absent_tokens_is_zero(device):
    dy, ids = tensor(device, normal(3, 2), (3, 2)), tensor(device, [4, 1, 4], dtype="uint32")
    dtokens = embedding_gradient(dy, ids, vocab_size=6).numpy()
    assert not dtokens[[0, 2, 3, 5]].any()
    np.testing.assert_array_equal(dtokens[4], dy.numpy()[0] + dy.numpy()[2])


def test_id_past_the_table_reads_its_last_row(device):
    tokens = tensor(device, normal(3, 2), (3, 2))
    y = embedding(tensor(device, [2**32 - 1], dtype="uint32"), tokens)
    np.testing.assert_array_equal(y.numpy(), tokens.numpy()[2:])


def test_positions_that_do_not_fit_raise(cpu):
    ids, tokens = tensor(cpu, [0, 0, 0], dtype="uint32"), tensor(cpu, normal(2, 2), (2, 2))
    with pytest.raises(ShapeError, match="3 tokens in a row, but positions for 2"):
        embedding(ids, tokens, tensor(cpu, normal(2, 2), (2, 2)))
    with pytest.raises(ShapeError, match=r"positions must be \(T_max, 2\)"):
        embedding(ids, tokens, tensor(cpu, normal(4, 3), (4, 3)))


def test_signed_ids_raise(cpu):
    with pytest.raises(ShapeError, match=r"ids must be uint32 \(..., T\), got int32\[1\]"):
        embedding(tensor(cpu, [0], dtype="int32"), tensor(cpu, normal(2, 2), (2, 2)))


def test_gradient_of_positions_needs_whole_blocks(cpu):
    ids, tokens = tensor(cpu, [1], (1, 1), dtype="uint32"), tensor(cpu, normal(2, 1), (2, 1))
    positions = tensor(cpu, normal(4, 1), (4, 1))
    positions.node = Node()
    with pytest.raises(ShapeError, match="4 positions needs rows of 4 tokens, got 1"):
        backward(embedding(ids, tokens, positions), [positions])
