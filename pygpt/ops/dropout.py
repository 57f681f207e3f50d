"""Dropout: elements at random become zero while a model trains."""

from pygpt.errors import ShapeError
from pygpt.kernel import kernel, np
from pygpt.ops.threefry import threefry2x32


@kernel(outputs=("y",))
def dropout(x, seed, step, y, *, rate, purpose):
    """y = x / (1 - rate) where an element is kept, else 0.

    Elements 2 i and 2 i + 1 share one call: they are kept if its first or second word, for key (seed, purpose) and
    counter (i, step), is at least rate * 2^32. The gradient draws again, so `step` must still hold what it held.

    Shapes: x (...); seed, step uint32 (1,) -> y (...).
    Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15, 2014.
    """
    bits = np.empty(((x.size + 1) // 2, 2), np.uint32)
    bits[:, 0], bits[:, 1] = threefry2x32(seed, purpose, np.arange(len(bits), dtype=np.uint32), step)
    np.multiply(x, 1.0 / (1.0 - rate), out=y)
    np.copyto(y, 0.0, where=(bits.reshape(-1)[: x.size] < np.uint32(threshold(rate))).reshape(x.shape))


def threshold(rate: float) -> int:
    """The smallest word that keeps an element."""
    return int(rate * 2**32)


@dropout.shapes
def _(x, seed, step, *, rate, purpose):
    if not 0 <= rate < 1:
        raise ShapeError(f"dropout: rate must be at least 0 and less than 1, got {rate}")
    return x.shape


@dropout.overrides
def _(x, seed, step, y, *, rate, purpose):
    return {"THRESHOLD": threshold(rate), "FACTOR": 1.0 / (1.0 - rate), "PURPOSE": purpose}


@dropout.threads
def _(x, seed, step, y, *, rate, purpose):
    return (x.size + 1) // 2


@dropout.gradient
def _(dy, seed, step, rate, purpose):
    return dropout(dy, seed, step, rate=rate, purpose=purpose)
