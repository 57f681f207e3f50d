"""Activations, element by element, but for GELU's tanh form, which gelu.py has."""

from pygpt.tensor.kernel import kernel, np, scratch

KINDS = ("relu", "relu_squared", "silu", "gelu_erf")

# The twins take so many elements at a time: what they work on stays in a processor's caches.
BLOCK = 1 << 17

# log(erfc(z) exp(z^2) / t) for t = 2 / (2 + z), as Chebyshev polynomials of 2 t - 1: with all of them erfc is right to 5e-16
# of itself for every z >= 0, with the first 12 to 1e-8.
# Source: Press et al., "Numerical Recipes", 3rd edition, section 6.2.2, for the form; the numbers come from mpmath.
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
    """y = f(x), element by element, where f is by `kind`

        relu          max(x, 0)
        relu_squared  max(x, 0)^2
        silu          x / (1 + exp(-x))
        gelu_erf      x times the chance that a normal deviate is less than x: x / 2 (1 + erf(x / sqrt(2)))

    Shapes: x (...) -> y (...).
    Raises: ValueError for another kind.
    Source: So et al., "Primer", arXiv 2109.08668, for the square; Hendrycks and Gimpel, "Gaussian Error Linear Units",
        arXiv 1606.08415, for the others.
    """
    for part, done in pieces(x, y):
        if kind == "silu":
            sigmoid(part, done)
            done *= part
        elif kind == "gelu_erf":
            _chance_of_less(part, done)
            done *= part
        else:
            np.maximum(part, 0.0, out=done)
            if kind == "relu_squared":
                done *= done


def pieces(*arrays):
    """The same elements of each array, so many at a time."""
    flat = [array.reshape(-1) for array in arrays]
    return ([array[start : start + BLOCK] for array in flat] for start in range(0, flat[0].size, BLOCK))


def sigmoid(x, y):
    """y = 1 / (1 + exp(-x))."""
    np.negative(x, out=y)
    np.exp(y, out=y)
    y += 1.0
    np.reciprocal(y, out=y)


def _chance_of_less(x, y):
    """y = (1 + erf(x / sqrt(2))) / 2, which is erfc(-x / sqrt(2)) / 2."""
    t, twice, b, before, product = (scratch(f"erfc {slot}", x.shape, x.dtype) for slot in range(5))
    np.absolute(x, out=t)
    t *= 0.25 * np.sqrt(2.0)
    t += 1.0
    np.reciprocal(t, out=t)
    np.multiply(t, 4.0, out=twice)
    twice -= 2.0
    terms = ERFC if x.dtype == np.float64 else ERFC[:12]
    # Clenshaw's recurrence; `twice` is two times what the polynomials are of.
    b[...], before[...] = terms[-1], 0.0
    for term in terms[-2:0:-1]:
        np.multiply(twice, b, out=product)
        product -= before
        product += term
        b, before, product = product, b, before
    twice *= 0.5
    b *= twice
    b -= before
    b += terms[0]
    np.multiply(x, x, out=y)
    y *= -0.5
    y += b
    np.exp(y, out=y)
    y *= t
    y *= 0.5
    np.subtract(1.0, y, out=y, where=x > 0.0)


def number_of(kind: str, kinds: tuple) -> int:
    """What a shader calls this kind. Raises ValueError for one that is not among them."""
    if kind not in kinds:
        raise ValueError(f"kind must be one of {', '.join(kinds)}, got {kind!r}")
    return kinds.index(kind)


@activation.shapes
def _(x, *, kind):
    number_of(kind, KINDS)
    return x.shape


@activation.overrides
def _(x, y, *, kind):
    return {"KIND": number_of(kind, KINDS)}


@activation.threads
def _(x, y, *, kind):
    return -(-x.size // 4)


@activation.gradient
def _(dy, x, kind):
    return activation_gradient(dy, x, kind=kind)


@kernel(outputs=("dx",), no_gradient="first derivatives only", operations=12)
def activation_gradient(dy, x, dx, *, kind):
    """dx = dy * f'(x), element by element, with f as in `activation`; relu has no slope at 0.

    Shapes: dy, x (...) -> dx (...).
    """
    for given, part, done in pieces(dy, x, dx):
        if kind == "silu":
            # With s = sigmoid(x): f' = s (1 + x (1 - s)).
            s = scratch("sigmoid", part.shape, x.dtype)
            sigmoid(part, s)
            np.subtract(1.0, s, out=done)
            done *= part
            done += 1.0
            done *= s
        elif kind == "gelu_erf":
            # The chance of less, and x times the density of the normal distribution.
            chance = scratch("chance", part.shape, x.dtype)
            _chance_of_less(part, chance)
            np.multiply(part, part, out=done)
            done *= -0.5
            np.exp(done, out=done)
            done *= part
            done *= 1.0 / np.sqrt(2.0 * np.pi)
            done += chance
        elif kind == "relu":
            np.greater(part, 0.0, out=done)
        else:
            np.maximum(part, 0.0, out=done)
            done *= 2.0
        done *= given


@activation_gradient.shapes
def _(dy, x, *, kind):
    return x.shape


@activation_gradient.overrides
def _(dy, x, dx, *, kind):
    return {"KIND": number_of(kind, KINDS)}


@activation_gradient.threads
def _(dy, x, dx, *, kind):
    return -(-x.size // 4)
