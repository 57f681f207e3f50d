"""Threefry-2x32-20, the random number generator of all kernels.

All kernels that draw random numbers use

    key     = (seed, purpose)     seed: the random seed of the run, a tensor; purpose: an attribute
    counter = (index, step)       index: of the element; step: of the training run, a tensor

so a number depends only on these four values, not on the device or on earlier draws. `purpose` is a kind (INIT, BATCH,
EVALUATION, DROPOUT or SAMPLE) plus the number of the place in the model that draws.
"""

import functools

from pygpt.errors import ShapeError
from pygpt.tensor.kernel import kernel, np, scratch

INIT = 1 << 16
BATCH = 2 << 16
EVALUATION = 3 << 16
DROPOUT = 4 << 16
SAMPLE = 5 << 16

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = 0x1BD11BDA
MASK = 0xFFFFFFFF

# Counters per block: four arrays of this length stay in the first-level cache of a CPU.
BLOCK = 1 << 14


def threefry2x32(key0, key1, counter0, counter1, out=None):
    """Return two arrays of random words, one pair for each key and counter; `out` gives the arrays to write to.

    Shapes: four uint32 arrays or integers that broadcast together -> two uint32 arrays of the common shape.
    Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011, and Random123.
    """
    given = [np.asarray(word, np.uint32) for word in (key0, key1, counter0, counter1)]
    shape = np.broadcast_shapes(*(word.shape for word in given))
    word0, word1 = out or (np.empty(shape, np.uint32), np.empty(shape, np.uint32))
    if word0.size == 1:
        word0[...], word1[...] = one_draw(*(int(word.item()) for word in given))
        return word0, word1
    given = [word.reshape(1) if word.size == 1 else np.broadcast_to(word, shape).reshape(-1) for word in given]
    x0, x1 = word0.reshape(-1), word1.reshape(-1)
    for start in range(0, x0.size, BLOCK):
        block = slice(start, start + BLOCK)
        _rounds(*(word if word.size == 1 else word[block] for word in (*given, x0, x1)))
    return word0, word1


def draws(key0, key1, start, count, counter1):
    """Return `threefry2x32` for the counters start, start + 1, ..., in memory that the next call reuses."""
    counters = np.add(_counters(), np.uint32(start), out=scratch("threefry.counters", (BLOCK,), np.uint32))[:count]
    out = scratch("threefry.word0", (count,), np.uint32), scratch("threefry.word1", (count,), np.uint32)
    return threefry2x32(key0, key1, counters, counter1, out)


@functools.cache
def _counters():
    return np.arange(BLOCK, dtype=np.uint32)


def _rounds(key0, key1, counter0, counter1, x0, x1):
    """Fill x0 and x1. All operands are arrays, because NumPy warns when a scalar overflows but not if an array does."""
    keys = (key0, key1, key0 ^ key1 ^ np.uint32(PARITY))
    spare = scratch("threefry.spare", x1.shape, np.uint32)
    np.add(counter0, key0, out=x0)
    np.add(counter1, key1, out=x1)
    for turn in range(1, 6):
        for rotation in ROTATIONS[(turn - 1) % 2]:
            x0 += x1
            np.left_shift(x1, rotation, out=spare)
            x1 >>= 32 - rotation
            x1 |= spare
            x1 ^= x0
        x0 += keys[turn % 3]
        x1 += keys[(turn + 1) % 3]
        x1 += np.uint32(turn)


def one_draw(key0: int, key1: int, counter0: int, counter1: int) -> tuple[int, int]:
    """Return the two words for one counter, from Python integers: five times faster than arrays of one element."""
    keys = (key0, key1, key0 ^ key1 ^ PARITY)
    x0, x1 = (counter0 + key0) & MASK, (counter1 + key1) & MASK
    for turn in range(1, 6):
        for rotation in ROTATIONS[(turn - 1) % 2]:
            x0 = (x0 + x1) & MASK
            x1 = ((x1 << rotation | x1 >> 32 - rotation) & MASK) ^ x0
        x0 = (x0 + keys[turn % 3]) & MASK
        x1 = (x1 + keys[(turn + 1) % 3] + turn) & MASK
    return x0, x1


@kernel(outputs=("bits",), in_place=True, no_gradient="its output is random")
def threefry(seed, step, bits, *, purpose):
    """bits[i] = the two words of Threefry for key (seed, purpose) and counter (i, step); bits is passed as `out`.

    Shapes: seed, step uint32 (1,) -> bits uint32 (N, 2).
    """
    check(bits)
    bits[:, 0], bits[:, 1] = threefry2x32(seed, purpose, np.arange(len(bits), dtype=np.uint32), step)


def check(bits):
    """Raise ShapeError unless bits is (N, 2)."""
    if len(bits.shape) != 2 or bits.shape[1] != 2:
        raise ShapeError(f"threefry: bits must be (N, 2), got {list(bits.shape)}")


@threefry.overrides
def _(seed, step, bits, *, purpose):
    check(bits)
    return {"PURPOSE": purpose}


@threefry.threads
def _(seed, step, bits, *, purpose):
    return bits.shape[0]
