"""Softmax over the last dimension.

No model calls it: attention and cross_entropy contain their own. It is for showing the probabilities of a model.
"""

from pygpt.errors import ShapeError
from pygpt.tensor.kernel import is_hardware_or_long, kernel, np


@kernel(outputs=("y",), operations=4)
def softmax(x, y):
    """y = exp(x) / sum(exp(x)) along the last dimension, computed from x - max(x) so that nothing overflows.

    Shapes: x (..., C) -> y (..., C).
    """
    np.subtract(x, x.max(axis=-1, keepdims=True), out=y)
    np.exp(y, out=y)
    y /= y.sum(axis=-1, keepdims=True)


@softmax.shapes
def _(x):
    if not x.shape:
        raise ShapeError("softmax: expected at least one dimension, got []")
    return x.shape


@softmax.overrides
def _(x, y):
    return {"C": x.shape[-1]}


@softmax.threads
def _(x, y):
    return x.size // x.shape[-1]


@softmax.variant("softmax_workgroup", is_hardware_or_long(lambda x, y: 3 * x.shape[-1]))
def _(x, y):
    return 64 * (x.size // x.shape[-1])


@softmax.gradient
def _(dy, y):
    return softmax_gradient(dy, y)


@kernel(outputs=("dx",), no_gradient="first derivatives only", operations=4)
def softmax_gradient(dy, y, dx):
    """dx = y * (dy - sum(dy * y)) along the last dimension, from the output y of `softmax`.

    Shapes: dy, y (..., C) -> dx (..., C).
    """
    np.subtract(dy, np.vecdot(dy, y)[..., None], out=dx)
    dx *= y


@softmax_gradient.shapes
def _(dy, y):
    if dy.shape != y.shape:
        raise ShapeError(f"softmax_gradient: expected dy like y {list(y.shape)}, got {list(dy.shape)}")
    return y.shape


@softmax_gradient.overrides
def _(dy, y, dx):
    return {"C": y.shape[-1]}


@softmax_gradient.threads
def _(dy, y, dx):
    return y.size // y.shape[-1]


@softmax_gradient.variant("softmax_gradient_workgroup", is_hardware_or_long(lambda dy, y, dx: 2 * y.shape[-1]))
def _(dy, y, dx):
    return 64 * (y.size // y.shape[-1])
