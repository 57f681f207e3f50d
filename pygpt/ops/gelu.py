"""GELU in its tanh form, as in GPT-2."""

from pygpt.tensor.kernel import kernel, np, scratch

# sqrt(2 / pi)
SLOPE = 0.7978845608028654
CUBIC = 0.044715

# The twins process this many elements at a time, so that their arrays stay in the CPU caches.
BLOCK = 1 << 17


@kernel(outputs=("y",), operations=10)
def gelu(x, y):
    """y = x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))), element by element.

    Shapes: x (...) -> y (...).
    Source: Hendrycks and Gimpel, "Gaussian Error Linear Units", arXiv 1606.08415, the approximation in section 2.
    """
    flat, out = x.reshape(-1), y.reshape(-1)
    for start in range(0, flat.size, BLOCK):
        x_part, y_part = flat[start : start + BLOCK], out[start : start + BLOCK]
        _tanh(x_part, y_part)
        y_part += 1.0
        y_part *= x_part
        y_part *= 0.5


def _tanh(x, y):
    """y = tanh(sqrt(2 / pi) * (x + 0.044715 x^3))."""
    np.multiply(x, x, out=y)
    y *= CUBIC * SLOPE
    y += SLOPE
    y *= x
    np.tanh(y, out=y)


@gelu.shapes
def _(x):
    return x.shape


@gelu.threads
def _(x, y):
    return -(-x.size // 4)


@gelu.gradient
def _(dy, x):
    return gelu_gradient(dy, x)


@kernel(outputs=("dx",), no_gradient="first derivatives only", operations=16)
def gelu_gradient(dy, x, dx):
    """dx = dy * gelu'(x), element by element.

    Shapes: dy, x (...) -> dx (...).
    """
    # With t = tanh(u): gelu' = (1 + t) / 2 * (1 + x (1 - t) u'), where u' = sqrt(2 / pi) * (1 + 3 * 0.044715 x^2).
    flat, dy_flat, out = x.reshape(-1), dy.reshape(-1), dx.reshape(-1)
    for start in range(0, flat.size, BLOCK):
        x_part, dx_part = flat[start : start + BLOCK], out[start : start + BLOCK]
        t = scratch("t", x_part.shape, x.dtype)
        _tanh(x_part, t)
        np.multiply(x_part, x_part, out=dx_part)
        dx_part *= 3.0 * CUBIC * SLOPE
        dx_part += SLOPE
        dx_part *= x_part
        rest = np.subtract(1.0, t, out=scratch("rest", x_part.shape, x.dtype))
        dx_part *= rest
        dx_part += 1.0
        t += 1.0
        t *= 0.5
        dx_part *= t
        dx_part *= dy_flat[start : start + BLOCK]


@gelu_gradient.shapes
def _(dy, x):
    return x.shape


@gelu_gradient.threads
def _(dy, x, dx):
    return -(-x.size // 4)
