"""GELU in its tanh form, the activation of GPT-2."""

from pygpt.kernel import kernel, np

# sqrt(2 / pi)
SLOPE = 0.7978845608028654
CUBIC = 0.044715


@kernel(outputs=("y",))
def gelu(x, y):
    """y = x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))), element by element.

    Shapes: x (...) -> y (...).
    Source: Hendrycks and Gimpel, "Gaussian Error Linear Units", arXiv 1606.08415, the approximation of section 2.
    """
    np.multiply(x, x, out=y)
    y *= CUBIC
    y += 1.0
    y *= x
    y *= SLOPE
    np.tanh(y, out=y)
    y += 1.0
    y *= x
    y *= 0.5


@gelu.shapes
def _(x):
    return x.shape


@gelu.gradient
def _(dy, x):
    return gelu_gradient(dy, x)


@kernel(outputs=("dx",), no_gradient="first derivatives only")
def gelu_gradient(dy, x, dx):
    """dx = dy * gelu'(x), element by element.

    Shapes: dy, x (...) -> dx (...).
    """
    t = np.tanh(SLOPE * x * (1.0 + CUBIC * x * x))
    inner = SLOPE * (1.0 + 3.0 * CUBIC * x * x)
    np.multiply(dy, 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * inner, out=dx)


@gelu_gradient.shapes
def _(dy, x):
    return x.shape
