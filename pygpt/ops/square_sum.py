"""The norm of a gradient and its clipping factor."""

from pygpt.errors import ShapeError
from pygpt.tensor.kernel import MOST_TURNS, kernel, np, scratch

# Invocations per workgroup: each adds up its own elements, then the workgroup adds up these sums.
LANES = 64


@kernel(outputs=("partial",), no_gradient="it measures gradients; no model takes a gradient through it", operations=2)
def square_sum(x, partial, *, parts=1024):
    """partial[p] = the sum of x[i]^2 over all i with (i // 64) modulo P equal to p, in a fixed order.

    Lane l of part p adds up x[64 p + l]^2, x[64 (p + P) + l]^2, ...; then a tree adds up the 64 lanes. P is `parts`, or
    less if some parts would be empty.

    Shapes: x (...) -> partial (P,).
    """
    flat, row = x.reshape(-1), partial.size * LANES
    lanes, squares = scratch("lanes", (row,), x.dtype), scratch("squares", (row,), x.dtype)
    lanes[...] = 0.0
    for start in range(0, flat.size, row):
        piece = flat[start : start + row]
        lanes[: piece.size] += np.multiply(piece, piece, out=squares[: piece.size])
    np.sum(lanes.reshape(-1, LANES), axis=1, out=partial)


@square_sum.shapes
def _(x, *, parts):
    return (min(parts, -(-x.size // LANES)),)


@square_sum.overrides
def _(x, partial, *, parts):
    return {"P": partial.size}


@square_sum.threads
def _(x, partial, *, parts):
    return (partial.size * LANES, 1)


# For software renderers: one invocation computes a part, 16 vectors of 4 at a time.
@square_sum.variant(
    "square_sum_vec4",
    lambda device, x, partial, **_: device.software and x.size % 4 == 0 and x.size <= 4 * MOST_TURNS * partial.size,
    workgroup=(16, 1, 1),
)
def _(x, partial, *, parts):
    return partial.size


@kernel(outputs=("scale", "norm"), no_gradient="it measures gradients; no model takes a gradient through it")
def clip_scale(partial, scale, norm, *, max_norm):
    """norm = the square root of the sum of `partial`; scale = min(1, max_norm / (norm + 1e-6)), or 1 if max_norm is 0.

    Lane l adds up partial[l], partial[l + 64], ...; then a tree adds up the 64 lanes.

    Shapes: partial (P,) -> scale (1,), norm (1,).
    Source: torch.nn.utils.clip_grad_norm_.
    """
    np.sqrt(np.sum(partial, keepdims=True), out=norm)
    if max_norm:
        np.divide(max_norm, norm + 1e-6, out=scale)
        np.minimum(scale, 1.0, out=scale)
    else:
        scale[...] = 1.0


@clip_scale.shapes
def _(partial, *, max_norm):
    if len(partial.shape) != 1:
        raise ShapeError(f"clip_scale: expected partial sums (P,), got {list(partial.shape)}")
    return [(1,), (1,)]


@clip_scale.overrides
def _(partial, scale, norm, *, max_norm):
    return {"MAX_NORM": float(max_norm)}


@clip_scale.threads
def _(partial, scale, norm, *, max_norm):
    return LANES
