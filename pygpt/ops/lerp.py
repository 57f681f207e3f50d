"""A mean that is kept up to date: of the weights over steps, of the gradients over the parts of a batch."""

from pygpt.errors import ShapeError
from pygpt.tensor.kernel import kernel, np, scratch

# So many elements at a time, as in adamw.
BLOCK = 1 << 16


@kernel(outputs=("y",), in_place=True, no_gradient="it averages what was learned", operations=3)
def lerp(x, shares, step, y):
    """y = y + share * (x - y), element by element; y is handed in as `out`. share is element `step` of shares, or the last.

    Shapes: x (...); shares (S,); step uint32 (1,); y like x.
    """
    check(x, shares, y)
    share = shares[min(int(step[0]), len(shares) - 1)]
    flat, into = x.reshape(-1), y.reshape(-1)
    for start in range(0, flat.size, BLOCK):
        some = into[start : start + BLOCK]
        way = np.subtract(flat[start : start + BLOCK], some, out=scratch("way", some.shape, some.dtype))
        way *= share
        some += way


def check(x, shares, y):
    """Raises ShapeError unless x and y are alike and there is a share."""
    if x.shape != y.shape or len(shares.shape) != 1:
        raise ShapeError(
            f"lerp: wanted x and y alike and shares (S,), got {list(x.shape)}, {list(y.shape)} and {list(shares.shape)}"
        )


@lerp.overrides
def _(x, shares, step, y):
    check(x, shares, y)
    return {}


@kernel(outputs=("total", "share"), in_place=True, workgroup=(1, 1, 1), no_gradient="it counts")
def running_share(count, total, share):
    """total = total + count and then share = count / total, or 0 if that is 0; both are handed in as `out`.

    The mean of everything moves by `share` toward the mean of the `count` that came last.

    Shapes: count, total, share (1,).
    """
    check_share(count, total, share)
    total += count
    share[...] = count / np.maximum(total, 1.0)


def check_share(count, total, share):
    """Raises ShapeError unless each is one number."""
    if not count.shape == total.shape == share.shape == (1,):
        raise ShapeError(
            f"running_share: wanted count, total and share (1,), got {list(count.shape)}, {list(total.shape)} and "
            f"{list(share.shape)}"
        )


@running_share.overrides
def _(count, total, share):
    check_share(count, total, share)
    return {}
