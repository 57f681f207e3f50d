"""The floating-point operations of a training step and of a launch, to compare with a device's peak.

The model declares the operations of its forward pass; the op declares those of a kernel's launch.
"""

from pygpt.config.experiment import Experiment
from pygpt.devices.base import LaunchInfo
from pygpt.models.registry import MODELS
from pygpt.tensor.tensor import KERNELS


def step_flops(experiment: Experiment, vocab_size: int) -> int:
    """Floating-point operations of a training step: the backward pass has two products for each forward one.

    Recomputation that saves memory (attention's scores) is not counted, because the model does not require it.
    """
    model = experiment.model
    return 3 * MODELS[model.kind].forward_flops(model, experiment.train.sequences, vocab_size)


def launch_flops(work: LaunchInfo) -> int:
    """Floating-point operations of a launch: exact for products and attention, else estimated from the elements."""
    return KERNELS[work.kernel].launch_flops(work)


def launch_bytes(work: LaunchInfo) -> int:
    """Minimum bytes that a launch moves: each operand once."""
    return KERNELS[work.kernel].launch_bytes(work)
