"""How much memory a run will take, worked out before any is taken."""

import dataclasses

from pygpt.device import Device
from pygpt.errors import ExperimentError
from pygpt.experiment import Experiment
from pygpt.models import build_model
from pygpt.ops import rows_at_a_time
from pygpt.tensor import ITEM_SIZE


def parameter_count(experiment: Experiment, vocab_size: int) -> int:
    """The number of trainable numbers, without building anything: deep models are refused by it."""
    model = experiment.model
    if model.kind == "bigram":
        return build_model(model, vocab_size).parameter_count
    # Blocks are alike, so one stands for all; ten thousand need not be built to be counted.
    one, two = (build_model(dataclasses.replace(model, n_layer=layers), vocab_size).parameter_count for layers in (1, 2))
    return one + (model.n_layer - 1) * (two - one)


def rows_of_logits(experiment: Experiment, vocab_size: int) -> int:
    """The rows of logits that are there at a time: a GPT does not hold a large vocabulary's whole."""
    rows = experiment.train.batch_size * experiment.model.block_size
    return rows_at_a_time(rows, vocab_size) if experiment.model.kind == "gpt" else rows


def memory_estimate(experiment: Experiment, vocab_size: int, tokens: int = 0) -> int:
    """Bytes a device holds while training: weights, gradients, two means, activations, text."""
    model = experiment.model
    parameters = parameter_count(experiment, vocab_size)
    rows = experiment.train.batch_size * model.block_size
    # Logits and their gradient in training, logits in evaluation.
    elements = 3 * rows_of_logits(experiment, vocab_size) * vocab_size
    if model.kind == "gpt":
        # The gradient of tied weights, before the embedding adds its own; and while chunks of logits add up, a second place.
        chunked = rows_of_logits(experiment, vocab_size) < rows
        elements += (model.tie_weights + chunked) * vocab_size * model.n_embd
        # In rows of n_embd. A block keeps 16 for its way back: the inputs of its two norms and what comes out of them (4),
        # qkv (3), attention (1), the MLP's hidden layer before and after gelu (8). The way back needs 17 more, once, since
        # one block's are free for the next; evaluation, which keeps nothing, 15.
        elements += rows * model.n_embd * (16 * model.n_layer + 17 + 15)
    return ITEM_SIZE[model.dtype] * (4 * parameters + elements) + 4 * tokens


def check_memory(experiment: Experiment, vocab_size: int, device: Device, tokens: int = 0) -> int:
    """Refuse a run that the device cannot hold, before anything is allocated; return the estimate.

    Raises: ExperimentError with the estimate and the device's limit, or for numbers that only NumPy has.
    """
    item = ITEM_SIZE[experiment.model.dtype]
    if experiment.model.dtype == "float64" and device.kind != "numpy":
        raise ExperimentError("model.dtype", f"float64 is for the NumPy device alone, and this is {device.name}, a GPU's "
                                             f"interface that knows no float64; choose float32, or NumPy as the device")
    total = memory_estimate(experiment, vocab_size, tokens)
    parameters = parameter_count(experiment, vocab_size)
    rows = experiment.train.batch_size * experiment.model.block_size
    logits = rows_of_logits(experiment, vocab_size) * vocab_size
    widest = max(logits, 4 * rows * experiment.model.n_embd if experiment.model.kind == "gpt" else 0)
    if device.memory_limit and total > device.memory_limit:
        raise ExperimentError("model", f"this run needs about {readable(total)} ({parameters:,} parameters, batches of "
                                       f"{rows:,} tokens), and {device.name} has {readable(device.memory_limit)}; make the "
                                       f"model, the batch or the block smaller")
    for what, field, nbytes in (("the weights", "model", item * parameters),
                                ("a batch's widest activations", "train.batch_size", item * widest)):
        if nbytes > device.buffer_limit:
            raise ExperimentError(field, f"{what} take {readable(nbytes)} (of about {readable(total)} in all), and "
                                         f"{device.name} holds at most {readable(device.buffer_limit)} in one piece; make "
                                         f"the model, the batch or the block smaller")
    return total


def readable(nbytes: int) -> str:
    """Bytes for people: 3.2 MB, 120 GB."""
    size, unit = float(nbytes), 0
    while size >= 1000 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.0f} {_UNITS[unit]}" if unit == 0 or size >= 100 else f"{size:.1f} {_UNITS[unit]}"


_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")
