"""How much arithmetic a training step is, and a launch: what a fraction of a device's peak is a fraction of.

What a model's pass takes is declared by the model, what a kernel's launch takes by its op.
"""

from pygpt.config.experiment import Experiment
from pygpt.devices.base import Work
from pygpt.models.registry import MODELS
from pygpt.tensor.tensor import KERNELS


def step_flops(experiment: Experiment, vocab_size: int) -> int:
    """Floating-point operations of a training step: the backward pass multiplies twice for each product of the forward one.

    What is computed a second time to save memory (attention's scores) is not counted: it is no work of the model's.
    """
    model = experiment.model
    return 3 * MODELS[model.kind].forward_flops(model, experiment.train.sequences, vocab_size)


def launch_flops(work: Work) -> int:
    """Floating-point operations of a launch: products and attention exactly, the rest roughly, by its elements."""
    return KERNELS[work.kernel].launch_flops(work)


def launch_bytes(work: Work) -> int:
    """Bytes that a launch moves at least: each operand once."""
    return KERNELS[work.kernel].launch_bytes(work)
