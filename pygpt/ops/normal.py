"""Normal deviates with the same bits on every device: where initial weights come from."""

from array import array

from pygpt.ops.threefry import BLOCK, threefry2x32
from pygpt.tensor.kernel import kernel, np

# Twelve halves of words, each uniform on 0 ... 65535: their sum has this mean, and 65536 as its standard deviation.
MEAN = 12 * 65535 // 2


@kernel(outputs=("y",), in_place=True, no_gradient="its outcome is chance", operations=200)
def normal(seed, y, *, std, purpose):
    """y[i] = std times a deviate of nearly normal distribution; y is handed in as `out`.

    A deviate is the sum of twelve uniform numbers, less its mean (Irwin and Hall). The sum is one of integers and the
    only rounding a single product, which every device does alike. It never leaves +-6 standard deviations, and its
    fourth moment is 2.9 rather than 3. The words of element i come from the counters (i, 0), (i, 1) and (i, 2).

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
    """What a deviate's integer is multiplied by, rounded to float32 here so that no device rounds it for itself."""
    return array("f", [std / 65536])[0]


@normal.overrides
def _(seed, y, *, std, purpose):
    return {"FACTOR": factor(std), "PURPOSE": purpose}
