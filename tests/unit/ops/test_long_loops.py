"""Long vocabularies and batches: no invocation of a shader loops so often that a software renderer gives up."""

import numpy as np
import pytest

from pygpt.errors import ShapeError
from pygpt.ops import attention
from pygpt.tensor.tensor import tensor
from tests.ops.chain import normal
from tests.ops.long_cases import long_cases

CASES = long_cases()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_long_loop_comes_to_its_end(case, gpu):
    case.check_shader(gpu)


@pytest.mark.parametrize("case", [case for case in CASES if case.kernel.startswith("softmax")], ids=str)
def test_a_long_softmax_on_a_real_gpu(case, gpu_as_hardware):
    case.check_shader(gpu_as_hardware)


def test_attention_too_long_for_a_software_renderer_is_refused(gpu):
    qkv = tensor(gpu, np.zeros((1, 4096, 3 * 128), np.float32), (1, 4096, 3 * 128))
    with pytest.raises(ShapeError, match="4096 tokens in heads of 128 channels are more than a software renderer"):
        attention(qkv, n_head=1)


def test_the_bits_of_a_sum_do_not_depend_on_where_it_is_cut(gpu):
    """The gradient of an embedding adds the rows in order, in one launch or in several."""
    from pygpt.ops import embedding_gradient

    rows, width = 40_000, 4
    dy, ids = normal(rows, width), np.random.default_rng(0).integers(0, 7, rows).astype(np.uint32)
    expected = np.zeros((7, width), np.float32)
    for row, token in zip(dy, ids):
        expected[token] += row
    got = embedding_gradient(tensor(gpu, dy, dy.shape), tensor(gpu, ids, dtype="uint32"), vocab_size=7)
    np.testing.assert_array_equal(got.numpy(), expected)
