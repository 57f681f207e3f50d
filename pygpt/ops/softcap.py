"""A soft cap: numbers near 0 stay what they are, and none leaves (-cap, cap)."""

from pygpt.ops.activation import pieces
from pygpt.tensor.kernel import kernel, np


@kernel(outputs=("y",), operations=8)
def softcap(x, y, *, cap):
    """y = cap * tanh(x / cap), element by element.

    Shapes: x (...) -> y (...).
    Source: Gemma Team, "Gemma 2", arXiv 2408.00118, section 2.
    """
    for part, done in pieces(x, y):
        np.divide(part, cap, out=done)
        np.tanh(done, out=done)
        done *= cap


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
    """dx = dy * (1 - (y / cap)^2), element by element, from what `softcap` gave.

    Shapes: dy, y (...) -> dx (...).
    """
    for given, part, done in pieces(dy, y, dx):
        np.divide(part, cap, out=done)
        np.square(done, out=done)
        np.subtract(1.0, done, out=done)
        done *= given


@softcap_gradient.shapes
def _(dy, y, *, cap):
    return y.shape


@softcap_gradient.overrides
def _(dy, y, dx, *, cap):
    return {"CAP": float(cap)}


@softcap_gradient.threads
def _(dy, y, dx, *, cap):
    return -(-y.size // 4)
