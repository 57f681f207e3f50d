"""The loss over the whole of a split: every prediction once, none twice."""

import math
import struct

from pygpt.capture import Capture
from pygpt.nn import Chance
from pygpt.ops import advance, mean_valid, record
from pygpt.ops.threefry import EVALUATION
from pygpt.tensor import ARRAY_CODE, empty, no_tape, tensor


def full_loss(model, split, experiment, device) -> tuple[float, int]:
    """The mean loss over a DeviceSplit, in nats a token, and how many predictions it covers. It blocks while it reads."""
    batch_size, block = experiment.train.batch_size, experiment.model.block_size
    if split.offsets is not None:
        batches = math.ceil((split.offsets.size - 1) / batch_size)
    else:
        batches = math.ceil((split.tokens.size - 1) / (batch_size * block))
    step = tensor(device, [0], dtype="uint32")
    seed = tensor(device, [0], dtype="uint32")
    dtype = experiment.model.dtype
    totals, counts = (empty(device, (batches,), dtype) for _ in range(2))

    def one_batch():
        inputs, targets = split.draw(Chance(seed, step), experiment, EVALUATION, sequential=True)
        with no_tape():
            mean, count = mean_valid(model.losses(inputs, targets), targets)
        record(mean, step, out=totals)
        record(count, step, out=counts)
        advance(out=step)

    capture = Capture(device, one_batch)
    for _ in range(batches):
        capture()
    means, numbers = (struct.unpack(f"<{batches}{ARRAY_CODE[dtype]}", device.read(each)) for each in (totals, counts))
    total = math.fsum(numbers)
    return math.fsum(mean * number for mean, number in zip(means, numbers)) / total, round(total)
