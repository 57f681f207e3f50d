"""Rotary position embeddings: rotate queries and keys by angles proportional to their position."""

import math
from array import array
from collections.abc import Callable

from pygpt.errors import ShapeError
from pygpt.tensor.kernel import kernel, np, scratch

# The twin processes this many elements at a time, in whole rows, so that its arrays stay in the CPU caches.
BLOCK = 1 << 17


def rope_table(
    block_size: int,
    head_size: int,
    base: float = 10000.0,
    scaled: Callable[[float], float] = lambda wavelength: wavelength,
) -> "array[float]":
    """Return the flat table that `rope` reads: for each position the D/2 cosines, then the D/2 sines, of the angles
    position / scaled(base^(2 i / D)), where `scaled` maps a wavelength divided by 2 pi to the one to use.

    The host computes it in double precision, so that all devices rotate by the same bits.
    Source: Su et al., "RoFormer", arXiv 2104.09864, equation 15.
    """
    table: array[float] = array("f")
    lengths = [scaled(base ** (2 * i / head_size)) for i in range(head_size // 2)]
    for position in range(block_size):
        angles = [position / length for length in lengths]
        table.extend([*map(math.cos, angles), *map(math.sin, angles)])
    return table


@kernel(outputs=("y",), optional=("start",), operations=3)
def rope(qkv, table, start, y, *, n_head, n_kv_head=0, inverse=False):
    """Rotate elements i and i + D/2 of each query and key head, as a point in the plane, by the table's angle for i and
    the position start + t of their row, or by minus that angle if `inverse`. Values are copied.

    A position past the end of the table uses its last row. Elements are paired as in Hugging Face's Llama.
    Shapes: qkv (B, T, (H + 2 K) D): H query heads, K key heads and K value heads side by side, where H is n_head and K
        is n_kv_head, or H if that is 0; table (positions, D), see `rope_table`; start uint32 (1,), or absent for 0 -> y
        like qkv.
    """
    batch, time, width = qkv.shape
    half, rotated = table.shape[1] // 2, n_head + (n_kv_head or n_head)
    first = 0 if start is None else int(start[0])
    rows = table[np.minimum(np.arange(first, first + time), len(table) - 1)]
    cosine, sine = rows[:, None, :half], rows[:, None, half:]
    sine = -sine if inverse else sine
    x, out = (part.reshape(batch, time, -1, 2, half) for part in (qkv, y))
    step = max(1, BLOCK // (time * width))
    for sequences in (slice(sequence, sequence + step) for sequence in range(0, batch, step)):
        out[sequences, :, rotated:] = x[sequences, :, rotated:]
        (a, b), (left, right) = (np.moveaxis(part[sequences, :, :rotated], 3, 0) for part in (x, out))
        product = np.multiply(b, sine, out=scratch("product", b.shape, qkv.dtype))
        np.multiply(a, cosine, out=left)
        left -= product
        np.multiply(a, sine, out=product)
        np.multiply(b, cosine, out=right)
        right += product


def head_counts(name, qkv, n_head, n_kv_head):
    """Return (query and key heads, all heads) of qkv. Raises ShapeError, naming the op, if they do not fit."""
    rotated, heads = n_head + (n_kv_head or n_head), n_head + 2 * (n_kv_head or n_head)
    if len(qkv.shape) != 3 or qkv.shape[2] % heads:
        raise ShapeError(
            f"{name}: expected qkv (B, T, {heads} D) for {n_head} query heads and {n_kv_head or n_head} key and "
            f"value heads, got {list(qkv.shape)}"
        )
    return rotated, heads


@rope.shapes
def _(qkv, table, start, *, n_head, n_kv_head, inverse):
    _, heads = head_counts("rope", qkv, n_head, n_kv_head)
    size = qkv.shape[2] // heads
    if size % 2 or table.shape != (table.shape[0], size) or table.shape[0] < qkv.shape[1]:
        raise ShapeError(
            f"rope: expected heads of an even size and a table of at least {qkv.shape[1]} positions by {size}, "
            f"got {list(table.shape)}"
        )
    return qkv.shape


@rope.overrides
def _(qkv, table, start, y, *, n_head, n_kv_head, inverse):
    rotated, heads = head_counts("rope", qkv, n_head, n_kv_head)
    return {
        "T": qkv.shape[1],
        "POSITIONS": table.shape[0],
        "D": table.shape[1],
        "HEADS": heads,
        "ROTATED": rotated,
        "INVERSE": inverse,
        "HAS_START": start is not None,
    }


@rope.threads
def _(qkv, table, start, y, *, n_head, n_kv_head, inverse):
    return qkv.size // 2


@rope.gradient
def _(dy, table, start, n_head, n_kv_head, inverse):
    # The gradient of a rotation is its inverse.
    return rope(dy, table, start, n_head=n_head, n_kv_head=n_kv_head, inverse=not inverse)
