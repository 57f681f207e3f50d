import gc

import numpy as np
import pytest

from pygpt.errors import CaptureError, MemoryLimit, ShapeError
from pygpt.ops import gelu, matmul
from pygpt.tensor.tensor import Node, backward, empty, no_tape, tensor


def leaf(device, values):
    result = tensor(device, values)
    result.node = Node()
    return result


def total(x):
    """Sum a flat tensor into a tensor of one element, with kernels that have gradients."""
    ones = tensor(x.device, [1.0] * x.size, (x.size, 1))
    return matmul(x.reshape(1, -1), ones).reshape(1)


def test_a_tensor_used_twice_gets_both_contributions(device):
    x = leaf(device, [1.0, 2.0, 3.0])
    (dx,) = backward(total(x + x * 3.0), [x])
    assert dx.tolist() == [4.0, 4.0, 4.0]


def test_a_deep_graph_needs_no_recursion(cpu):
    x = leaf(cpu, [1.0])
    y = x
    for _ in range(5000):
        y = y + x
    (dx,) = backward(y, [x])
    assert dx.tolist() == [5001.0]


def test_reshape_is_on_the_tape(device):
    x = leaf(device, [1.0, 2.0, 3.0, 4.0])
    (dx,) = backward(total(gelu(x.reshape(2, 2)).reshape(4)), [x])
    assert dx.shape == (4,)
    assert dx.tolist()[3] > 0.9


def test_graphs_have_no_cycles_so_memory_is_freed_at_once(cpu):
    x = leaf(cpu, np.ones(4096, np.float32))
    gc.collect()
    gc.disable()
    try:
        step = lambda: backward(total(gelu(x * 2.0)), [x])
        step()
        before = cpu.allocated_bytes
        for _ in range(20):
            step()
        assert cpu.allocated_bytes == before, "the pool grew although no tensor is alive"
    finally:
        gc.enable()


def test_without_a_tape_nothing_is_kept(cpu):
    x = leaf(cpu, [1.0, 2.0])
    with no_tape():
        assert gelu(x * 2.0).reshape(1, 2).node is None
    assert gelu(x).node is not None
    with pytest.raises(ZeroDivisionError), no_tape():
        1 / 0  # noqa: B018
    assert gelu(x).node is not None, "the tape is on again after an error"


def test_backward_refuses_losses_without_a_gradient(cpu):
    x, other = leaf(cpu, [1.0]), leaf(cpu, [2.0])
    with pytest.raises(ShapeError, match="does not depend on"):
        backward(x * 2.0, [x, other])
    with pytest.raises(ShapeError, match="one element"):
        backward(leaf(cpu, [1.0, 2.0]) * 2.0, [x])


def test_slices_are_aligned_for_a_gpu(device):
    flat = tensor(device, np.arange(256, dtype=np.float32))
    assert flat.slice(64, (2, 3)).tolist() == [64, 65, 66, 67, 68, 69]
    with pytest.raises(ShapeError):
        flat.slice(1, (2,))
    with pytest.raises(ShapeError):
        flat.slice(192, (65,))


def test_data_must_fill_the_shape(cpu):
    with pytest.raises(ShapeError, match="8 bytes do not fill"):
        tensor(cpu, [1.0, 2.0], (3,))


def test_a_buffer_over_the_limit_is_refused_with_the_figures(device):
    limit, device.buffer_limit = device.buffer_limit, 2**20
    try:
        with pytest.raises(MemoryLimit, match="at most 1 MiB in one buffer, and 2 MiB"):
            empty(device, (2**19,))
    finally:
        device.buffer_limit = limit


def test_memory_refused_by_the_driver_is_an_error(gpu):
    with pytest.raises(MemoryLimit, match="refused to allocate"):
        gpu._create(2**50)


def test_all_memory_in_use_is_refused_with_the_figures(cpu):
    cpu.memory_limit = cpu.allocated_bytes + 2**20
    with pytest.raises(MemoryLimit, match="more were requested"):
        empty(cpu, (2**19,))


def test_a_recording_refuses_what_a_replay_could_not_repeat(device):
    x = tensor(device, [1.0])
    for action in (
        lambda: x.read(),
        lambda: device.write(x, b"\0\0\0\0"),
        lambda: tensor(device, [2.0]),
        lambda: device.record().__enter__(),
    ):
        with device.record(), pytest.raises(CaptureError, match="while recording"):
            action()
    assert x.tolist() == [1.0]
