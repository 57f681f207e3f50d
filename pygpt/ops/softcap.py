"""Soft cap: limits values to (-cap, cap) and hardly changes those near 0."""

from pygpt.ops.activation import blocks
from pygpt.tensor.kernel import kernel, np


@kernel(outputs=("y",), operations=8)
def softcap(x, y, *, cap):
    """y = cap * tanh(x / cap), element by element.

    Shapes: x (...) -> y (...).
    Source: Gemma Team, "Gemma 2", arXiv 2408.00118, section 2.
    """
    for x_part, y_part in blocks(x, y):
        np.divide(x_part, cap, out=y_part)
        np.tanh(y_part, out=y_part)
        y_part *= cap


@softcap.shapes
def _(x, *, cap):
    return x.shape


@softcap.overrides
def _(x, y, *, cap):
    return {"CAP": float(cap)}


@softcap.threads
def _(x, y, *, cap):
    return -(-x.size // 4)


@softcap.gradient
def _(dy, y, cap):
    return softcap_gradient(dy, y, cap=cap)


@kernel(outputs=("dx",), no_gradient="first derivatives only", operations=4)
def softcap_gradient(dy, y, dx, *, cap):
    """dx = dy * (1 - (y / cap)^2), element by element, from the output y of `softcap`.

    Shapes: dy, y (...) -> dx (...).
    """
    for dy_part, y_part, dx_part in blocks(dy, y, dx):
        np.divide(y_part, cap, out=dx_part)
        np.square(dx_part, out=dx_part)
        np.subtract(1.0, dx_part, out=dx_part)
        dx_part *= dy_part


@softcap_gradient.shapes
def _(dy, y, *, cap):
    return y.shape


@softcap_gradient.overrides
def _(dy, y, dx, *, cap):
    return {"CAP": float(cap)}


@softcap_gradient.threads
def _(dy, y, dx, *, cap):
    return -(-y.size // 4)
