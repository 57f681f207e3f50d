"""Sum over the middle of three dimensions, always in the same order."""

from pygpt.errors import ShapeError
from pygpt.tensor.kernel import kernel, np


@kernel(outputs=("y",), no_gradient="it adds up gradients itself; no model takes a gradient through it")
def sum(x, y):
    """y[a, c] = x[a, 0, c] + x[a, 1, c] + ... in this order.

    Shapes: x (A, R, C) -> y (A, C). Any sum over adjacent dimensions can be reshaped to this one.
    """
    np.sum(x, axis=1, out=y)


@sum.shapes
def _(x):
    if len(x.shape) != 3:
        raise ShapeError(f"sum: expected (A, R, C), got {list(x.shape)}; reshape first")
    return (x.shape[0], x.shape[2])


@sum.overrides
def _(x, y):
    return {"R": x.shape[1], "C": x.shape[2]}
