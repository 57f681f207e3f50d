"""The activations of the MLP, and their registry for `model.mlp`."""

import dataclasses
from collections.abc import Callable

from pygpt.ops import activation, gate, gelu
from pygpt.tensor.tensor import Tensor


@dataclasses.dataclass(frozen=True)
class Activation:
    """A choice of `model.mlp`: a help text, and an elementwise function of the hidden layer.

    A `gated` function has two hidden layers as input: the activation of the first is multiplied by the second.
    """

    help: str
    function: Callable[..., Tensor]
    gated: bool = False


ACTIVATIONS = {
    "gelu": Activation("GELU, tanh approximation", gelu),
    "gelu_erf": Activation("exact GELU", lambda x: activation(x, kind="gelu_erf")),
    "relu": Activation("max(x, 0)", lambda x: activation(x, kind="relu")),
    "relu_squared": Activation("max(x, 0) squared", lambda x: activation(x, kind="relu_squared")),
    "silu": Activation("x times its sigmoid", lambda x: activation(x, kind="silu")),
    "swiglu": Activation("SiLU of one layer times another", lambda x, z: gate(x, z, kind="silu"), gated=True),
    "geglu": Activation("GELU of one layer times another", lambda x, z: gate(x, z, kind="gelu"), gated=True),
}
