"""Self-attention for one new token, with the keys and values of earlier tokens in a cache."""

from pygpt.errors import ShapeError
from pygpt.ops import attention_scores
from pygpt.ops.attention_scores import by_head, grouped, parts, slopes
from pygpt.tensor.kernel import is_hardware_or_long, kernel, np

LANES = 64


@kernel(
    outputs=("cache", "y"),
    optional=("sinks",),
    in_place=True,
    no_gradient="it is used only for sampling",
    gathers_rows=True,
)
def attention_cached(qkv, position, sinks, cache, y, *, n_head, n_kv_head=0, window=0, cap=0.0, alibi=False):
    """Write qkv to row `position` of the cache, then compute y = softmax(s) v for each head over rows 0..position.

    The scores s, the attributes and the sinks are as in `attention`. The cache has the layout of its qkv, so a forward
    pass over a window can fill it. A position past the end of the cache means its last row. cache and y are passed as
    `out` and updated in place.

    Shapes: qkv (B, 1, (H + 2 K) D): q, k and v side by side, each with its heads side by side; position uint32 (1,);
        sinks (H,) or absent; cache (B, T, (H + 2 K) D); y (B, 1, H D).
    """
    check(qkv, sinks, cache, y, n_head, n_kv_head, window, cap)
    row = min(int(position[0]), cache.shape[1] - 1)
    cache[:, row] = qkv[:, 0]
    first = max(0, row + 1 - (window or row + 1))
    q = parts(qkv, n_head, n_kv_head)[0]  # (B, K, H / K, 1, D)
    _, k, v = parts(cache[:, first : row + 1], n_head, n_kv_head)  # (B, K, 1, seen, D)
    scores = q * q.dtype.type(q.shape[-1] ** -0.5) @ k.swapaxes(3, 4)  # (B, K, H / K, 1, seen)
    if cap:
        scores = np.tanh(scores / cap) * cap
    if alibi:
        scores -= by_head(np.array(slopes(n_head), q.dtype), q) * np.arange(row - first, -1, -1, dtype=q.dtype)
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
    """Raise ShapeError unless qkv has one row per sequence, as wide as the rows of the cache, and y fits the result."""
    attention_scores.check("attention_cached", cache, n_head, n_kv_head, window, cap, sinks)
    batch, _, width = cache.shape
    if qkv.shape != (batch, 1, width) or y.shape != (batch, 1, width // (n_head + 2 * (n_kv_head or n_head)) * n_head):
        raise ShapeError(
            f"attention_cached: expected qkv (B, 1, W), a cache (B, T, W) and y (B, 1, H D) where W is the width "
            f"for {n_head} query heads, got {list(qkv.shape)}, {list(cache.shape)} and {list(y.shape)}"
        )


@attention_cached.overrides
def _(qkv, position, sinks, cache, y, *, n_head, n_kv_head, window, cap, alibi):
    check(qkv, sinks, cache, y, n_head, n_kv_head, window, cap)
    _, time, width = cache.shape
    constants = attention_scores.overrides(time, width, n_head, n_kv_head, window, cap, alibi)
    return {**constants, "HAS_SINKS": sinks is not None}


# A software renderer runs one invocation per head, because barriers cost it more than they save (row 48 of 64, 4 heads
# of 32: 121 against 289 us on lavapipe, 124 against 336 on SwiftShader). A real GPU runs one workgroup per head.
@attention_cached.threads
def _(qkv, position, sinks, cache, y, *, n_head, **others):
    return qkv.shape[0] * n_head


# One invocation visits 4 keys at a time, twice their channels.
@attention_cached.variant(
    "attention_cached_workgroup",
    is_hardware_or_long(
        lambda qkv, position, sinks, cache, y, *, n_head, window, **others: (
            min(window or cache.shape[1], cache.shape[1]) // 4 * 2 * (y.shape[-1] // n_head)
        )
    ),
)
def _(qkv, position, sinks, cache, y, *, n_head, **others):
    return qkv.shape[0] * n_head * LANES
