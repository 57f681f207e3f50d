"""The optimizer of a run: updates one flat array of parameters from their gradients.

Every rule first clips the gradient's global norm, and reads the learning rate from a table on the device. An update
takes few launches: one launch updates all adjacent parameters with the same treatment.
"""

from pygpt.nn.parameters import Weights
from pygpt.ops import clip_scale, lerp, pack, square_sum
from pygpt.optim.flat_state import FlatState, spans
from pygpt.optim.muon import Muon
from pygpt.optim.rules import SGD, Adam, AdamW, Rule
from pygpt.optim.settings_protocol import OptimSettings
from pygpt.tensor.tensor import Shape, Tensor, tensor

# The choices of `optim.name`.
OPTIMIZERS: dict[str, Rule] = {
    "adamw": AdamW(),
    "adam": Adam(),
    "sgd": SGD(),
    "muon": Muon(),
}


def rule_for(config: OptimSettings, name: str, shape: Shape) -> Rule:
    """The rule that updates a parameter: the chosen optimizer's, or AdamW's if that one does not take it."""
    chosen = OPTIMIZERS[config.name]
    return chosen if chosen.handles(name, shape) else OPTIMIZERS["adamw"]


def state_layout(config: OptimSettings, shapes: dict[str, Shape]) -> dict[str, list[str]]:
    """The state kept between steps, apart from a run's weights: for each state, the names of its parameters.

    With weight averaging, the run's weights are the averaged ones; "trained" are those that the optimizer updates.
    """
    layout = {"trained": list(shapes)} if config.ema else {}
    rules = {name: rule_for(config, name, shape) for name, shape in shapes.items()}
    for rule in (OPTIMIZERS[config.name], OPTIMIZERS["adamw"]):
        if names := [name for name in shapes if rules[name] is rule]:
            layout.update(dict.fromkeys(rule.state(config), names))
    return layout


class Optimizer:
    """The optimizer of a configuration.

    `schedule` is the table of `schedule_table` and `step` the number of updates done, both on the device. The caller
    writes the gradients into `gradients`: tensors by parameter name, parts of one flat tensor, which an update can
    overwrite. `state` holds the state kept between steps, as FlatState by name. If `shares`, the table of
    `average_weight_table`, is given, `average` holds an average of the weights over the steps.
    """

    def __init__(
        self, weights: Weights, config: OptimSettings, schedule: Tensor, step: Tensor, shares: Tensor | None = None
    ):
        self.weights, self.config = weights, config
        self.schedule, self.step, self.shares = schedule, step, shares
        shapes = {name: placed.shape for name, placed in weights.by_name.items()}
        layout = state_layout(config, shapes)
        self.state = {group: FlatState(weights, names) for group, names in layout.items() if group != "trained"}
        self.average = FlatState(weights, weights.order) if shares else None
        if self.average:
            pack(weights.values, out=self.average.values)
        self.gradient = FlatState(weights, weights.order)
        self.gradients = self.gradient.by_name
        self.one = tensor(weights.values.device, [1.0], dtype=weights.values.dtype)
        self._by_rule: dict[Rule, set[str]] = {}
        for name, shape in shapes.items():
            self._by_rule.setdefault(rule_for(config, name, shape), set()).add(name)

    def update(self) -> Tensor:
        """Update the parameters once; return the global norm of the gradients before clipping, (1,)."""
        clip, norm = clip_scale(square_sum(self.gradient.values), max_norm=self.config.grad_clip)
        for rule, names in self._by_rule.items():
            for span in spans(self.weights, names, self._decays):
                rule.update(self, span, clip)
        if self.average:
            lerp(self.weights.values, self.shares, self.step, out=self.average.values)
        return norm

    def _decays(self, name: str) -> bool:
        if self.config.decay_groups == "all":
            return True
        matrix = len(self.weights.by_name[name].shape) > 1
        return matrix and not (self.config.decay_groups == "linear" and name in self.weights.embeddings)
