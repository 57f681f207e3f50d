"""What a model is worth on the whole of a split: every prediction and every question once, none twice."""

import math
import struct

from pygpt.capture import Capture
from pygpt.nn import Chance
from pygpt.ops import advance, mean_valid, record, right_answers
from pygpt.ops.threefry import EVALUATION
from pygpt.tensor import ARRAY_CODE, empty, no_tape, tensor


def full_loss(model, split, experiment, device) -> tuple[float, int]:
    """The mean loss over a DeviceSplit, in nats a token, and how many predictions it covers. It blocks while it reads."""
    def one_batch(chance):
        inputs, targets = split.draw(chance, experiment, EVALUATION, sequential=True)
        with no_tape():
            return mean_valid(model.losses(inputs, targets), targets)

    return _sweep(split, experiment, device, one_batch)


def accuracy(model, split, experiment, device) -> tuple[float, int]:
    """The share of a DeviceSplit's questions whose whole answer is right, its end included, and how many there are.

    The answer is the one that taking the likeliest token again and again would write: see `right_answers`. It blocks
    while it reads.
    """
    return _sweep(split, experiment, device, lambda chance: share_right(model, split, chance, experiment, sequential=True))


def share_right(model, split, chance, experiment, sequential=False):
    """The share of a batch's questions that are answered right, and how many it has, as two tensors (1,)."""
    inputs, targets = split.draw(chance, experiment, EVALUATION, sequential=sequential, answers=True)
    with no_tape():
        right, asked = right_answers(model.logits(inputs), targets)
        return mean_valid(right, asked)


def _sweep(split, experiment, device, one_batch):
    """The mean over a split, and over how many, from a function of a batch that gives both for that batch."""
    batch_size, block = experiment.train.batch_size, experiment.model.block_size
    if split.offsets is not None:
        batches = math.ceil((split.offsets.size - 1) / batch_size)
    else:
        batches = math.ceil((split.tokens.size - 1) / (batch_size * block))
    step = tensor(device, [0], dtype="uint32")
    seed = tensor(device, [0], dtype="uint32")
    dtype = experiment.model.dtype
    means, counts = (empty(device, (batches,), dtype) for _ in range(2))

    def next_batch():
        mean, count = one_batch(Chance(seed, step))
        record(mean, step, out=means)
        record(count, step, out=counts)
        advance(out=step)

    capture = Capture(device, next_batch)
    for _ in range(batches):
        capture()
    shares, numbers = (struct.unpack(f"<{batches}{ARRAY_CODE[dtype]}", device.read(each)) for each in (means, counts))
    total = math.fsum(numbers)
    return math.fsum(mean * number for mean, number in zip(shares, numbers)) / total, round(total)
