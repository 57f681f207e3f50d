"""GELU in its tanh form, the activation of GPT-2."""

from pygpt.tensor.kernel import kernel, np, scratch

# sqrt(2 / pi)
SLOPE = 0.7978845608028654
CUBIC = 0.044715

# The twins take so many elements at a time: what they work on stays in a processor's caches.
BLOCK = 1 << 17


@kernel(outputs=("y",), operations=10)
def gelu(x, y):
    """y = x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))), element by element.

    Shapes: x (...) -> y (...).
    Source: Hendrycks and Gimpel, "Gaussian Error Linear Units", arXiv 1606.08415, the approximation of section 2.
    """
    flat, out = x.reshape(-1), y.reshape(-1)
    for start in range(0, flat.size, BLOCK):
        part, done = flat[start : start + BLOCK], out[start : start + BLOCK]
        _tanh(part, done)
        done += 1.0
        done *= part
        done *= 0.5


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
    flat, given, out = x.reshape(-1), dy.reshape(-1), dx.reshape(-1)
    for start in range(0, flat.size, BLOCK):
        part, done = flat[start : start + BLOCK], out[start : start + BLOCK]
        t = scratch("t", part.shape, x.dtype)
        _tanh(part, t)
        np.multiply(part, part, out=done)
        done *= 3.0 * CUBIC * SLOPE
        done += SLOPE
        done *= part
        rest = np.subtract(1.0, t, out=scratch("rest", part.shape, x.dtype))
        done *= rest
        done += 1.0
        t += 1.0
        t *= 0.5
        done *= t
        done *= given[start : start + BLOCK]


@gelu_gradient.shapes
def _(dy, x):
    return x.shape


@gelu_gradient.threads
def _(dy, x, dx):
    return -(-x.size // 4)
