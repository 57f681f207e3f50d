"""What attention and its gradient share: how they cut their work, where the heads stand, the scores, dropout's choice."""

import functools
import math

from pygpt.errors import ShapeError
from pygpt.ops.threefry import threefry2x32
from pygpt.tensor.kernel import np, scratch

# The twins take so many queries at a time, with the keys they may see, of so many sequences that a table of scores
# stays in the cache: at B=64, T=256, H=6, D=64 four times faster than all scores at once, at T=64 no slower.
QUERIES = 64
SCORES = 1 << 18


@functools.cache
def tiles(shape, n_head, window):
    """What to take at a time: (sequences, first query, query after the last, first key); a sequence's last queries first."""
    batch, time = shape[:2]
    window = window or time
    chunk = max(1, SCORES // (n_head * min(time, QUERIES) * min(time, QUERIES + window - 1)))
    return [
        (slice(sequence, sequence + chunk), start, min(start + QUERIES, time), max(0, start - window + 1))
        for sequence in range(0, batch, chunk)
        for start in reversed(range(0, time, QUERIES))
    ]


def grouped(packed, n_head, n_kv_head):
    """A view (B, K, H / K, T, D) of (B, T, H D): the heads by the K groups that share a head of keys."""
    batch, time, width = packed.shape
    n_kv_head = n_kv_head or n_head
    return packed.reshape(batch, time, n_kv_head, n_head // n_kv_head, width // n_head).transpose(0, 2, 3, 1, 4)


def parts(packed, n_head, n_kv_head):
    """Views of the parts of (B, T, (H + 2 K) D): queries (B, K, H / K, T, D), keys and values (B, K, 1, T, D)."""
    n_kv_head = n_kv_head or n_head
    size = packed.shape[2] // (n_head + 2 * n_kv_head)
    k, v = n_head * size, (n_head + n_kv_head) * size
    return (
        grouped(packed[:, :, :k], n_head, n_kv_head),
        grouped(packed[:, :, k:v], n_kv_head, n_kv_head),
        grouped(packed[:, :, v:], n_kv_head, n_kv_head),
    )


def scores(q, k, tile, window, cap, alibi):
    """The scores of a tile's queries and keys, minus infinity where a query does not see a key; and their derivatives by
    what they would be without `cap`, None without it."""
    _, start, stop, first = tile
    rows = q[..., start:stop, :]
    scaled = np.multiply(rows, q.shape[-1] ** -0.5, out=scratch("queries", rows.shape, q.dtype))
    shape = (*rows.shape[:-1], stop - first)
    table = np.matmul(scaled, k[..., first:stop, :].swapaxes(3, 4), out=scratch("scores", shape, q.dtype))
    bend = None
    if cap:
        table /= cap
        np.tanh(table, out=table)
        bend = np.multiply(table, table, out=scratch("bend", shape, q.dtype))
        np.subtract(1.0, bend, out=bend)
        table *= cap
    if alibi:
        distances = np.arange(start, stop, dtype=q.dtype)[:, None] - np.arange(first, stop, dtype=q.dtype)
        table -= by_head(np.array(slopes(rows.shape[1] * rows.shape[2]), q.dtype), rows) * distances
    table[..., start - first :] += _later(stop - start, q.dtype)
    left = stop - first - (window or stop)  # keys that not all queries see any more
    if left > 0:
        table[..., :left] += _earlier(stop - start, left, start - first - window, q.dtype)
    return table, bend


def by_head(numbers, like):
    """A number for each head, (H,), as (K, H / K, 1, 1) for tables like (B, K, H / K, ...)."""
    return numbers.reshape(*like.shape[1:3], 1, 1)


@functools.cache
def slopes(n_head):
    """ALiBi's: 2^(-8/p), its square and so on for the first p heads, p the largest power of two among their numbers; for
    the others every second one of the 2 p heads' slopes.

    Source: Press, Smith and Lewis, "Train Short, Test Long", arXiv 2108.12409, section 3 and the published code.
    """
    power = largest_power(n_head)
    return [
        2.0 ** (-8 * (head + 1) / power) if head < power else 2.0 ** (-4 * (2 * (head - power) + 1) / power)
        for head in range(n_head)
    ]


def largest_power(n_head):
    """The largest power of two that is no larger."""
    return 1 << (n_head.bit_length() - 1)


@functools.cache
def _later(length, dtype):
    """Minus infinity above the diagonal of a square, 0 elsewhere."""
    return np.triu(np.full((length, length), -np.inf, dtype), 1)


@functools.cache
def _earlier(rows, columns, diagonal, dtype):
    """Minus infinity on and below a diagonal, 0 above it."""
    return np.where(np.tri(rows, columns, diagonal, bool), dtype.type(-np.inf), dtype.type(0))


def dropped(shape, tile, time, seed, step, rate, purpose):
    """Which of a tile's probabilities, a table (B, K, H / K, queries, keys), dropout drops."""
    some, start, _, first = tile
    flat = shape[0], shape[1] * shape[2], *shape[3:]
    batch, heads, rows, columns = (np.arange(length, dtype=np.uint32) for length in flat)
    head = (batch[:, None] + np.uint32(some.start)) * flat[1] + heads
    row = head[..., None] * time + (rows + np.uint32(start))
    index = np.add(row[..., None] * time, columns + np.uint32(first), out=scratch("index", flat, np.uint32))
    words = scratch("word0", flat, np.uint32), scratch("word1", flat, np.uint32)
    word, _ = threefry2x32(seed, purpose, index, step, words)
    return np.less(word, np.uint32(rate * 2**32), out=scratch("dropped", flat, bool)).reshape(shape)


def check(name, qkv, n_head, n_kv_head=0, window=0, cap=0.0, sinks=None, **others):
    """Raises ShapeError unless qkv is (B, T, (H + 2 K) D) for these heads, and what is asked for makes sense."""
    n_kv_head = n_kv_head or n_head
    if n_kv_head < 1 or n_head % n_kv_head:
        raise ShapeError(f"{name}: n_head must be a multiple of n_kv_head, got {n_head} and {n_kv_head}")
    if len(qkv.shape) != 3 or qkv.shape[2] % (n_head + 2 * n_kv_head):
        raise ShapeError(
            f"{name}: qkv must be (B, T, W) with W a multiple of {n_head} + 2 * {n_kv_head}, the heads of "
            f"queries, keys and values, got {list(qkv.shape)}"
        )
    if window < 0 or cap < 0:
        raise ShapeError(f"{name}: window and cap must be at least 0, which stands for none, got {window} and {cap}")
    if sinks is not None and sinks.shape != (n_head,):
        raise ShapeError(f"{name}: sinks must be a number for each of {n_head} heads, got {list(sinks.shape)}")


def overrides(time, width, n_head, n_kv_head, window, cap, alibi):
    """What the shaders of attention, its gradient and attention_cached have in common, of qkv (B, T, width)."""
    size = width // (n_head + 2 * (n_kv_head or n_head))
    return {
        "T": time,
        "H": n_head,
        "K": n_kv_head or n_head,
        "D": size,
        "SCALE": 1.0 / math.sqrt(size),
        "WINDOW": min(window or time, time),
        "CAP": float(cap),
        "ALIBI": largest_power(n_head) if alibi else 0,
    }


def attention_pairs(time: int, window: int) -> int:
    """How many pairs of a query and a key a sequence has under the causal mask; window 0 stands for none."""
    seen = min(window or time, time)
    return seen * (seen + 1) // 2 + (time - seen) * seen
