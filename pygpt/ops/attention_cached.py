"""Self-attention for one new token, which finds what the tokens before it left behind in a cache."""

import pygpt.ops.attention_scores as attention_scores
from pygpt.errors import ShapeError
from pygpt.ops.attention_scores import by_head, grouped, parts, slopes
from pygpt.tensor.kernel import for_gpus, kernel, np

LANES = 64


@kernel(
    outputs=("cache", "y"),
    optional=("sinks",),
    in_place=True,
    no_gradient="it samples; training reads whole windows",
    gathers_rows=True,
)
def attention_cached(qkv, position, sinks, cache, y, *, n_head, n_kv_head=0, window=0, cap=0.0, alibi=False):
    """Put qkv into the cache's row `position`, and make y = softmax(s) v for each head over rows 0..position.

    The scores s, and what the attributes and the sinks make of them, are those of `attention`, and so is what the cache
    holds: a forward pass over a window may write it. A position beyond the cache stands for its last row. Cache and y are
    handed in as `out`.

    Shapes: qkv (B, 1, (H + 2 K) D): q, k and v side by side, in each the heads side by side; position uint32 (1,); sinks
        (H,), may be absent; cache (B, T, (H + 2 K) D); y (B, 1, H D).
    """
    check(qkv, sinks, cache, y, n_head, n_kv_head, window, cap)
    place = min(int(position[0]), cache.shape[1] - 1)
    cache[:, place] = qkv[:, 0]
    first = max(0, place + 1 - (window or place + 1))
    q = parts(qkv, n_head, n_kv_head)[0]  # (B, K, H / K, 1, D)
    _, k, v = parts(cache[:, first : place + 1], n_head, n_kv_head)  # (B, K, 1, seen, D)
    scores = q * q.dtype.type(q.shape[-1] ** -0.5) @ k.swapaxes(3, 4)  # (B, K, H / K, 1, seen)
    if cap:
        scores = np.tanh(scores / cap) * cap
    if alibi:
        scores -= by_head(np.array(slopes(n_head), q.dtype), q) * np.arange(place - first, -1, -1, dtype=q.dtype)
    peak = scores.max(axis=-1, keepdims=True)
    if sinks is not None:
        peak = np.maximum(peak, by_head(sinks, q))
    scores -= peak
    np.exp(scores, out=scores)
    total = scores.sum(axis=-1, keepdims=True)
    if sinks is not None:
        total += np.exp(by_head(sinks, q) - peak)
    np.divide(scores @ v, total, out=grouped(y, n_head, n_kv_head))


def check(qkv, sinks, cache, y, n_head, n_kv_head=0, window=0, cap=0.0):
    """Raises ShapeError unless one row a sequence meets a cache of such rows, and y takes what comes of it."""
    attention_scores.check("attention_cached", cache, n_head, n_kv_head, window, cap, sinks)
    batch, _, width = cache.shape
    if qkv.shape != (batch, 1, width) or y.shape != (batch, 1, width // (n_head + 2 * (n_kv_head or n_head)) * n_head):
        raise ShapeError(
            f"attention_cached: wanted qkv (B, 1, W), a cache (B, T, W) and y (B, 1, H D) where W is that of {n_head} "
            f"heads of queries, got {list(qkv.shape)}, {list(cache.shape)} and {list(y.shape)}"
        )


@attention_cached.overrides
def _(qkv, position, sinks, cache, y, *, alibi, **others):
    check(qkv, sinks, cache, y, **others)
    return {**attention_scores.overrides(*cache.shape[1:], alibi=alibi, **others), "HAS_SINKS": sinks is not None}


# A processor that plays the GPU takes an invocation a head, since barriers cost it more than they save (place 48 of 64, 4 heads
# of 32: 121 against 289 us on lavapipe, 124 against 336 on SwiftShader); a real GPU takes a workgroup a head.
@attention_cached.threads
@attention_cached.variant("attention_cached_workgroup", for_gpus)
def _(qkv, position, sinks, cache, y, *, n_head, **others):
    return qkv.shape[0] * n_head * LANES
