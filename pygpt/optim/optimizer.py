"""The optimizers: what is done with a gradient, over one flat array of parameters.

All clip the gradient's global norm first, read the step size from a table on the device, and take a few launches for the
whole model, since neighbours in the flat array that are treated alike are one.
"""

import dataclasses
import math

from pygpt.nn.layers import Weights
from pygpt.ops import adamw, blend, clip_scale, descend, divide, fill, matmul, momentum, pack, scale, square_sum
from pygpt.tensor.tensor import Tensor, empty, tensor


class Slots:
    """Room for a number beside each element of some parameters, zeros at first.

    `values` is a flat tensor, `named` its parts by the parameters' names. They stand in the order of the weights, and what
    neighbours there are neighbours here.
    """

    def __init__(self, weights: Weights, names):
        sizes = {name: room(weights.named[name].size) for name in weights.order if name in names}
        self.values = empty(weights.values.device, (sum(sizes.values()),), weights.values.dtype)
        # Zeros also lie in the gaps between parameters, and stay there.
        fill(out=self.values, value=0.0)
        self.named, end = {}, 0
        for name, size in sizes.items():
            self.named[name] = self.values.slice(end, weights.named[name].shape)
            end += size


@dataclasses.dataclass
class Span:
    """Neighbours in the flat array that are treated alike: their names, how many elements they take together with the gaps,
    and how many of these, from the first on, decay."""

    names: list
    length: int = 0
    decayed: int = 0

    def of(self, placed) -> Tensor:
        """The part of flat weights, or of slots, that stands for these parameters."""
        return placed.values.slice(placed.named[self.names[0]].offset, (self.length,))


def room(size: int) -> int:
    """The elements that a parameter takes up in a flat array, with the gap after it."""
    return -(-size // 64) * 64


def spans(weights: Weights, names, decays) -> list[Span]:
    """The named parameters as spans; `decays` says of a name whether it decays."""
    found, end = [], None
    for name in weights.order:
        if name not in names:
            continue
        placed, length = weights.named[name], room(weights.named[name].size)
        follows = placed.offset == end and (found[-1].decayed == found[-1].length or not decays(name))
        if not follows:
            found.append(Span([]))
        found[-1].names.append(name)
        found[-1].length += length
        found[-1].decayed += length if decays(name) else 0
        end = placed.offset + length
    return found


def remembered(config, shapes: dict) -> dict:
    """What is kept from step to step beside a run's weights: by name, for which of the parameters (names and shapes).

    With an average, the run's weights are the averaged ones, which answer, and "trained" are those that learn.
    """
    kept = {"trained": list(shapes)} if config.ema else {}
    pushed = [name for name, shape in shapes.items() if config.name == "sgd" or orthogonal(config, name, shape)]
    if pushed and config.momentum:
        kept["velocity"] = pushed
    if len(pushed) < len(shapes):
        kept["first_moment"] = kept["second_moment"] = [name for name in shapes if name not in set(pushed)]
    return kept


def orthogonal(config, name: str, shape: tuple) -> bool:
    """Whether Muon steps a parameter: a matrix inside a block. The others, also under Muon, are AdamW's."""
    return config.name == "muon" and "blocks" in name.split(".") and len(shape) == 2


def orthogonalise(matrix: Tensor) -> None:
    """Write over a matrix (M, N) about the nearest one whose rows or columns are orthogonal, of a root mean square of 0.2.

    Five steps of a polynomial that moves every singular value to between 0.7 and 1.2; the more exact one converges far
    slower. 0.2 is about what AdamW's steps have, so that one learning rate fits both.
    Source: Jordan et al., "Muon" (2024), kellerjordan.github.io/posts/muon, for the polynomial; Liu et al., "Muon is
        Scalable for LLM Training", arXiv 2502.16982, section 2.2, for the scale.
    """
    wide = matrix.shape[0] <= matrix.shape[1]
    _, norm = clip_scale(square_sum(matrix), max_norm=0.0)
    x = divide(matrix, norm, epsilon=1e-7)
    for left in reversed(range(5)):
        last = 1.0 if left else 0.2 * math.sqrt(max(matrix.shape))
        a, b, c = 3.4445 * last, -4.7750 * last, 2.0315 * last
        gram = matmul(x, x, transpose_w=True) if wide else matmul(x, x, transpose_x=True)
        mixed = matmul(scale(gram, factor=c), gram, None, scale(gram, factor=b))  # b gram + c gram gram
        product = (mixed, x) if wide else (x, mixed)
        x = matmul(*product, None, scale(x, factor=a), out=None if left else matrix)


class Optimizer:
    """The optimizer that a configuration asks for.

    `schedule` is the table of `schedule_table` and `step` the number of updates done, both on the device. The gradients
    are handed over in `gradients`: tensors by the parameters' names, parts of one flat tensor, which an update may
    write over. `memory` holds what it keeps from step to step, as Slots by name. `average`, where `shares` is the table of
    `average_table`, holds an average of the weights over the steps.
    Source: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", arXiv 1711.05101, for AdamW; torch.optim.Adam and
        torch.optim.SGD, whose decay is a part of the gradient. For Muon see `orthogonalise`; its decay is AdamW's.
    """

    def __init__(self, weights: Weights, config, schedule: Tensor, step: Tensor, shares: Tensor | None = None):
        self.weights, self.config = weights, config
        self.schedule, self.step, self.shares = schedule, step, shares
        shapes = {name: placed.shape for name, placed in weights.named.items()}
        self.memory = {
            group: Slots(weights, names) for group, names in remembered(config, shapes).items() if group != "trained"
        }
        self.average = Slots(weights, weights.order) if shares else None
        if self.average:
            pack(weights.values, out=self.average.values)
        self.gradient = Slots(weights, weights.order)
        self.gradients = self.gradient.named
        self._one = tensor(weights.values.device, [1.0], dtype=weights.values.dtype)

    def update(self) -> None:
        """One step along the gradients."""
        clip, _ = clip_scale(square_sum(self.gradient.values), max_norm=self.config.grad_clip)
        rules = {"sgd": self._sgd, "muon": self._muon}
        for rule, names in self._shared_out().items():
            for span in spans(self.weights, names, self._decays):
                rules.get(rule, self._adam)(span, clip)
        if self.average:
            blend(self.weights.values, self.shares, self.step, out=self.average.values)

    def _shared_out(self):
        """Whose the parameters are: names by optimizer."""
        found = {}
        for name, placed in self.weights.named.items():
            muon = orthogonal(self.config, name, placed.shape)
            found.setdefault("adamw" if self.config.name == "muon" and not muon else self.config.name, set()).add(name)
        return found

    def _decays(self, name):
        if self.config.decay_groups == "all":
            return True
        matrix = len(self.weights.named[name].shape) > 1
        return matrix and not (self.config.decay_groups == "linear" and name in self.weights.embeddings)

    def _adam(self, span, clip):
        config = self.config
        adamw(
            span.of(self.gradient),
            clip,
            self.schedule,
            self.step,
            out=(span.of(self.weights), span.of(self.memory["first_moment"]), span.of(self.memory["second_moment"])),
            beta1=config.beta1,
            beta2=config.beta2,
            epsilon=config.epsilon,
            weight_decay=config.weight_decay,
            decayed=span.decayed,
            coupled=config.name == "adam",
        )

    def _sgd(self, span, clip):
        if self.config.momentum:
            self._push(span, clip, self.config.weight_decay)
            self._descend(span, self._one, 0.0)
        else:
            self._descend(span, clip, self.config.weight_decay)

    def _muon(self, span, clip):
        if self.config.momentum:
            self._push(span, clip, 0.0)
        for name in span.names:
            orthogonalise(self.gradients[name])
        self._descend(span, self._one, self.config.weight_decay)

    def _push(self, span, clip, weight_decay):
        momentum(
            span.of(self.weights),
            clip,
            out=(span.of(self.gradient), span.of(self.memory["velocity"])),
            beta=self.config.momentum,
            nesterov=self.config.nesterov,
            weight_decay=weight_decay,
            decayed=span.decayed,
        )

    def _descend(self, span, clip, weight_decay):
        descend(
            span.of(self.gradient),
            clip,
            self.schedule,
            self.step,
            out=span.of(self.weights),
            weight_decay=weight_decay,
            decayed=span.decayed,
        )
