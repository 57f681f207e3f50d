"""The optimizer: AdamW over one flat array of parameters, after clipping the gradient's global norm."""

from pygpt.nn import Weights
from pygpt.ops import adamw, clip_scale, fill, pack, square_sum
from pygpt.tensor import Tensor, empty

# A shader takes at most 8 buffers: 7 gradients and the flat tensor they go to.
PACKED_AT_ONCE = 7


class AdamW:
    """Adam with decoupled weight decay on matrices.

    `schedule` is the table of `schedule_table` and `step` the number of updates done, both on the device.
    Source: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", arXiv 1711.05101.
    """

    def __init__(self, weights: Weights, config, schedule: Tensor, step: Tensor):
        self.weights, self.config = weights, config
        self.schedule, self.step = schedule, step
        device = weights.values.device
        self.first_moment = empty(device, weights.values.shape)
        self.second_moment = empty(device, weights.values.shape)
        self.gradient = empty(device, weights.values.shape)
        for tensor in (self.first_moment, self.second_moment, self.gradient):
            fill(out=tensor, value=0.0)

    def update(self, gradients: dict) -> None:
        """One step along the gradients, given by the parameters' names."""
        weights, config = self.weights, self.config
        for first in range(0, len(weights.order), PACKED_AT_ONCE):
            names = weights.order[first : first + PACKED_AT_ONCE]
            pack(*(gradients[name] for name in names), out=self.gradient, start=weights.named[names[0]].offset)
        scale, _ = clip_scale(square_sum(self.gradient), max_norm=config.grad_clip)
        adamw(self.gradient, scale, self.schedule, self.step,
              out=(weights.values, self.first_moment, self.second_moment),
              beta1=config.beta1, beta2=config.beta2, epsilon=config.epsilon,
              weight_decay=config.weight_decay, decayed=weights.decayed)
