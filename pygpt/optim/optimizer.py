"""The optimizer of a run: what is done with a gradient, over one flat array of parameters.

Every rule clips the gradient's global norm first, reads the learning rate from a table on the device, and takes a few
launches for the whole model, since neighbours in the flat array that are treated alike are one.
"""

from pygpt.nn.parameters import Weights
from pygpt.ops import clip_scale, lerp, pack, square_sum
from pygpt.optim.flat_state import FlatState, spans
from pygpt.optim.muon import Muon
from pygpt.optim.rules import SGD, Adam, AdamW
from pygpt.tensor.tensor import Tensor, tensor

# What `optim.name` chooses from.
OPTIMIZERS = {"adamw": AdamW(), "adam": Adam(), "sgd": SGD(), "muon": Muon()}


def rule_for(config, name: str, shape: tuple):
    """The rule that steps a parameter: the chosen optimizer's, or AdamW's for what that one does not take."""
    chosen = OPTIMIZERS[config.name]
    return chosen if chosen.takes(name, shape) else OPTIMIZERS["adamw"]


def state_layout(config, shapes: dict) -> dict[str, list[str]]:
    """What is kept from step to step beside a run's weights: by name, for which of the parameters (names and shapes).

    With an average, the run's weights are the averaged ones, which answer, and "trained" are those that learn.
    """
    layout = {"trained": list(shapes)} if config.ema else {}
    rules = {name: rule_for(config, name, shape) for name, shape in shapes.items()}
    for rule in (OPTIMIZERS[config.name], OPTIMIZERS["adamw"]):
        if names := [name for name in shapes if rules[name] is rule]:
            layout.update(dict.fromkeys(rule.state(config), names))
    return layout


class Optimizer:
    """The optimizer that a configuration asks for.

    `schedule` is the table of `schedule_table` and `step` the number of updates done, both on the device. The gradients
    are handed over in `gradients`: tensors by the parameters' names, parts of one flat tensor, which an update may
    write over. `state` holds what it keeps from step to step, as FlatState by name. `average`, where `shares` is the
    table of `average_table`, holds an average of the weights over the steps.
    """

    def __init__(self, weights: Weights, config, schedule: Tensor, step: Tensor, shares: Tensor | None = None):
        self.weights, self.config = weights, config
        self.schedule, self.step, self.shares = schedule, step, shares
        shapes = {name: placed.shape for name, placed in weights.named.items()}
        layout = state_layout(config, shapes)
        self.state = {group: FlatState(weights, names) for group, names in layout.items() if group != "trained"}
        self.average = FlatState(weights, weights.order) if shares else None
        if self.average:
            pack(weights.values, out=self.average.values)
        self.gradient = FlatState(weights, weights.order)
        self.gradients = self.gradient.named
        self.one = tensor(weights.values.device, [1.0], dtype=weights.values.dtype)
        self._by_rule: dict = {}
        for name, shape in shapes.items():
            self._by_rule.setdefault(rule_for(config, name, shape), set()).add(name)

    def update(self) -> Tensor:
        """One step along the gradients; returns their global norm before clipping, (1,)."""
        clip, norm = clip_scale(square_sum(self.gradient.values), max_norm=self.config.grad_clip)
        for rule, names in self._by_rule.items():
            for span in spans(self.weights, names, self._decays):
                rule.update(self, span, clip)
        if self.average:
            lerp(self.weights.values, self.shares, self.step, out=self.average.values)
        return norm

    def _decays(self, name):
        if self.config.decay_groups == "all":
            return True
        matrix = len(self.weights.named[name].shape) > 1
        return matrix and not (self.config.decay_groups == "linear" and name in self.weights.embeddings)
