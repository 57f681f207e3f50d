import numpy as np
import pytest

from pygpt.devices.numpy import NumpyDevice
from pygpt.errors import ShapeError
from pygpt.ops import linear_cross_entropy, mean_valid, rows_per_chunk
from pygpt.tensor.capture import Capture
from pygpt.tensor.tensor import Node, backward, empty, no_tape, tensor
from tests.ops.chain import integers, normal

WIDTH, VOCABULARY = 20, 37
# (B, T): whole chunks, a shorter last chunk, one row in the last chunk, an even and an odd number of chunks.
SHAPES = [(4, 64), (3, 64), (5, 30), (1, 129), (2, 150)]
WHOLE, CHUNKED = 1 << 24, 64 * VOCABULARY
# Caps small enough to change the logits of normal inputs.
COSTS = [{"cap": 3.0}, {"smoothing": 0.1, "z_loss": 0.01}, {"cap": 5.0, "smoothing": 0.2, "z_loss": 1e-3}]


class Head:
    """Hidden states, a head, and targets, some of them ignored; the states and the weight are leaves of the tape."""

    def __init__(self, device, shape, transpose_w, dtype="float32", **costs):
        self.transpose_w, self.costs = transpose_w, costs
        values = [normal(*shape, WIDTH), normal(*((VOCABULARY, WIDTH) if transpose_w else (WIDTH, VOCABULARY)))]
        self.leaves = [tensor(device, array.astype(dtype), array.shape, dtype) for array in values]
        for leaf in self.leaves:
            leaf.node = Node()
        self.targets = tensor(device, integers(*shape, low=-1, high=VOCABULARY, dtype=np.int32), shape, "int32")

    def step(self, chunk, into=None):
        """Return the loss and log_sum_exp of each row, and the gradients of the mean loss."""
        outputs = linear_cross_entropy(
            *self.leaves, self.targets, transpose_w=self.transpose_w, chunk=chunk, **self.costs
        )
        return [*outputs, *backward(mean_valid(outputs[0], self.targets)[0], self.leaves, into)]


def chunked_and_whole(device, *arguments, **costs):
    """Return the results of a step in chunks and of one at once."""
    head = Head(device, *arguments, **costs)
    return ([t.numpy() for t in head.step(chunk)] for chunk in (CHUNKED, WHOLE))


def assert_close(chunked, whole, relative):
    """Compare losses, log_sum_exp and both gradients, with a tolerance relative to the largest element."""
    for name, got, want in zip(("loss", "log_sum_exp", "dx", "dw"), chunked, whole, strict=True):
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=relative, atol=relative * np.abs(want).max(), err_msg=name)


@pytest.mark.parametrize("transpose_w", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_chunks_equal_the_whole(shape, transpose_w, cpu):
    assert_close(*chunked_and_whole(cpu, shape, transpose_w, "float64"), 1e-12)


@pytest.mark.parametrize("transpose_w", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_chunks_on_a_gpu(shape, transpose_w, gpu):
    chunked, whole = chunked_and_whole(gpu, shape, transpose_w)
    assert_close(chunked, whole, 1e-5)
    assert_close(chunked, next(chunked_and_whole(NumpyDevice(), shape, transpose_w, "float64")), 1e-5)


@pytest.mark.parametrize("costs", COSTS, ids=str)
def test_cap_smoothing_and_z_loss_in_chunks(costs, cpu, gpu):
    arguments = ((5, 30), True)
    assert_close(*chunked_and_whole(cpu, *arguments, "float64", **costs), 1e-12)
    for outputs in chunked_and_whole(gpu, *arguments, **costs):
        assert_close(outputs, next(chunked_and_whole(cpu, *arguments, "float64", **costs)), 1e-5)


@pytest.mark.parametrize("costs", COSTS, ids=str)
def test_gradients_by_finite_differences(costs, cpu):
    head = Head(cpu, (3, 64), False, "float64", **costs)
    _, _, *gradients = (t.numpy() for t in head.step(CHUNKED))
    for leaf, gradient in zip(head.leaves, gradients):
        values, direction = leaf.numpy().copy(), np.random.default_rng(3).standard_normal(leaf.shape)
        losses = []
        for step in (1e-5, -1e-5):
            leaf.device.write(leaf, (values + step * direction).tobytes())
            loss, _ = linear_cross_entropy(*head.leaves, head.targets, chunk=CHUNKED, **costs)
            losses.append(mean_valid(loss, head.targets)[0].tolist()[0])
        leaf.device.write(leaf, values.tobytes())
        assert (losses[0] - losses[1]) / 2e-5 == pytest.approx((gradient * direction).sum(), rel=1e-6)


def test_chunks_with_the_shaders_of_a_real_gpu(gpu_as_hardware):
    assert_close(*chunked_and_whole(gpu_as_hardware, (5, 30), True), 1e-5)


def test_replay_equals_the_eager_step(device):
    head = Head(device, (5, 30), True)
    eager = [t.read() for t in head.step(CHUNKED)]
    into = [empty(device, leaf.shape) for leaf in head.leaves]
    capture = Capture(device, lambda: head.step(CHUNKED, into))
    for _ in range(3):
        assert [t.read() for t in capture()] == eager
    assert [t.read() for t in into] == eager[2:]


def test_one_gradient_alone(cpu):
    head = Head(cpu, (5, 30), False)
    _, _, dx, dw = (t.numpy() for t in head.step(CHUNKED))
    for index, want in enumerate((dx, dw)):
        head.leaves[1 - index].node = None
        loss, _ = linear_cross_entropy(*head.leaves, head.targets, chunk=CHUNKED)
        (got,) = backward(mean_valid(loss, head.targets)[0], [head.leaves[index]])
        np.testing.assert_array_equal(got.numpy(), want)
        head.leaves[1 - index].node = Node()


def test_logits_are_never_in_memory_at_once():
    peaks = []
    for chunk in (64 * 1000, WHOLE):
        device = NumpyDevice()
        x, w = tensor(device, normal(640, 4), (640, 4)), tensor(device, normal(1000, 4), (1000, 4))
        x.node, w.node = Node(), Node()
        ids = tensor(device, integers(640, high=1000, dtype=np.int32), (640,), "int32")
        loss, _ = linear_cross_entropy(x, w, ids, transpose_w=True, chunk=chunk)
        backward(mean_valid(loss, ids)[0], [x, w])
        peaks.append(device.peak_bytes)
    saved_bytes = 2 * (640 - 64) * 4 * 1000  # logits and their gradient
    assert peaks[1] - peaks[0] == pytest.approx(saved_bytes, rel=0.01)


def test_without_a_tape_there_is_no_node(cpu):
    head = Head(cpu, (5, 30), True)
    with no_tape():
        assert linear_cross_entropy(*head.leaves, head.targets, transpose_w=True, chunk=CHUNKED)[0].node is None


def test_rows_at_a_time():
    assert rows_per_chunk(16384, 65) == 16384, "characters: all at once"
    assert rows_per_chunk(8192, 50257) == 320 and rows_per_chunk(600, 50257) == 600
    assert rows_per_chunk(8192, 10**7) == 64, "a slice begins at a multiple of 64"


def test_targets_of_another_shape_raise(cpu):
    head = Head(cpu, (5, 30), True)
    with pytest.raises(ShapeError, match=r"got \[5, 30, 20\] and \[150\]"):
        linear_cross_entropy(*head.leaves, head.targets.reshape(150), transpose_w=True)
