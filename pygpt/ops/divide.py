"""Division of a tensor by a one-element tensor."""

from pygpt.errors import ShapeError
from pygpt.tensor.kernel import kernel, np


@kernel(outputs=("y",), no_gradient="it scales gradients; no model takes a gradient through it")
def divide(x, by, y, *, epsilon=0.0):
    """y = x / (by + epsilon), element by element.

    Shapes: x (...); by (1,) -> y (...).
    """
    np.divide(x, by + epsilon, out=y)


@divide.shapes
def _(x, by, *, epsilon):
    if by.shape != (1,):
        raise ShapeError(f"divide: expected one number (1,) to divide by, got {list(by.shape)}")
    return x.shape


@divide.overrides
def _(x, by, y, *, epsilon):
    return {"EPSILON": float(epsilon)}
