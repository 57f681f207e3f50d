"""Normal random numbers for initial weights, with the same bits on every device."""

from array import array

from pygpt.ops.threefry import BLOCK, threefry2x32
from pygpt.tensor.kernel import kernel, np

# The sum of twelve half words, each uniform on 0 ... 65535, has this mean and a standard deviation of 65536.
MEAN = 12 * 65535 // 2


@kernel(outputs=("y",), in_place=True, no_gradient="its output is random", operations=200)
def normal(seed, y, *, std, purpose):
    """y[i] = std times an approximately normal random number; y is passed as `out`.

    That number is the sum of twelve uniform numbers minus its mean (Irwin-Hall). The sum uses integers, and the only
    rounding is that of one product, which is the same on every device. The numbers stay within +-6 standard deviations,
    and their fourth moment is 2.9 rather than 3. The words of element i have counters (i, 0), (i, 1) and (i, 2).

    Shapes: seed uint32 (1,) -> y (...).
    Source: Irwin, "On the frequency distribution of the means of samples", Biometrika 1927, and Hall, ibid.
    """
    flat = y.reshape(-1)
    for start in range(0, flat.size, BLOCK):
        index = np.arange(start, min(start + BLOCK, flat.size), dtype=np.uint32)
        total = np.full(index.size, -MEAN, np.int32)
        for counter in range(3):
            for word in threefry2x32(seed, purpose, index, counter):
                total += (word & np.uint32(0xFFFF)).view(np.int32)
                total += (word >> np.uint32(16)).view(np.int32)
        np.multiply(total.astype(y.dtype), factor(std), out=flat[start : start + BLOCK])


def factor(std: float) -> float:
    """Return the factor of the integer sum, rounded to float32 here so that devices cannot round it differently."""
    return array("f", [std / 65536])[0]


@normal.overrides
def _(seed, y, *, std, purpose):
    return {"FACTOR": factor(std), "PURPOSE": purpose}
