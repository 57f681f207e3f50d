"""Product of a tensor and a number."""

from pygpt.tensor.kernel import kernel, np


@kernel(outputs=("y",))
def scale(x, y, *, factor):
    """y = factor * x, element by element.

    Shapes: x (...) -> y (...).
    """
    np.multiply(x, factor, out=y)


@scale.shapes
def _(x, *, factor):
    return x.shape


@scale.overrides
def _(x, y, *, factor):
    return {"FACTOR": factor}


@scale.gradient
def _(dy, factor):
    return scale(dy, factor=factor)
