"""Elementwise activations. GELU's tanh form is in gelu.py."""

from pygpt.tensor.kernel import kernel, np, scratch

KINDS = ("relu", "relu_squared", "silu", "gelu_erf")

# The twins process this many elements at a time, so that their arrays stay in the CPU caches.
BLOCK = 1 << 17

# Chebyshev coefficients of log(erfc(z) exp(z^2) / t) in 2 t - 1, where t = 2 / (2 + z). For every z >= 0 the relative
# error of erfc is 5e-16 with all coefficients and 1e-8 with the first 12.
# Source: Press et al., "Numerical Recipes", 3rd edition, section 6.2.2, for the form; mpmath computed the coefficients.
ERFC = (
    -0.65132685989085471711,
    0.64196979235649026034,
    0.019476473204185836277,
    -0.0095615147868086316109,
    -0.00094659534448203689279,
    0.00036683949785276147287,
    0.00004252332480690775692,
    -0.000020278578112534235249,
    -1.6242900046470263086e-6,
    1.303655835580516865e-6,
    1.5626441722079365894e-8,
    -8.5238095914946146584e-8,
    6.5290544391240929948e-9,
    5.0593434955215449104e-9,
    -9.913641564595561669e-10,
    -2.2736512232895184582e-10,
    9.6467911056869191269e-11,
    2.3940380467584366378e-12,
    -6.8860274920101694456e-12,
    8.9448789590486764581e-13,
    3.1309216708417667426e-13,
    -1.1270824550083190255e-13,
    3.8110634208381139216e-16,
    7.1060884448658048913e-15,
    -1.5230260057812210447e-15,
)


@kernel(outputs=("y",), operations=8)
def activation(x, y, *, kind):
    """y = f(x), element by element, where `kind` selects f:

        relu          max(x, 0)
        relu_squared  max(x, 0)^2
        silu          x / (1 + exp(-x))
        gelu_erf      x times the standard normal CDF at x: x / 2 (1 + erf(x / sqrt(2)))

    Shapes: x (...) -> y (...).
    Raises: ValueError if `kind` is not one of these.
    Source: So et al., "Primer", arXiv 2109.08668, for the square; Hendrycks and Gimpel, "Gaussian Error Linear Units",
        arXiv 1606.08415, for the others.
    """
    for x_part, y_part in blocks(x, y):
        if kind == "silu":
            sigmoid(x_part, y_part)
            y_part *= x_part
        elif kind == "gelu_erf":
            _normal_cdf(x_part, y_part)
            y_part *= x_part
        else:
            np.maximum(x_part, 0.0, out=y_part)
            if kind == "relu_squared":
                y_part *= y_part


def blocks(*arrays):
    """Iterate over the arrays in parallel, flattened, BLOCK elements at a time."""
    flat = [array.reshape(-1) for array in arrays]
    return ([array[start : start + BLOCK] for array in flat] for start in range(0, flat[0].size, BLOCK))


def sigmoid(x, y):
    """y = 1 / (1 + exp(-x))."""
    np.negative(x, out=y)
    np.exp(y, out=y)
    y += 1.0
    np.reciprocal(y, out=y)


def _normal_cdf(x, y):
    """y = the standard normal CDF at x: (1 + erf(x / sqrt(2))) / 2, which is erfc(-x / sqrt(2)) / 2."""
    t, doubled, b, previous, product = (scratch(f"erfc {slot}", x.shape, x.dtype) for slot in range(5))
    np.absolute(x, out=t)
    t *= 0.25 * np.sqrt(2.0)
    t += 1.0
    np.reciprocal(t, out=t)
    np.multiply(t, 4.0, out=doubled)
    doubled -= 2.0
    terms = ERFC if x.dtype == np.float64 else ERFC[:12]
    # Clenshaw's recurrence; `doubled` is two times the argument of the polynomials.
    b[...], previous[...] = terms[-1], 0.0
    for term in terms[-2:0:-1]:
        np.multiply(doubled, b, out=product)
        product -= previous
        product += term
        b, previous, product = product, b, previous
    doubled *= 0.5
    b *= doubled
    b -= previous
    b += terms[0]
    np.multiply(x, x, out=y)
    y *= -0.5
    y += b
    np.exp(y, out=y)
    y *= t
    y *= 0.5
    np.subtract(1.0, y, out=y, where=x > 0.0)


def kind_index(kind: str, kinds: tuple[str, ...]) -> int:
    """Return the number of `kind` in the shaders. Raises ValueError if it is not in `kinds`."""
    if kind not in kinds:
        raise ValueError(f"kind must be one of {', '.join(kinds)}, got {kind!r}")
    return kinds.index(kind)


@activation.shapes
def _(x, *, kind):
    kind_index(kind, KINDS)
    return x.shape


@activation.overrides
def _(x, y, *, kind):
    return {"KIND": kind_index(kind, KINDS)}


@activation.threads
def _(x, y, *, kind):
    return -(-x.size // 4)


@activation.gradient
def _(dy, x, kind):
    return activation_gradient(dy, x, kind=kind)


@kernel(outputs=("dx",), no_gradient="first derivatives only", operations=12)
def activation_gradient(dy, x, dx, *, kind):
    """dx = dy * f'(x), element by element, with f as in `activation`; the slope of relu at 0 is 0.

    Shapes: dy, x (...) -> dx (...).
    """
    for dy_part, x_part, dx_part in blocks(dy, x, dx):
        if kind == "silu":
            # With s = sigmoid(x): f' = s (1 + x (1 - s)).
            s = scratch("sigmoid", x_part.shape, x.dtype)
            sigmoid(x_part, s)
            np.subtract(1.0, s, out=dx_part)
            dx_part *= x_part
            dx_part += 1.0
            dx_part *= s
        elif kind == "gelu_erf":
            # f' is the normal CDF plus x times the normal density.
            cdf = scratch("cdf", x_part.shape, x.dtype)
            _normal_cdf(x_part, cdf)
            np.multiply(x_part, x_part, out=dx_part)
            dx_part *= -0.5
            np.exp(dx_part, out=dx_part)
            dx_part *= x_part
            dx_part *= 1.0 / np.sqrt(2.0 * np.pi)
            dx_part += cdf
        elif kind == "relu":
            np.heaviside(x_part, 0.0, out=dx_part)  # unlike x > 0, NaN for NaN
        else:
            np.maximum(x_part, 0.0, out=dx_part)
            dx_part *= 2.0
        dx_part *= dy_part


@activation_gradient.shapes
def _(dy, x, *, kind):
    return x.shape


@activation_gradient.overrides
def _(dy, x, dx, *, kind):
    return {"KIND": kind_index(kind, KINDS)}


@activation_gradient.threads
def _(dy, x, dx, *, kind):
    return -(-x.size // 4)
