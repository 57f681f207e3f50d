"""Normalisation layers, and their registry for `model.norm`."""

import dataclasses
from collections.abc import Callable

from pygpt.nn.parameters import Constant, Module, new_parameter
from pygpt.nn.settings_protocol import ModelSettings
from pygpt.ops import layernorm, rmsnorm
from pygpt.tensor.tensor import Tensor


class LayerNorm(Module):
    """Zero mean and unit variance over the last dimension, then a learned scale (and shift)."""

    def __init__(self, size: int, scale: bool, bias: bool, epsilon: float):
        self.epsilon = epsilon
        self.weight: Tensor | Constant = (
            new_parameter((size,), value=1.0) if scale else Constant((size,), lambda: [1.0] * size)
        )
        self.bias = new_parameter((size,)) if bias else None

    def __call__(self, x: Tensor) -> Tensor:
        weight = self.weight.tensor if isinstance(self.weight, Constant) else self.weight
        return layernorm(x, weight, self.bias, epsilon=self.epsilon)[0]


class RMSNorm(Module):
    """A mean square of one over the last dimension, then a learned scale if there is one."""

    def __init__(self, size: int, scale: bool, epsilon: float):
        self.epsilon = epsilon
        self.weight = new_parameter((size,), value=1.0) if scale else None

    def __call__(self, x: Tensor) -> Tensor:
        return rmsnorm(x, self.weight, epsilon=self.epsilon)[0]


class Identity(Module):
    """Return the input unchanged."""

    def __call__(self, x: Tensor) -> Tensor:
        return x


@dataclasses.dataclass(frozen=True)
class Norm:
    """A choice of `model.norm`: a help text, and a function of (channels, scale, bias, epsilon) that makes a layer."""

    help: str
    make: Callable[[int, bool, bool, float], Callable[[Tensor], Tensor]]


NORMS = {
    "layernorm": Norm("zero mean and unit variance", LayerNorm),
    "rmsnorm": Norm("a root mean square of one", lambda size, scale, bias, epsilon: RMSNorm(size, scale, epsilon)),
    "none": Norm("no normalisation", lambda size, scale, bias, epsilon: Identity()),
}


def make_norm(config: ModelSettings, enabled: bool = True) -> Callable[[Tensor], Tensor]:
    """The norm of a ModelConfig, or Identity unless `enabled`."""
    norm = NORMS[config.norm if enabled else "none"]
    return norm.make(config.n_embd, config.norm_scale, config.bias, config.norm_epsilon)
