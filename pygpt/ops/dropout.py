"""Dropout: random elements become zero during training."""

from pygpt.errors import ShapeError
from pygpt.ops.threefry import BLOCK, draws
from pygpt.tensor.kernel import kernel, np, scratch


@kernel(outputs=("y",), optional=("residual",), operations=40)
def dropout(x, seed, step, residual, y, *, rate, purpose):
    """y = x / (1 - rate) where an element is kept, else 0; plus residual.

    Elements 2 i and 2 i + 1 are kept if the first and second word, respectively, for key (seed, purpose) and counter
    (i, step) is at least rate * 2^32. The gradient draws the same words, so `step` must not change before it.

    Shapes: x (...); seed, step uint32 (1,); residual (...) or absent -> y (...).
    Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15, 2014.
    """
    x, y = x.reshape(-1), y.reshape(-1)
    np.multiply(x, 1.0 / (1.0 - rate), out=y)
    limit = np.uint32(threshold(rate))
    for start in range(0, (x.size + 1) // 2, BLOCK):
        part = y[2 * start : 2 * (start + BLOCK)]
        pairs = (part.size + 1) // 2
        dropped = scratch("dropout.dropped", (pairs, 2), bool)
        for column, words in enumerate(draws(seed, purpose, start, pairs, step)):
            np.less(words, limit, out=dropped[:, column])
        np.copyto(part, 0.0, where=dropped.reshape(-1)[: part.size])
    if residual is not None:
        y += residual.reshape(-1)


def threshold(rate: float) -> int:
    """Return the smallest random word for which an element is kept."""
    return int(rate * 2**32)


@dropout.shapes
def _(x, seed, step, residual, *, rate, purpose):
    if not 0 <= rate < 1:
        raise ShapeError(f"dropout: rate must be at least 0 and less than 1, got {rate}")
    if residual is not None and residual.shape != x.shape:
        raise ShapeError(f"dropout: residual must have the shape of x {list(x.shape)}, got {list(residual.shape)}")
    return x.shape


@dropout.overrides
def _(x, seed, step, residual, y, *, rate, purpose):
    return {
        "THRESHOLD": threshold(rate),
        "FACTOR": 1.0 / (1.0 - rate),
        "PURPOSE": purpose,
        "HAS_RESIDUAL": residual is not None,
    }


@dropout.threads
def _(x, seed, step, residual, y, *, rate, purpose):
    return (x.size + 1) // 2


@dropout.gradient
def _(dy, seed, step, rate, purpose, wanted):
    return dropout(dy, seed, step, rate=rate, purpose=purpose), None, None, dy if wanted[3] else None
