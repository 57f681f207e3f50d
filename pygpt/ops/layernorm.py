"""Layer normalization over the last dimension."""

from pygpt.errors import ShapeError
from pygpt.ops.sum import sum
from pygpt.tensor.kernel import is_hardware_or_long, kernel, np, scratch

# Rows per part of the weight gradient: enough parts to keep a GPU busy, few enough to sum cheaply.
PART = 16

# The twins process this many elements at a time, in whole parts, so that their arrays stay in the CPU caches.
BLOCK = 1 << 17


@kernel(outputs=("y", "statistics"), optional=("bias",), operations=8)
def layernorm(x, weight, bias, y, statistics, *, epsilon=1e-5):
    """y = (x - mean) * inverse_std * weight + bias, where inverse_std = 1 / sqrt(variance + epsilon), row by row.

    Shapes: x (..., C); weight (C,); bias (C,) or absent -> y (..., C); statistics (rows, 2): mean and inverse_std.
    Source: Ba, Kiros and Hinton, "Layer Normalization", arXiv 1607.06450, section 3.
    """
    rows, out = x.reshape(-1, x.shape[-1]), y.reshape(-1, x.shape[-1])
    for block in blocks(rows.shape):
        mean, inverse_std = statistics[block, :1], statistics[block, 1:]
        np.add.reduce(rows[block], axis=1, out=mean, keepdims=True)
        mean /= rows.shape[1]
        part = np.subtract(rows[block], mean, out=out[block])
        np.vecdot(part, part, out=inverse_std[:, 0])
        inverse_std /= rows.shape[1]
        inverse_std += epsilon
        np.sqrt(inverse_std, out=inverse_std)
        np.reciprocal(inverse_std, out=inverse_std)
        part *= inverse_std
        part *= weight
        if bias is not None:
            part += bias


def blocks(shape):
    """Return slices of the rows of (rows, C) to process at a time."""
    step = max(PART, BLOCK // shape[1] // PART * PART)
    return [slice(start, min(start + step, shape[0])) for start in range(0, shape[0], step)]


@layernorm.shapes
def _(x, weight, bias, *, epsilon):
    width = x.shape[-1:]
    for name, operand in (("weight", weight), ("bias", bias)):
        if operand is not None and operand.shape != width:
            raise ShapeError(
                f"layernorm: {name} must be {list(width)}, the last dimension of x {list(x.shape)}, "
                f"got {list(operand.shape)}"
            )
    return [x.shape, (x.size // x.shape[-1], 2)]


@layernorm.overrides
def _(x, weight, bias, y, statistics, *, epsilon):
    return {"C": x.shape[-1], "EPSILON": float(epsilon), "HAS_BIAS": bias is not None}


@layernorm.threads
def _(x, weight, bias, y, statistics, *, epsilon):
    return statistics.shape[0]


@layernorm.variant("layernorm_workgroup", is_hardware_or_long(lambda x, *_, **attributes: 3 * x.shape[-1]))
def _(x, weight, bias, y, statistics, *, epsilon):
    return 64 * statistics.shape[0]


@layernorm.gradient
def _(dy, x, weight, statistics, wanted, x_so_far, weight_into, bias_into):
    dx, weight_parts, bias_parts = layernorm_gradient(dy, x, weight, statistics, x_so_far)
    dweight = sum_parts(weight_parts, weight_into) if wanted[1] else None
    dbias = sum_parts(bias_parts, bias_into) if wanted[2] else None
    return dx, dweight, dbias


def sum_parts(parts, into):
    """Return the sum of (P, C) over P, written to `into` if it is given."""
    width = parts.shape[1]
    return sum(parts.reshape(1, *parts.shape), out=into.reshape(1, width) if into is not None else None).reshape(width)


@kernel(
    outputs=("dx", "dweight", "dbias"),
    optional=("residual",),
    workgroup=(8, 1, 1),
    no_gradient="first derivatives only",
    operations=12,
)
def layernorm_gradient(dy, x, weight, statistics, residual, dx, dweight, dbias):
    """dx = inverse_std * (g - mean(g) - n * mean(g * n)) + residual, row by row.

    g = dy * weight and n = (x - mean) * inverse_std. dweight and dbias are the sums of dy * n and of dy over parts of
    16 rows; `sum` adds up the parts.

    Shapes: dy, x (..., C); weight (C,); statistics (rows, 2); residual like x, or absent -> dx (..., C); dweight, dbias
        (P, C), P = rows / 16 rounded up.
    """
    width = x.shape[-1]
    rows, dy, out = x.reshape(-1, width), dy.reshape(-1, width), dx.reshape(-1, width)
    residual = residual.reshape(-1, width) if residual is not None else None
    for block in blocks(rows.shape):
        mean, inverse_std = statistics[block, :1], statistics[block, 1:]
        normalized = np.subtract(rows[block], mean, out=scratch("block", rows[block].shape, x.dtype))
        normalized *= inverse_std
        part_sums(dy[block], normalized, dweight[block.start // PART :], dbias[block.start // PART :])
        part = np.multiply(dy[block], weight, out=out[block])
        row_mean = scratch("rows", mean.shape, x.dtype)
        np.vecdot(part, normalized, out=row_mean[:, 0])
        row_mean /= width
        normalized *= row_mean
        part -= normalized
        np.matmul(dy[block], weight[:, None], out=row_mean)
        row_mean /= width
        part -= row_mean
        part *= inverse_std
        if residual is not None:
            part += residual[block]


def part_sums(dy, normalized, dweight, dbias=None):
    """Fill the parts of dweight and dbias for these rows; the last part can be shorter. RMSNorm has no dbias."""
    whole, rest = divmod(len(dy), PART)
    for parts, rows, length in (
        (slice(whole), slice(whole * PART), PART),
        (slice(whole, whole + 1), slice(whole * PART, None), rest),
    ):
        if length and len(dy[rows]):
            shape = (-1, length, dy.shape[1])
            np.einsum("plc,plc->pc", dy[rows].reshape(shape), normalized[rows].reshape(shape), out=dweight[parts])
            if dbias is not None:
                np.add.reduce(dy[rows].reshape(shape), axis=1, out=dbias[parts])


@layernorm_gradient.shapes
def _(dy, x, weight, statistics, residual):
    rows = x.size // x.shape[-1]
    if dy.shape != x.shape or statistics.shape != (rows, 2) or (residual is not None and residual.shape != x.shape):
        raise ShapeError(
            f"layernorm_gradient: expected dy (and residual, if any) like x {list(x.shape)}, and statistics "
            f"{[rows, 2]}, got {list(dy.shape)}, {residual and list(residual.shape)} and "
            f"{list(statistics.shape)}"
        )
    parts = (-(-rows // PART), x.shape[-1])
    return [x.shape, parts, parts]


@layernorm_gradient.overrides
def _(dy, x, weight, statistics, residual, dx, dweight, dbias):
    return {"C": x.shape[-1], "PART": PART, "HAS_RESIDUAL": residual is not None}


@layernorm_gradient.threads
def _(dy, x, weight, statistics, residual, dx, dweight, dbias):
    return dweight.shape[0]


@layernorm_gradient.variant(
    "layernorm_gradient_workgroup",
    is_hardware_or_long(lambda dy, x, *_: PART // 4 * 2 * x.shape[-1]),
    workgroup=(64, 1, 1),
)
def _(dy, x, weight, statistics, residual, dx, dweight, dbias):
    return 64 * dweight.shape[0]
