"""Gated activations, such as SwiGLU and GeGLU: one half of a layer scales the other half."""

from pygpt.errors import ShapeError
from pygpt.ops.activation import blocks, kind_index, sigmoid
from pygpt.ops.gelu import CUBIC, SLOPE
from pygpt.tensor.kernel import kernel, np, scratch

KINDS = ("silu", "gelu", "sigmoid")


@kernel(outputs=("y",), operations=8)
def gate(x, z, y, *, kind):
    """y = f(x) * z, element by element, where `kind` selects f:

        silu     x s(x)                                       SwiGLU
        gelu     x s(2 sqrt(2 / pi) (x + 0.044715 x^3))       GeGLU, with the tanh form of GELU
        sigmoid  s(x)                                         GLU

    with s(u) = 1 / (1 + exp(-u)). Shapes: x, z (...) -> y (...).
    Raises: ValueError if `kind` is not one of these.
    Source: Shazeer, "GLU Variants Improve Transformer", arXiv 2002.05202.
    """
    for x_part, z_part, y_part in blocks(x, z, y):
        _gate_sigmoid(x_part, y_part, kind)
        if kind != "sigmoid":
            y_part *= x_part
        y_part *= z_part


def _gate_sigmoid(x, y, kind):
    """y = s(x), or for gelu s of its polynomial in x."""
    if kind == "gelu":
        np.multiply(x, x, out=y)
        y *= 2.0 * SLOPE * CUBIC
        y += 2.0 * SLOPE
        y *= x
    sigmoid(y if kind == "gelu" else x, y)


@gate.shapes
def _(x, z, *, kind):
    kind_index(kind, KINDS)
    if x.shape != z.shape:
        raise ShapeError(f"gate: x and z must have the same shape, got {list(x.shape)} and {list(z.shape)}")
    return x.shape


@gate.overrides
def _(x, z, y, *, kind):
    return {"KIND": kind_index(kind, KINDS)}


@gate.threads
def _(x, z, y, *, kind):
    return -(-x.size // 4)


@gate.gradient
def _(dy, x, z, kind):
    return gate_gradient(dy, x, z, kind=kind)


@kernel(outputs=("dx", "dz"), no_gradient="first derivatives only", operations=14)
def gate_gradient(dy, x, z, dx, dz, *, kind):
    """dx = dy * z * f'(x) and dz = dy * f(x), element by element, with f as in `gate`.

    Shapes: dy, x, z (...) -> dx, dz (...).
    """
    for dy_part, x_part, z_part, dx_part, dz_part in blocks(dy, x, z, dx, dz):
        _gate_sigmoid(x_part, dz_part, kind)
        # With s = s(u): s' = s (1 - s) u', and (x s)' = s (1 + x (1 - s) u').
        np.subtract(1.0, dz_part, out=dx_part)
        if kind == "gelu":
            slope = np.multiply(x_part, x_part, out=scratch("slope", x_part.shape, x.dtype))
            slope *= 6.0 * SLOPE * CUBIC
            slope += 2.0 * SLOPE
            dx_part *= slope
        if kind != "sigmoid":
            dx_part *= x_part
            dx_part += 1.0
        dx_part *= dz_part
        dx_part *= z_part
        dx_part *= dy_part
        if kind != "sigmoid":
            dz_part *= x_part
        dz_part *= dy_part


@gate_gradient.shapes
def _(dy, x, z, *, kind):
    return [x.shape, x.shape]


@gate_gradient.overrides
def _(dy, x, z, dx, dz, *, kind):
    return {"KIND": kind_index(kind, KINDS)}


@gate_gradient.threads
def _(dy, x, z, dx, dz, *, kind):
    return -(-x.size // 4)
