"""Momentum: a step goes on in the direction of the steps before it."""

from pygpt.errors import ShapeError
from pygpt.tensor.kernel import kernel, np, scratch

# So many elements at a time, as in adamw.
BLOCK = 1 << 16


@kernel(outputs=("gradient", "velocity"), in_place=True, no_gradient="it consumes gradients", operations=4)
def momentum(parameter, scale, gradient, velocity, *, beta, nesterov, weight_decay, decayed):
    """The direction of the next step, written over the gradient; both outputs are handed in as `out` and updated.

        g = gradient * scale + weight_decay * parameter                 (the latter for elements before `decayed` only)
        velocity = beta * velocity + g
        gradient = g + beta * velocity if nesterov, else velocity

    Shapes: parameter (N,); scale (1,); gradient, velocity (N,).
    Source: torch.optim.SGD, without dampening; Sutskever et al., "On the importance of initialization and momentum in deep
        learning", ICML 2013, for Nesterov's form.
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
    """Raises ShapeError unless all are flat and of one length."""
    if any(other.shape != operands[0].shape or len(other.shape) != 1 for other in operands):
        raise ShapeError(
            f"momentum: wanted parameter, gradient and velocity flat and of one length, got "
            f"{', '.join(str(list(other.shape)) for other in operands)}"
        )


@momentum.overrides
def _(parameter, scale, gradient, velocity, *, beta, nesterov, weight_decay, decayed):
    check(parameter, gradient, velocity)
    return {"BETA": float(beta), "NESTEROV": nesterov, "WEIGHT_DECAY": float(weight_decay), "DECAYED": decayed}
