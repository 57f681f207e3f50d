"""The update rules of Adam, AdamW and SGD.

A rule is one entry of OPTIMIZERS (optimizer.py). It defines which parameters it updates, the state it keeps for them,
and how it updates a span of them.
"""

from typing import Protocol

from pygpt.nn.parameters import Weights
from pygpt.ops import adamw, momentum, sgd_step
from pygpt.optim.flat_state import FlatState, Span
from pygpt.optim.settings_protocol import OptimSettings
from pygpt.tensor.tensor import Shape, Tensor


class OptimizerLike(Protocol):
    """The attributes of an Optimizer (optimizer.py) that rules use."""

    config: OptimSettings
    weights: Weights
    gradient: FlatState
    gradients: dict[str, Tensor]
    state: dict[str, FlatState]
    schedule: Tensor
    step: Tensor
    one: Tensor


class Rule:
    """One optimizer. `help` is its help text; `needs_blocks` restricts it to models made of blocks."""

    help = ""
    needs_blocks = False

    def handles(self, name: str, shape: Shape) -> bool:
        """Whether it updates the parameter of that name and shape; AdamW updates the others."""
        return True

    def state(self, config: OptimSettings) -> tuple[str, ...]:
        """The names of its state, each with one number per element of its parameters."""
        return ()

    def update(self, optimizer: OptimizerLike, span: Span, clip: Tensor) -> None:
        """Update the parameters of a span from their gradients times `clip`, a tensor (1,)."""
        raise NotImplementedError


class AdamW(Rule):
    """Adam with decoupled weight decay.

    Source: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", arXiv 1711.05101.
    """

    help = "Adam with decoupled weight decay"
    coupled = False

    def state(self, config: OptimSettings) -> tuple[str, ...]:
        return "first_moment", "second_moment"

    def update(self, optimizer: OptimizerLike, span: Span, clip: Tensor) -> None:
        config, state = optimizer.config, optimizer.state
        adamw(
            span.of(optimizer.gradient),
            clip,
            optimizer.schedule,
            optimizer.step,
            out=(span.of(optimizer.weights), span.of(state["first_moment"]), span.of(state["second_moment"])),
            beta1=config.beta1,
            beta2=config.beta2,
            epsilon=config.epsilon,
            weight_decay=config.weight_decay,
            decayed=span.decayed,
            coupled=self.coupled,
        )


class Adam(AdamW):
    """Adam with weight decay added to the gradient. Source: torch.optim.Adam."""

    help = "Adam with weight decay added to the gradient"
    coupled = True


class SGD(Rule):
    """Stochastic gradient descent with momentum and weight decay added to the gradient. Source: torch.optim.SGD."""

    help = "stochastic gradient descent with momentum"

    def state(self, config: OptimSettings) -> tuple[str, ...]:
        return ("velocity",) if config.momentum else ()

    def update(self, optimizer: OptimizerLike, span: Span, clip: Tensor) -> None:
        decay = optimizer.config.weight_decay
        if optimizer.config.momentum:
            add_momentum(optimizer, span, clip, decay)
            apply_step(optimizer, span, optimizer.one, 0.0)
        else:
            apply_step(optimizer, span, clip, decay)


def add_momentum(optimizer: OptimizerLike, span: Span, clip: Tensor, weight_decay: float) -> None:
    """Update the velocity of a span from its gradients, and overwrite the gradients with the step's direction."""
    config = optimizer.config
    momentum(
        span.of(optimizer.weights),
        clip,
        out=(span.of(optimizer.gradient), span.of(optimizer.state["velocity"])),
        beta=config.momentum,
        nesterov=config.nesterov,
        weight_decay=weight_decay,
        decayed=span.decayed,
    )


def apply_step(optimizer: OptimizerLike, span: Span, clip: Tensor, weight_decay: float) -> None:
    """Update a span against its gradients times `clip`, with the learning rate of the step."""
    sgd_step(
        span.of(optimizer.gradient),
        clip,
        optimizer.schedule,
        optimizer.step,
        out=span.of(optimizer.weights),
        weight_decay=weight_decay,
        decayed=span.decayed,
    )
