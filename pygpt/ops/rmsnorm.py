"""Root mean square normalization over the last dimension: layer normalization without the mean."""

from pygpt.errors import ShapeError
from pygpt.ops.layernorm import PART, blocks, part_sums, sum_parts
from pygpt.tensor.kernel import is_hardware_or_long, kernel, np, scratch


@kernel(outputs=("y", "inverse_rms"), optional=("weight",), operations=5)
def rmsnorm(x, weight, y, inverse_rms, *, epsilon=1e-5):
    """y = x * inverse_rms * weight, where inverse_rms = 1 / sqrt(mean(x^2) + epsilon), row by row.

    Shapes: x (..., C); weight (C,), or absent for all ones -> y (..., C); inverse_rms (rows,).
    Source: Zhang and Sennrich, "Root Mean Square Layer Normalization", arXiv 1910.07467, equation 4.
    """
    rows, out = x.reshape(-1, x.shape[-1]), y.reshape(-1, x.shape[-1])
    for block in blocks(rows.shape):
        inverse = np.vecdot(rows[block], rows[block], out=inverse_rms[block])
        inverse /= rows.shape[1]
        inverse += epsilon
        np.sqrt(inverse, out=inverse)
        np.reciprocal(inverse, out=inverse)
        part = np.multiply(rows[block], inverse[:, None], out=out[block])
        if weight is not None:
            part *= weight


@rmsnorm.shapes
def _(x, weight, *, epsilon):
    if weight is not None and weight.shape != x.shape[-1:]:
        raise ShapeError(
            f"rmsnorm: weight must be {list(x.shape[-1:])}, the last dimension of x {list(x.shape)}, "
            f"got {list(weight.shape)}"
        )
    return [x.shape, (x.size // x.shape[-1],)]


@rmsnorm.overrides
def _(x, weight, y, inverse_rms, *, epsilon):
    return {"C": x.shape[-1], "EPSILON": float(epsilon), "HAS_WEIGHT": weight is not None}


@rmsnorm.threads
def _(x, weight, y, inverse_rms, *, epsilon):
    return inverse_rms.size


@rmsnorm.variant("rmsnorm_workgroup", is_hardware_or_long(lambda x, *_, **attributes: 2 * x.shape[-1]))
def _(x, weight, y, inverse_rms, *, epsilon):
    return 64 * inverse_rms.size


@rmsnorm.gradient
def _(dy, x, weight, inverse_rms, wanted, x_so_far, weight_into):
    dx, weight_parts = rmsnorm_gradient(dy, x, weight, inverse_rms, x_so_far)
    return dx, sum_parts(weight_parts, weight_into) if wanted[1] else None


@kernel(
    outputs=("dx", "dweight"),
    optional=("weight", "residual"),
    workgroup=(8, 1, 1),
    no_gradient="first derivatives only",
    operations=9,
)
def rmsnorm_gradient(dy, x, weight, inverse_rms, residual, dx, dweight):
    """dx = inverse_rms * (g - n * mean(g * n)) + residual, with g = dy * weight and n = x * inverse_rms.

    dweight is the sum of dy * n over parts of 16 rows; `sum` adds up the parts.

    Shapes: dy, x (..., C); weight (C,) or absent; inverse_rms (rows,); residual like x, or absent -> dx (..., C);
        dweight (P, C), P = rows / 16 rounded up, or zero (1, 1) without a weight.
    """
    width = x.shape[-1]
    rows, dy, out = x.reshape(-1, width), dy.reshape(-1, width), dx.reshape(-1, width)
    residual = residual.reshape(-1, width) if residual is not None else None
    if weight is None:
        dweight[...] = 0.0
    for block in blocks(rows.shape):
        inverse = inverse_rms[block, None]
        normalized = np.multiply(rows[block], inverse, out=scratch("block", rows[block].shape, x.dtype))
        if weight is not None:
            part_sums(dy[block], normalized, dweight[block.start // PART :])
        part = np.multiply(dy[block], 1.0 if weight is None else weight, out=out[block])
        row_mean = np.vecdot(part, normalized, out=scratch("rows", (len(part),), x.dtype))
        row_mean /= width
        normalized *= row_mean[:, None]
        part -= normalized
        part *= inverse
        if residual is not None:
            part += residual[block]


@rmsnorm_gradient.shapes
def _(dy, x, weight, inverse_rms, residual):
    rows = x.size // x.shape[-1]
    if dy.shape != x.shape or inverse_rms.shape != (rows,) or (residual is not None and residual.shape != x.shape):
        raise ShapeError(
            f"rmsnorm_gradient: expected dy (and residual, if any) like x {list(x.shape)}, and inverse_rms "
            f"{[rows]}, got {list(dy.shape)}, {residual and list(residual.shape)} and "
            f"{list(inverse_rms.shape)}"
        )
    return [x.shape, (1, 1) if weight is None else (-(-rows // PART), x.shape[-1])]


@rmsnorm_gradient.overrides
def _(dy, x, weight, inverse_rms, residual, dx, dweight):
    return {"C": x.shape[-1], "PART": PART, "HAS_WEIGHT": weight is not None, "HAS_RESIDUAL": residual is not None}


@rmsnorm_gradient.threads
def _(dy, x, weight, inverse_rms, residual, dx, dweight):
    return -(-inverse_rms.size // PART)


@rmsnorm_gradient.variant(
    "rmsnorm_gradient_workgroup",
    is_hardware_or_long(lambda dy, x, *_: PART // 4 * 2 * x.shape[-1]),
    workgroup=(64, 1, 1),
)
def _(dy, x, weight, inverse_rms, residual, dx, dweight):
    return 64 * -(-inverse_rms.size // PART)
