"""The optimizer: AdamW over one flat array of parameters, after clipping the gradient's global norm."""

from pygpt.nn import Weights
from pygpt.ops import adamw, clip_scale, fill, square_sum
from pygpt.tensor import Tensor, empty


class AdamW:
    """Adam with decoupled weight decay on matrices.

    `schedule` is the table of `schedule_table` and `step` the number of updates done, both on the device. The gradients
    are handed over in `gradients`: tensors by the parameters' names, parts of one flat tensor.
    Source: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", arXiv 1711.05101.
    """

    def __init__(self, weights: Weights, config, schedule: Tensor, step: Tensor):
        self.weights, self.config = weights, config
        self.schedule, self.step = schedule, step
        device = weights.values.device
        self.first_moment, self.second_moment, self.gradient = (
            empty(device, weights.values.shape, weights.values.dtype) for _ in range(3))
        # Zeros also lie in the gaps between parameters, and stay there.
        for tensor in (self.first_moment, self.second_moment, self.gradient):
            fill(out=tensor, value=0.0)
        self.gradients = {name: self.gradient.slice(placed.offset, placed.shape) for name, placed in weights.named.items()}

    def update(self) -> None:
        """One step along the gradients."""
        weights, config = self.weights, self.config
        scale, _ = clip_scale(square_sum(self.gradient), max_norm=config.grad_clip)
        adamw(self.gradient, scale, self.schedule, self.step,
              out=(weights.values, self.first_moment, self.second_moment),
              beta1=config.beta1, beta2=config.beta2, epsilon=config.epsilon,
              weight_decay=config.weight_decay, decayed=weights.decayed)
