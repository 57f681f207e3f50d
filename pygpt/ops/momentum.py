"""Momentum: adds a decaying sum of earlier gradients to each gradient."""

from pygpt.errors import ShapeError
from pygpt.tensor.kernel import kernel, np, scratch

# The twin processes this many elements at a time, as in adamw.
BLOCK = 1 << 16


@kernel(outputs=("gradient", "velocity"), in_place=True, no_gradient="it consumes gradients", operations=4)
def momentum(parameter, scale, gradient, velocity, *, beta, nesterov, weight_decay, decayed):
    """Overwrite the gradient with the direction of the step; both outputs are passed as `out` and updated in place.

        g = gradient * scale + weight_decay * parameter                 (decay only for elements before `decayed`)
        velocity = beta * velocity + g
        gradient = g + beta * velocity if nesterov, else velocity

    Shapes: parameter (N,); scale (1,); gradient, velocity (N,).
    Source: torch.optim.SGD, without dampening; Sutskever et al., "On the importance of initialization and momentum in
        deep learning", ICML 2013, for Nesterov's form.
    """
    check(parameter, gradient, velocity)
    for start in range(0, gradient.size, BLOCK):
        block = slice(start, start + BLOCK)
        g, v, p = gradient[block], velocity[block], parameter[block]
        g *= scale
        g[: max(decayed - start, 0)] += weight_decay * p[: max(decayed - start, 0)]
        v *= beta
        v += g
        if nesterov:
            g += np.multiply(v, beta, out=scratch("ahead", v.shape, v.dtype))
        else:
            g[...] = v


def check(*operands):
    """Raise ShapeError unless all operands are flat and of equal length."""
    if any(operand.shape != operands[0].shape or len(operand.shape) != 1 for operand in operands):
        raise ShapeError(
            f"momentum: expected parameter, gradient and velocity flat and of equal length, got "
            f"{', '.join(str(list(operand.shape)) for operand in operands)}"
        )


@momentum.overrides
def _(parameter, scale, gradient, velocity, *, beta, nesterov, weight_decay, decayed):
    check(parameter, gradient, velocity)
    return {"BETA": float(beta), "NESTEROV": nesterov, "WEIGHT_DECAY": float(weight_decay), "DECAYED": decayed}
