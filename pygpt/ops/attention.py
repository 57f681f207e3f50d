"""Causal self-attention of several heads, without ever holding all probabilities at once."""

import functools
import math

from pygpt.errors import ShapeError
from pygpt.kernel import kernel, np, scratch
from pygpt.ops.threefry import threefry2x32

# The twins take so many queries at a time, with the keys they may see, of so many sequences that a table of scores
# stays in the cache: at B=64, T=256, H=6, D=64 four times faster than all scores at once, at T=64 no slower.
QUERIES = 64
SCORES = 1 << 18


@kernel(outputs=("y", "log_sum_exp"), optional=("seed", "step"))
def attention(qkv, seed, step, y, log_sum_exp, *, n_head, rate=0.0, purpose=0):
    """y = dropout(softmax(q k^T / sqrt(D))) v for each head, where token i sees the tokens j <= i.

    With rate > 0, probability (b, h, i, j) is kept, and divided by 1 - rate, if the first word for key (seed, purpose)
    and counter (((b H + h) T + i) T + j, step) is at least rate * 2^32. log_sum_exp is that of the scores.
    Shapes: qkv (B, T, 3 C): q, k and v side by side, in each the heads side by side, C = H D; seed, step uint32 (1,),
        absent where rate is 0 -> y (B, T, C); log_sum_exp (B, H, T).
    Source: Dao et al., "FlashAttention", arXiv 2205.14135; Milakov and Gimelshein, arXiv 1805.02867, for the softmax.
    """
    for some, start, stop in _tiles(qkv.shape, n_head):
        q, k, v = _heads(qkv[some], n_head)
        scores = _scores(q, k, start, stop)
        peak = np.max(scores, axis=-1, keepdims=True, out=scratch("peak", (*scores.shape[:-1], 1), q.dtype))
        scores -= peak
        np.exp(scores, out=scores)
        total = np.matmul(scores, _ones(stop, q.dtype), out=scratch("total", peak.shape, q.dtype))
        peak += np.log(total, out=scratch("logarithm", peak.shape, q.dtype))
        log_sum_exp[some, :, start:stop] = peak[..., 0]
        if rate:
            np.copyto(scores, 0.0, where=_dropped(scores.shape, some, start, qkv.shape[1], seed, step, rate, purpose))
            total *= 1.0 - rate
        out = np.matmul(scores, v[:, :, :stop], out=_split(y[some], n_head)[:, :, start:stop])
        out /= total


@functools.cache
def _tiles(shape, n_head):
    """What to take at a time: (sequences, first query, query after the last), the last queries of a sequence first."""
    batch, time = shape[:2]
    chunk = max(1, SCORES // (n_head * min(time, QUERIES) * time))
    return [(slice(sequence, sequence + chunk), start, min(start + QUERIES, time))
            for sequence in range(0, batch, chunk) for start in reversed(range(0, time, QUERIES))]


def _split(packed, n_head):
    """A view (B, H, T, D) of (B, T, H D)."""
    batch, time, width = packed.shape
    return packed.reshape(batch, time, n_head, width // n_head).swapaxes(1, 2)


def _heads(packed, n_head):
    """Views (B, H, T, D) of the three parts of (B, T, 3 H D)."""
    parts = _split(packed, 3 * n_head)
    return parts[:, :n_head], parts[:, n_head : 2 * n_head], parts[:, 2 * n_head :]


def _scores(q, k, start, stop):
    """The scores of the queries from start to stop against all keys before stop; minus infinity for later keys."""
    rows = q[:, :, start:stop]
    scaled = np.multiply(rows, q.shape[-1] ** -0.5, out=scratch("queries", rows.shape, q.dtype))
    scores = np.matmul(scaled, k[:, :, :stop].swapaxes(2, 3), out=scratch("scores", (*rows.shape[:-1], stop), q.dtype))
    scores[..., start:] += _later(stop - start, q.dtype)
    return scores


@functools.cache
def _later(length, dtype):
    """Minus infinity above the diagonal of a square, 0 elsewhere."""
    return np.triu(np.full((length, length), -np.inf, dtype), 1)


@functools.cache
def _ones(length, dtype):
    """A column to add rows up with: a matrix product does it several times faster than a sum."""
    return np.ones((length, 1), dtype)


def _dropped(shape, some, start, time, seed, step, rate, purpose):
    """Which of a tile's probabilities dropout drops."""
    batch, heads, rows, columns = (np.arange(length, dtype=np.uint32) for length in shape)
    head = (batch[:, None] + np.uint32(some.start)) * shape[1] + heads
    row = head[..., None] * time + (rows + np.uint32(start))
    index = np.add(row[..., None] * time, columns, out=scratch("index", shape, np.uint32))
    words = scratch("word0", shape, np.uint32), scratch("word1", shape, np.uint32)
    word, _ = threefry2x32(seed, purpose, index, step, words)
    return np.less(word, np.uint32(rate * 2**32), out=scratch("dropped", shape, bool))


@attention.shapes
def _(qkv, seed, step, *, n_head, rate, purpose):
    if len(qkv.shape) != 3 or qkv.shape[2] % (3 * n_head):
        raise ShapeError(f"attention: qkv must be (B, T, 3 C) with C a multiple of {n_head} heads, "
                         f"got {list(qkv.shape)}")
    if not 0 <= rate < 1 or (rate and (seed is None or step is None)):
        raise ShapeError(f"attention: rate must be at least 0 and less than 1, and above 0 it takes seed and step; got "
                         f"rate {rate}, seed {seed}, step {step}")
    batch, time, width = qkv.shape
    return [(batch, time, width // 3), (batch, n_head, time)]


def _overrides(qkv, n_head, rate, purpose):
    _, time, width = qkv.shape
    size = width // 3 // n_head
    return {"T": time, "H": n_head, "D": size, "SCALE": 1.0 / math.sqrt(size), "THRESHOLD": int(rate * 2**32),
            "FACTOR": 1.0 / (1.0 - rate), "PURPOSE": purpose}


@attention.overrides
def _(qkv, seed, step, y, log_sum_exp, *, n_head, rate, purpose):
    return _overrides(qkv, n_head, rate, purpose)


# Both shaders for processors that play the GPU make 4 neighbouring tokens of a head an invocation.
@attention.threads
def _(qkv, seed, step, y, log_sum_exp, *, n_head, rate, purpose):
    return qkv.shape[0] * n_head * -(-qkv.shape[1] // 4)


def _on_gpus(device, qkv, n_head):
    """Whether this is a real GPU, and the heads are of 64 channels at most: a workgroup's memory has no room for more."""
    return not device.software and qkv.shape[2] <= 3 * 64 * n_head


# A workgroup has 32 tokens of a head.
@attention.variant("attention_workgroup", lambda device, qkv, *_, n_head, **others: _on_gpus(device, qkv, n_head),
                   workgroup=(8, 8, 1))
def _(qkv, seed, step, y, log_sum_exp, *, n_head, rate, purpose):
    return 8 * qkv.shape[0] * n_head * -(-qkv.shape[1] // 32)


@attention.gradient
def _(dy, qkv, y, log_sum_exp, seed, step, n_head, rate, purpose):
    delta = attention_delta(dy, y, n_head=n_head)
    return attention_gradient(dy, qkv, log_sum_exp, delta, seed, step, n_head=n_head, rate=rate, purpose=purpose)


@kernel(outputs=("delta",), no_gradient="first derivatives only")
def attention_delta(dy, y, delta, *, n_head):
    """delta = the dot product of dy and y for each token and head.

    It is the sum over j of p_ij dp_ij that softmax's gradient subtracts.
    Shapes: dy, y (B, T, C) -> delta (B, H, T).
    """
    np.vecdot(_split(dy, n_head), _split(y, n_head), out=delta)


@attention_delta.shapes
def _(dy, y, *, n_head):
    if dy.shape != y.shape:
        raise ShapeError(f"attention_delta: wanted dy like y {list(y.shape)}, got {list(dy.shape)}")
    return (y.shape[0], n_head, y.shape[1])


@attention_delta.overrides
def _(dy, y, delta, *, n_head):
    return {"T": y.shape[1], "H": n_head, "D": y.shape[2] // n_head}


@kernel(outputs=("dqkv",), optional=("seed", "step"), no_gradient="first derivatives only")
def attention_gradient(dy, qkv, log_sum_exp, delta, seed, step, dqkv, *, n_head, rate=0.0, purpose=0):
    """The gradients of q, k and v, side by side: probabilities p are made again from the scores and log_sum_exp.

    With m what dropout multiplies p by: dv_j = sum_i m_ij p_ij dy_i; ds_ij = p_ij (m_ij dy_i . v_j - delta_i);
    dq_i = sum_j ds_ij k_j / sqrt(D); dk_j = sum_i ds_ij q_i / sqrt(D). `step` must still hold what it held.
    Shapes: dy (B, T, C); qkv (B, T, 3 C); log_sum_exp, delta (B, H, T) -> dqkv (B, T, 3 C).
    Source: Dao et al., "FlashAttention", arXiv 2205.14135, appendix B.2.
    """
    for some, start, stop in _tiles(qkv.shape, n_head):
        q, k, v = _heads(qkv[some], n_head)
        dq, dk, dv = _heads(dqkv[some], n_head)
        rows = _split(dy[some], n_head)[:, :, start:stop]
        p = _scores(q, k, start, stop)
        p -= log_sum_exp[some, :, start:stop, None]
        np.exp(p, out=p)
        ds = np.matmul(rows, v[:, :, :stop].swapaxes(2, 3), out=scratch("ds", p.shape, q.dtype))
        kept = p
        if rate:
            dropped = _dropped(p.shape, some, start, qkv.shape[1], seed, step, rate, purpose)
            kept = np.multiply(p, 1.0 / (1.0 - rate), out=scratch("kept", p.shape, q.dtype))
            ds *= 1.0 / (1.0 - rate)
            for masked in (kept, ds):
                np.copyto(masked, 0.0, where=dropped)
        ds -= delta[some, :, start:stop, None]
        ds *= p
        ds *= q.shape[-1] ** -0.5
        np.matmul(ds, k[:, :, :stop], out=dq[:, :, start:stop])
        last = stop == qkv.shape[1]  # the first tile of these sequences reaches every key
        for out, left, right in ((dk, ds, q[:, :, start:stop]), (dv, kept, rows)):
            if last:
                np.matmul(left.swapaxes(2, 3), right, out=out)
            else:
                part = scratch("part", (*p.shape[:-2], stop, q.shape[-1]), q.dtype)
                out[:, :, :stop] += np.matmul(left.swapaxes(2, 3), right, out=part)


@attention_gradient.shapes
def _(dy, qkv, log_sum_exp, delta, seed, step, *, n_head, rate, purpose):
    batch, time, width = qkv.shape
    wanted = [(batch, time, width // 3), (batch, n_head, time), (batch, n_head, time)]
    came = [dy.shape, log_sum_exp.shape, delta.shape]
    if came != wanted:
        raise ShapeError(f"attention_gradient: wanted dy, log_sum_exp and delta {wanted}, got {came}")
    return qkv.shape


@attention_gradient.overrides
def _(dy, qkv, log_sum_exp, delta, seed, step, dqkv, *, n_head, rate, purpose):
    return _overrides(qkv, n_head, rate, purpose)


@attention_gradient.threads
def _(dy, qkv, log_sum_exp, delta, seed, step, dqkv, *, n_head, rate, purpose):
    return qkv.shape[0] * n_head * -(-qkv.shape[1] // 4)


# A workgroup has 32 tokens of a head, as queries or as keys.
@attention_gradient.variant("attention_gradient_workgroup",
                            lambda device, dy, qkv, *_, n_head, **others: _on_gpus(device, qkv, n_head), workgroup=(8, 8, 1))
def _(dy, qkv, log_sum_exp, delta, seed, step, dqkv, *, n_head, rate, purpose):
    return 8 * 2 * qkv.shape[0] * n_head * -(-qkv.shape[1] // 32)
