"""Shared by attention and its gradient: tiles, views of the heads, scores and the dropout mask."""

import functools
import math

from pygpt.errors import ShapeError
from pygpt.ops.threefry import threefry2x32
from pygpt.tensor.kernel import np, scratch

# The twins process this many queries and at most about this many scores at a time, so that the table of scores stays in
# the CPU cache. At B=64, T=256, H=6, D=64 that is four times faster than all scores at once; at T=64 it is no slower.
QUERIES = 64
SCORES = 1 << 18


@functools.cache
def tiles(shape, n_head, window):
    """Return tiles (sequences, first query, end of queries, first key), the last queries of a sequence first."""
    batch, time = shape[:2]
    window = window or time
    chunk = max(1, SCORES // (n_head * min(time, QUERIES) * min(time, QUERIES + window - 1)))
    return [
        (slice(sequence, sequence + chunk), start, min(start + QUERIES, time), max(0, start - window + 1))
        for sequence in range(0, batch, chunk)
        for start in reversed(range(0, time, QUERIES))
    ]


def grouped(packed, n_head, n_kv_head):
    """Return a view (B, K, H / K, T, D) of (B, T, H D): the heads in K groups that each share a key head."""
    batch, time, width = packed.shape
    n_kv_head = n_kv_head or n_head
    return packed.reshape(batch, time, n_kv_head, n_head // n_kv_head, width // n_head).transpose(0, 2, 3, 1, 4)


def parts(packed, n_head, n_kv_head):
    """Return views of (B, T, (H + 2 K) D): queries (B, K, H / K, T, D), keys and values (B, K, 1, T, D)."""
    n_kv_head = n_kv_head or n_head
    size = packed.shape[2] // (n_head + 2 * n_kv_head)
    k, v = n_head * size, (n_head + n_kv_head) * size
    return (
        grouped(packed[:, :, :k], n_head, n_kv_head),
        grouped(packed[:, :, k:v], n_kv_head, n_kv_head),
        grouped(packed[:, :, v:], n_kv_head, n_kv_head),
    )


def scores(q, k, tile, window, cap, alibi):
    """Return a tile's scores, minus infinity where a query does not see a key, and their derivatives with respect to
    the uncapped scores, or None if `cap` is 0."""
    _, start, stop, first = tile
    rows = q[..., start:stop, :]
    scaled = np.multiply(rows, q.shape[-1] ** -0.5, out=scratch("queries", rows.shape, q.dtype))
    shape = (*rows.shape[:-1], stop - first)
    table = np.matmul(scaled, k[..., first:stop, :].swapaxes(3, 4), out=scratch("scores", shape, q.dtype))
    cap_slope = None
    if cap:
        table /= cap
        np.tanh(table, out=table)
        cap_slope = np.multiply(table, table, out=scratch("cap_slope", shape, q.dtype))
        np.subtract(1.0, cap_slope, out=cap_slope)
        table *= cap
    if alibi:
        distances = np.arange(start, stop, dtype=q.dtype)[:, None] - np.arange(first, stop, dtype=q.dtype)
        table -= by_head(np.array(slopes(rows.shape[1] * rows.shape[2]), q.dtype), rows) * distances
    table[..., start - first :] += _causal_mask(stop - start, q.dtype)
    hidden = stop - first - (window or stop)  # keys outside the window of at least one query
    if hidden > 0:
        table[..., :hidden] += _window_mask(stop - start, hidden, start - first - window, q.dtype)
    return table, cap_slope


def by_head(numbers, like):
    """Reshape one number per head, (H,), to (K, H / K, 1, 1), to broadcast with (B, K, H / K, ...)."""
    return numbers.reshape(*like.shape[1:3], 1, 1)


@functools.cache
def slopes(n_head):
    """Return the ALiBi slopes: 2^(-8/p), its square and so on for the first p heads, where p is the largest power of
    two up to H; for the other heads, every second slope of 2 p heads.

    Source: Press, Smith and Lewis, "Train Short, Test Long", arXiv 2108.12409, section 3 and the published code.
    """
    power = largest_power(n_head)
    return [
        2.0 ** (-8 * (head + 1) / power) if head < power else 2.0 ** (-4 * (2 * (head - power) + 1) / power)
        for head in range(n_head)
    ]


def largest_power(n_head):
    """Return the largest power of two that is at most n_head."""
    return 1 << (n_head.bit_length() - 1)


@functools.cache
def _causal_mask(length, dtype):
    """Return a square mask: minus infinity above the diagonal, 0 elsewhere."""
    return np.triu(np.full((length, length), -np.inf, dtype), 1)


@functools.cache
def _window_mask(rows, columns, diagonal, dtype):
    """Return a mask: minus infinity on and below the given diagonal, 0 above it."""
    return np.where(np.tri(rows, columns, diagonal, bool), dtype.type(-np.inf), dtype.type(0))


def dropout_mask(shape, tile, time, seed, step, rate, purpose):
    """Return which probabilities of a tile (B, K, H / K, queries, keys) dropout sets to zero."""
    sequences, start, _, first = tile
    flat = shape[0], shape[1] * shape[2], *shape[3:]
    batch, heads, rows, columns = (np.arange(length, dtype=np.uint32) for length in flat)
    head = (batch[:, None] + np.uint32(sequences.start)) * flat[1] + heads
    row = head[..., None] * time + (rows + np.uint32(start))
    index = np.add(row[..., None] * time, columns + np.uint32(first), out=scratch("index", flat, np.uint32))
    words = scratch("word0", flat, np.uint32), scratch("word1", flat, np.uint32)
    word, _ = threefry2x32(seed, purpose, index, step, words)
    return np.less(word, np.uint32(rate * 2**32), out=scratch("dropped", flat, bool)).reshape(shape)


def check(name, qkv, n_head, n_kv_head=0, window=0, cap=0.0, sinks=None, **others):
    """Raise ShapeError unless qkv is (B, T, (H + 2 K) D) for these heads and the options are valid."""
    n_kv_head = n_kv_head or n_head
    if n_kv_head < 1 or n_head % n_kv_head:
        raise ShapeError(f"{name}: n_head must be a multiple of n_kv_head, got {n_head} and {n_kv_head}")
    if len(qkv.shape) != 3 or qkv.shape[2] % (n_head + 2 * n_kv_head):
        raise ShapeError(
            f"{name}: qkv must be (B, T, W) with W a multiple of {n_head} + 2 * {n_kv_head}, the heads of "
            f"queries, keys and values, got {list(qkv.shape)}"
        )
    if window < 0 or cap < 0:
        raise ShapeError(f"{name}: window and cap must be at least 0, where 0 means none, got {window} and {cap}")
    if sinks is not None and sinks.shape != (n_head,):
        raise ShapeError(f"{name}: sinks must be a number for each of {n_head} heads, got {list(sinks.shape)}")


def overrides(time, width, n_head, n_kv_head, window, cap, alibi):
    """Return the constants shared by the shaders of attention, its gradient and attention_cached."""
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
    """Return the number of pairs of a query and a visible key in one sequence; window 0 means no limit."""
    seen = min(window or time, time)
    return seen * (seen + 1) // 2 + (time - seen) * seen
