"""Running means: of the weights over steps, and of the gradients over the parts of a batch."""

from pygpt.errors import ShapeError
from pygpt.tensor.kernel import kernel, np, scratch

# The twin processes this many elements at a time, as in adamw.
BLOCK = 1 << 16


@kernel(outputs=("y",), in_place=True, no_gradient="it averages weights and gradients", operations=3)
def lerp(x, shares, step, y):
    """y = y + share * (x - y), element by element; y is passed as `out`.

    share is element `step` of shares, or the last one if `step` is past the end.

    Shapes: x (...); shares (S,); step uint32 (1,); y like x.
    """
    check(x, shares, y)
    share = shares[min(int(step[0]), len(shares) - 1)]
    flat, into = x.reshape(-1), y.reshape(-1)
    for start in range(0, flat.size, BLOCK):
        y_part = into[start : start + BLOCK]
        delta = np.subtract(flat[start : start + BLOCK], y_part, out=scratch("delta", y_part.shape, y_part.dtype))
        delta *= share
        y_part += delta


def check(x, shares, y):
    """Raise ShapeError unless x and y have the same shape and shares is flat."""
    if x.shape != y.shape or len(shares.shape) != 1:
        raise ShapeError(
            f"lerp: expected x and y of the same shape and shares (S,), got {list(x.shape)}, {list(y.shape)} and "
            f"{list(shares.shape)}"
        )


@lerp.overrides
def _(x, shares, step, y):
    check(x, shares, y)
    return {}


@kernel(outputs=("total", "share"), in_place=True, workgroup=(1, 1, 1), no_gradient="it counts")
def running_share(count, total, share):
    """total = total + count and then share = count / total, or 0 if total is 0; both are passed as `out`.

    With this share, `lerp` updates a mean over `total` items with the mean of the newest `count` items.

    Shapes: count, total, share (1,).
    """
    check_share(count, total, share)
    total += count
    share[...] = count / np.maximum(total, 1.0)


def check_share(count, total, share):
    """Raise ShapeError unless each is one number (1,)."""
    if not count.shape == total.shape == share.shape == (1,):
        raise ShapeError(
            f"running_share: expected count, total and share (1,), got {list(count.shape)}, {list(total.shape)} and "
            f"{list(share.shape)}"
        )


@running_share.overrides
def _(count, total, share):
    check_share(count, total, share)
    return {}
