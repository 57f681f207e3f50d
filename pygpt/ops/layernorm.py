"""Layer normalization over the last dimension."""

from pygpt.errors import ShapeError
from pygpt.kernel import kernel, np
from pygpt.ops.sum import sum

# Rows that one invocation of the weight gradient adds up: enough parts to keep a GPU busy, few enough to sum cheaply.
PART = 64


@kernel(outputs=("y", "mean", "inverse_std"), optional=("bias",))
def layernorm(x, weight, bias, y, mean, inverse_std, *, epsilon=1e-5):
    """y = (x - mean) * inverse_std * weight + bias, where inverse_std = 1 / sqrt(variance + epsilon), row by row.

    Shapes: x (..., C); weight (C,); bias (C,) or absent -> y (..., C); mean, inverse_std (rows,).
    Source: Ba, Kiros and Hinton, "Layer Normalization", arXiv 1607.06450, section 3.
    """
    rows, out = x.reshape(-1, x.shape[-1]), y.reshape(-1, x.shape[-1])
    np.mean(rows, axis=1, out=mean)
    np.subtract(rows, mean[:, None], out=out)
    np.einsum("rc,rc->r", out, out, out=inverse_std)
    inverse_std /= rows.shape[1]
    inverse_std += epsilon
    np.sqrt(inverse_std, out=inverse_std)
    np.reciprocal(inverse_std, out=inverse_std)
    out *= inverse_std[:, None]
    out *= weight
    if bias is not None:
        out += bias


@layernorm.shapes
def _(x, weight, bias, *, epsilon):
    width = x.shape[-1:]
    for name, operand in (("weight", weight), ("bias", bias)):
        if operand is not None and operand.shape != width:
            raise ShapeError(f"layernorm: {name} must be {list(width)}, the last length of x {list(x.shape)}, "
                             f"got {list(operand.shape)}")
    rows = x.size // x.shape[-1]
    return [x.shape, (rows,), (rows,)]


@layernorm.overrides
def _(x, weight, bias, y, mean, inverse_std, *, epsilon):
    return {"C": x.shape[-1], "EPSILON": float(epsilon), "HAS_BIAS": bias is not None}


@layernorm.threads
def _(x, weight, bias, y, mean, inverse_std, *, epsilon):
    return mean.size


@layernorm.gradient
def _(dy, x, weight, mean, inverse_std, wanted):
    dx = layernorm_gradient(dy, x, weight, mean, inverse_std) if wanted[0] else None
    dweight = dbias = None
    if wanted[1] or wanted[2]:
        weight_parts, bias_parts = layernorm_weight_gradient(dy, x, mean, inverse_std)
        dweight = _joined(weight_parts) if wanted[1] else None
        dbias = _joined(bias_parts) if wanted[2] else None
    return dx, dweight, dbias


def _joined(parts):
    """The sum of (P, C) over P."""
    return sum(parts.reshape(1, *parts.shape)).reshape(parts.shape[1])


@kernel(outputs=("dx",), no_gradient="first derivatives only")
def layernorm_gradient(dy, x, weight, mean, inverse_std, dx):
    """dx = inverse_std * (g - mean(g) - n * mean(g * n)), with g = dy * weight and n = (x - mean) * inverse_std.

    Shapes: dy, x (..., C); weight (C,); mean, inverse_std (rows,) -> dx (..., C).
    """
    rows, out = x.reshape(-1, x.shape[-1]), dx.reshape(-1, x.shape[-1])
    normalized = rows - mean[:, None]
    normalized *= inverse_std[:, None]
    np.multiply(dy.reshape(rows.shape), weight, out=out)
    along = np.einsum("rc,rc->r", out, normalized)
    along /= rows.shape[1]
    normalized *= along[:, None]
    out -= out.mean(axis=1, keepdims=True)
    out -= normalized
    out *= inverse_std[:, None]


@layernorm_gradient.shapes
def _(dy, x, weight, mean, inverse_std):
    _check("layernorm_gradient", dy, x, mean, inverse_std)
    return x.shape


@layernorm_gradient.overrides
def _(dy, x, weight, mean, inverse_std, dx):
    return {"C": x.shape[-1]}


@layernorm_gradient.threads
def _(dy, x, weight, mean, inverse_std, dx):
    return mean.size


@kernel(outputs=("dweight", "dbias"), no_gradient="first derivatives only")
def layernorm_weight_gradient(dy, x, mean, inverse_std, dweight, dbias):
    """Sums of dy * (x - mean) * inverse_std and of dy over parts of 64 rows, for `sum` to join.

    Shapes: dy, x (..., C); mean, inverse_std (rows,) -> dweight, dbias (P, C), P = rows / 64 rounded up.
    """
    rows, dy = x.reshape(-1, x.shape[-1]), dy.reshape(-1, x.shape[-1])
    normalized = rows - mean[:, None]
    normalized *= inverse_std[:, None]
    whole = len(rows) // PART
    for parts, length, span in ((np.s_[:whole], PART, np.s_[: whole * PART]),
                                (np.s_[whole:], len(rows) % PART, np.s_[whole * PART :])):
        if length:
            shape = (-1, length, rows.shape[1])
            np.einsum("plc,plc->pc", dy[span].reshape(shape), normalized[span].reshape(shape), out=dweight[parts])
            np.sum(dy[span].reshape(shape), axis=1, out=dbias[parts])


@layernorm_weight_gradient.shapes
def _(dy, x, mean, inverse_std):
    _check("layernorm_weight_gradient", dy, x, mean, inverse_std)
    parts = (-(-mean.size // PART), x.shape[-1])
    return [parts, parts]


@layernorm_weight_gradient.overrides
def _(dy, x, mean, inverse_std, dweight, dbias):
    return {"C": x.shape[-1], "PART": PART}


def _check(name, dy, x, mean, inverse_std):
    rows = (x.size // x.shape[-1],)
    if dy.shape != x.shape or mean.shape != rows or inverse_std.shape != rows:
        raise ShapeError(f"{name}: wanted dy like x {list(x.shape)}, and mean and inverse_std {list(rows)}, "
                         f"got {list(dy.shape)}, {list(mean.shape)} and {list(inverse_std.shape)}")
