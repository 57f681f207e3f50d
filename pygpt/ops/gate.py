"""Gates: one half of a layer decides how much of the other passes, as in SwiGLU and GeGLU."""

from pygpt.errors import ShapeError
from pygpt.ops.activation import number_of, pieces, sigmoid
from pygpt.ops.gelu import CUBIC, SLOPE
from pygpt.tensor.kernel import kernel, np, scratch

KINDS = ("silu", "gelu", "sigmoid")


@kernel(outputs=("y",), operations=8)
def gate(x, z, y, *, kind):
    """y = f(x) * z, element by element, where f is by `kind`

        silu     x s(x)                                       SwiGLU
        gelu     x s(2 sqrt(2 / pi) (x + 0.044715 x^3))       GeGLU, with the tanh form of GELU
        sigmoid  s(x)                                         GLU

    and s(u) = 1 / (1 + exp(-u)). Shapes: x, z (...) -> y (...).
    Raises: ValueError for another kind.
    Source: Shazeer, "GLU Variants Improve Transformer", arXiv 2002.05202.
    """
    for part, gated, done in pieces(x, z, y):
        _openness(part, done, kind)
        if kind != "sigmoid":
            done *= part
        done *= gated


def _openness(x, y, kind):
    """y = s(x), or for gelu s of its polynomial."""
    if kind == "gelu":
        np.multiply(x, x, out=y)
        y *= 2.0 * SLOPE * CUBIC
        y += 2.0 * SLOPE
        y *= x
    sigmoid(y if kind == "gelu" else x, y)


@gate.shapes
def _(x, z, *, kind):
    number_of(kind, KINDS)
    if x.shape != z.shape:
        raise ShapeError(f"gate: x and z must have one shape, got {list(x.shape)} and {list(z.shape)}")
    return x.shape


@gate.overrides
def _(x, z, y, *, kind):
    return {"KIND": number_of(kind, KINDS)}


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
    for given, part, gated, done, opened in pieces(dy, x, z, dx, dz):
        _openness(part, opened, kind)
        # With s = s(u): s' = s (1 - s) u', and (x s)' = s (1 + x (1 - s) u').
        np.subtract(1.0, opened, out=done)
        if kind == "gelu":
            slope = np.multiply(part, part, out=scratch("slope", part.shape, x.dtype))
            slope *= 6.0 * SLOPE * CUBIC
            slope += 2.0 * SLOPE
            done *= slope
        if kind != "sigmoid":
            done *= part
            done += 1.0
        done *= opened
        done *= gated
        done *= given
        if kind != "sigmoid":
            opened *= part
        opened *= given


@gate_gradient.shapes
def _(dy, x, z, *, kind):
    return [x.shape, x.shape]


@gate_gradient.overrides
def _(dy, x, z, dx, dz, *, kind):
    return {"KIND": number_of(kind, KINDS)}


@gate_gradient.threads
def _(dy, x, z, dx, dz, *, kind):
    return -(-x.size // 4)
