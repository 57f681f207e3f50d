"""Matrix product with optional bias and residual, which takes nearly all the time of a GPT."""

import math

from pygpt.errors import ShapeError
from pygpt.ops.sum import sum
from pygpt.tensor.kernel import MOST_TURNS, is_hardware, kernel, np


@kernel(outputs=("y",), optional=("bias", "residual"), workgroup=(8, 8, 1))
def matmul(x, w, bias, residual, y, *, transpose_x=False, transpose_w=False, splits=1):
    """y = x @ w + bias + residual, with x or w transposed if `transpose_x` or `transpose_w`.

    Shapes: x (..., K) or, transposed, (..., M) with its leading dimensions flattened to K; w (K, N) or (N, K); bias
        (N,) or absent; residual like y, or absent; y (..., N), or (M, N) if x is transposed. With `splits` = S > 1 the
        inner dimension is cut into S parts and y is (S, M, N), one product per part without bias and residual; the
        sum over S is the product.
    """
    left = x.reshape(-1, x.shape[-1])
    left = left.T if transpose_x else left
    right = w.T if transpose_w else w
    if splits == 1:
        np.matmul(left, right, out=y.reshape(-1, y.shape[-1]))
        if bias is not None:
            y += bias
        if residual is not None:
            y += residual
    else:
        part = split_length(left.shape[1], splits)
        for index in range(splits):
            inner = np.s_[index * part : (index + 1) * part]
            np.matmul(left[:, inner], right[inner], out=y[index])


def split_length(inner: int, splits: int) -> int:
    """Return the length of each part except the last when `inner` is cut into `splits`."""
    return -(-inner // splits)


def lengths(x, w, transpose_x, transpose_w):
    """Return (M, N, K) of the product. Raises ShapeError if the inner dimensions differ."""
    rows, columns = x.size // x.shape[-1], x.shape[-1]
    m, k = (columns, rows) if transpose_x else (rows, columns)
    n, w_inner = (w.shape[0], w.shape[1]) if transpose_w else (w.shape[1], w.shape[0])
    if k != w_inner:
        raise ShapeError(
            f"matmul: the inner dimensions differ: x {list(x.shape)}{' transposed' * transpose_x} has {k}, "
            f"w {list(w.shape)}{' transposed' * transpose_w} has {w_inner}"
        )
    return m, n, k


@matmul.shapes
def _(x, w, bias, residual, *, transpose_x, transpose_w, splits):
    if len(w.shape) != 2:
        raise ShapeError(f"matmul: w must be a matrix, got {list(w.shape)}")
    m, n, _ = lengths(x, w, transpose_x, transpose_w)
    if bias is not None and bias.shape != (n,):
        raise ShapeError(f"matmul: bias must be ({n},), got {list(bias.shape)}")
    if splits > 1:
        return (splits, m, n)
    shape = (m, n) if transpose_x else (*x.shape[:-1], n)
    if residual is not None and residual.shape != shape:
        raise ShapeError(f"matmul: residual must be {list(shape)}, like the product, got {list(residual.shape)}")
    return shape


@matmul.overrides
def _(x, w, bias, residual, y, *, transpose_x, transpose_w, splits):
    m, n, k = lengths(x, w, transpose_x, transpose_w)
    return {
        "M": m,
        "N": n,
        "K": k,
        "PART": split_length(k, splits),
        "HAS_BIAS": bias is not None,
        "HAS_RESIDUAL": residual is not None,
        "TRANSPOSE_X": transpose_x,
        "TRANSPOSE_W": transpose_w,
    }


def _has_whole_vectors(x, w, transpose_x, transpose_w, splits):
    """Whether all rows that the product reads or writes consist of whole vectors of 4."""
    m, n, k = lengths(x, w, transpose_x, transpose_w)
    return not (n % 4 or k % 4 or (transpose_x and m % 4) or split_length(k, splits) % 4)


def _suits_row(device, x, w, *operands, transpose_x, transpose_w, splits):
    """Whether x is a single row, as in sampling. A tile would waste seven of its eight rows: 582 against 168 us for
    (1, 128) @ (128, 384) on SwiftShader."""
    return (
        device.software
        and splits == 1
        and x.size == x.shape[-1]
        and not transpose_x
        and _has_whole_vectors(x, w, False, transpose_w, splits)
    )


def _suits_vec4(device, x, w, *operands, transpose_x, transpose_w, splits):
    # Smaller products take microseconds either way, and a model with no larger ones needs three fewer pipelines, which
    # take SwiftShader half a second to compile.
    large = math.prod(lengths(x, w, transpose_x, transpose_w)) >= 1 << 15
    return splits == 1 and large and _has_whole_vectors(x, w, transpose_x, transpose_w, splits)


def _suits_workgroup_vec4(device, x, w, *operands, **attributes):
    return not device.software and _has_whole_vectors(x, w, **attributes)


@matmul.variant("matmul_row", _suits_row, workgroup=(16, 1, 1))
def _(x, w, bias, residual, y, *, transpose_x, transpose_w, splits):
    return y.size // 4


# One workgroup computes 64 x 64 elements, one invocation 4 x 8.
@matmul.variant("matmul_workgroup_vec4", _suits_workgroup_vec4, workgroup=(8, 16, 1))
def _(x, w, bias, residual, y, *, transpose_x, transpose_w, splits):
    m, n, _ = lengths(x, w, transpose_x, transpose_w)
    return (-(-n // 64) * 8, -(-m // 64) * 16, splits)


# For software renderers, and a candidate on real GPUs: on some (Apple's, Intel's) register tiles alone are as fast.
@matmul.variant("matmul_vec4", _suits_vec4, workgroup=(16, 1, 1))
def _(x, w, bias, residual, y, *, transpose_x, transpose_w, splits):
    m, n, _ = lengths(x, w, transpose_x, transpose_w)
    return -(-n // 16) * -(-m // 8)


# On a software renderer, workgroup memory and barriers cost 3 to 6 times the product itself; on a real GPU they make it
# fast. In both shaders one invocation computes 8 x 8 elements and one workgroup 64 x 64.
@matmul.threads
@matmul.variant("matmul_workgroup", is_hardware)
def _(x, w, bias, residual, y, *, transpose_x, transpose_w, splits):
    m, n, _ = lengths(x, w, transpose_x, transpose_w)
    return (-(-n // 8), -(-m // 8), splits)


@matmul.flops
def _(shapes, attributes):
    return 2 * math.prod(shapes["x"]) * shapes["y"][-1]


@matmul.sizes
def _(x, w, bias, residual, y, *, transpose_x, transpose_w, splits):
    whole_vectors = _has_whole_vectors(x, w, transpose_x, transpose_w, splits)
    return *lengths(x, w, transpose_x, transpose_w), splits, transpose_x, transpose_w, whole_vectors


@matmul.expand
def _(device, operands, attributes):
    """Split a long inner dimension, as in weight gradients, into parts: a GPU needs many invocations to be busy, and a
    small y has few. The parts are added in order, so the bits do not depend on which part finishes first. A software
    renderer needs it where an invocation would turn too often."""
    x, w, bias, residual, y = operands
    if attributes["splits"] > 1 or bias is not None or residual is not None:
        return False
    m, n, k = lengths(x, w, attributes["transpose_x"], attributes["transpose_w"])
    tiles = -(-m // 64) * -(-n // 64)
    if device.software:
        turns = k // 4 if _suits_vec4(device, x, w, **attributes) else k
        splits = -(-k // MOST_TURNS) if turns > MOST_TURNS else 1
    else:
        splits = min(k // 512, 128 // tiles)
    if splits < 2:
        return False
    parts = matmul(
        x.detached(),
        w.detached(),
        splits=splits,
        transpose_x=attributes["transpose_x"],
        transpose_w=attributes["transpose_w"],
    )
    sum(parts.reshape(1, splits, m * n), out=y.reshape(1, m * n))
    return True


@matmul.gradient
def _(dy, x, w, transpose_x, transpose_w, wanted, w_into, bias_into):
    if transpose_x:
        raise ShapeError("matmul: there is no gradient through a transposed x; transpose w instead")
    dx = matmul(dy, w, transpose_w=not transpose_w) if wanted[0] else None
    left, right = (dy, x) if transpose_w else (x, dy)
    dw = matmul(left, right.reshape(-1, right.shape[-1]), transpose_x=True, out=w_into) if wanted[1] else None
    dbias = sum_rows(dy, bias_into) if wanted[2] else None
    return dx, dw, dbias, dy if wanted[3] else None


def sum_rows(dy, into=None):
    """Return the gradient of a bias: dy (..., N) summed over its rows, in two stages to give a GPU more invocations."""
    n, rows = dy.shape[-1], dy.size // dy.shape[-1]
    part = next((length for length in (64, 48, 32, 16, 12, 8) if rows % length == 0 and rows > length), rows)
    into = into.reshape(1, n) if into is not None else None
    if rows == part:
        return sum(dy.reshape(1, rows, n), out=into).reshape(n)
    partial = sum(dy.reshape(rows // part, part, n))
    return sum(partial.reshape(1, rows // part, n), out=into).reshape(n)
