"""Estimate the memory of a run before anything is allocated."""

import dataclasses
import math

from pygpt.analysis.plan import plan_run, sampling_bytes
from pygpt.config.experiment import Experiment
from pygpt.devices.base import Device
from pygpt.errors import ExperimentError
from pygpt.models.registry import MODELS, build_model
from pygpt.optim.optimizer import state_layout
from pygpt.tensor.tensor import ITEM_SIZE
from pygpt.utils.units import format_bytes

COPIES = 3  # sizes of a safety copy that are in memory while one is made


def parameter_count(experiment: Experiment, vocab_size: int) -> int:
    """The number of trainable parameters, computed quickly even for models that are too deep to build."""
    model = experiment.model
    if not MODELS[model.kind].has_blocks:
        return build_model(model, vocab_size).parameter_count
    # All blocks have the same size, so the difference of two small models gives that of each block.
    one, two = (
        build_model(dataclasses.replace(model, n_layer=layers), vocab_size).parameter_count for layers in (1, 2)
    )
    return one + (model.n_layer - 1) * (two - one)


def memory_estimate(experiment: Experiment, vocab_size: int, tokens: int = 0, device: Device | None = None) -> int:
    """Bytes a device like `device` (NumPy if None) holds while training: weights, gradients, optimizer state,
    activations, text. See pygpt/analysis/plan.py."""
    return plan_run(experiment, vocab_size, tokens, device).peak_bytes


def copy_memory(experiment: Experiment, vocab_size: int) -> int:
    """Bytes that safety copies of a run take beside its device: the last one, and the arrays and the file of the next.

    The optimizer's share is that of a model with one block.
    """
    model = build_model(dataclasses.replace(experiment.model, n_layer=1), vocab_size)
    shapes = {name: parameter.shape for name, _, _, parameter in model.named_parameters()}
    kept = [name for names in state_layout(experiment.optim, shapes).values() for name in names]
    weights, states = (sum(math.prod(shapes[name]) for name in names) for names in (shapes, kept))
    values = parameter_count(experiment, vocab_size) * (weights + states) // weights
    return COPIES * ITEM_SIZE[experiment.model.dtype] * values


def check_memory(experiment: Experiment, vocab_size: int, device: Device, tokens: int = 0) -> int:
    """Refuse a run that the device cannot hold, before anything is allocated; return the estimate.

    Raises: ExperimentError with the estimate and the device's limit, or for a dtype that only NumPy supports.
    """
    _check_type(experiment, device)
    plan = plan_run(experiment, vocab_size, tokens, device)
    total, rows = plan.peak_bytes, experiment.train.batch_size * experiment.model.block_size
    if device.memory_limit and total > device.memory_limit:
        raise ExperimentError(
            "model",
            f"this run needs about {format_bytes(total)} ({plan.parameter_count:,} parameters, batches "
            f"of {rows:,} tokens), and {device.name} has {format_bytes(device.memory_limit)}; use "
            f"a smaller model, batch or context length",
        )
    for part, field, nbytes in (
        ("the weights", "model", plan.memory["weights"]),
        ("a batch's widest activations", "train.batch_size", plan.largest_buffer),
    ):
        if nbytes > device.buffer_limit:
            raise ExperimentError(
                field,
                f"{part} take {format_bytes(nbytes)} (of about {format_bytes(total)} in all), and "
                f"{device.name} holds at most {format_bytes(device.buffer_limit)} in one buffer; use "
                f"a smaller model, batch or context length",
            )
    return total


def check_sampling_memory(experiment: Experiment, vocab_size: int, device: Device) -> None:
    """Refuse a trained model that the device cannot hold, before anything is allocated.

    Raises: ExperimentError with the estimate and the device's limit, or for a dtype that only NumPy supports.
    """
    _check_type(experiment, device)
    total, parameters = sampling_bytes(experiment, vocab_size, device), parameter_count(experiment, vocab_size)
    if device.memory_limit and total > device.memory_limit:
        raise ExperimentError(
            "model",
            f"this model needs about {format_bytes(total)} to generate text ({parameters:,} parameters), and "
            f"{device.name} has {format_bytes(device.memory_limit)}",
        )
    weights = ITEM_SIZE[experiment.model.dtype] * parameters
    if weights > device.buffer_limit:
        raise ExperimentError(
            "model",
            f"the weights take {format_bytes(weights)}, and {device.name} holds at most "
            f"{format_bytes(device.buffer_limit)} in one buffer",
        )


def _check_type(experiment, device):
    if experiment.model.dtype == "float64" and device.kind != "numpy":
        raise ExperimentError(
            "model.dtype",
            f"only the NumPy device supports float64, and this device is {device.name}; "
            f"choose float32, or NumPy as the device",
        )
