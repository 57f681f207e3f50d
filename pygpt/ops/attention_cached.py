"""Self-attention for one new token, which finds what the tokens before it left behind in a cache."""

import math

from pygpt.errors import ShapeError
from pygpt.kernel import for_gpus, kernel, np

LANES = 64


@kernel(outputs=("cache", "y"), in_place=True, no_gradient="it samples; training reads whole windows")
def attention_cached(qkv, position, cache, y, *, n_head):
    """Put qkv into the cache's row `position`, and make y = softmax(q k^T / sqrt(D)) v for each head over rows 0..position.

    The cache holds what `attention` reads, so a forward pass over a window may write it. A position beyond the cache
    stands for its last row. Cache and y are handed in as `out`.

    Shapes: qkv (B, 1, 3 C): q, k and v side by side, in each the heads side by side, C = H D; position uint32 (1,);
        cache (B, T, 3 C); y (B, 1, C).
    """
    check(qkv, cache, y, n_head)
    batch, time, width = cache.shape
    place = min(int(position[0]), time - 1)
    cache[:, place] = qkv[:, 0]
    seen = cache[:, : place + 1].reshape(batch, place + 1, 3, n_head, width // 3 // n_head)
    q = qkv.reshape(batch, 3, n_head, 1, -1)[:, 0]                       # (B, H, 1, D)
    scores = q * q.dtype.type(q.shape[-1] ** -0.5) @ seen[:, :, 1].transpose(0, 2, 3, 1)
    scores -= scores.max(axis=-1, keepdims=True)                         # (B, H, 1, place + 1)
    np.exp(scores, out=scores)
    total = scores.sum(axis=-1, keepdims=True)
    np.divide(scores @ seen[:, :, 2].swapaxes(1, 2), total, out=y.reshape(q.shape))


def check(qkv, cache, y, n_head):
    """Raises ShapeError unless one row a sequence meets a cache of such rows, and y takes what comes of it."""
    batch, _, width = cache.shape if len(cache.shape) == 3 else (0, 0, 0)
    if not batch or width % (3 * n_head) or qkv.shape != (batch, 1, width) or y.shape != (batch, 1, width // 3):
        raise ShapeError(f"attention_cached: wanted qkv (B, 1, 3 C) with C a multiple of {n_head} heads, a cache "
                         f"(B, T, 3 C) and y (B, 1, C), got {list(qkv.shape)}, {list(cache.shape)} and {list(y.shape)}")


@attention_cached.overrides
def _(qkv, position, cache, y, *, n_head):
    check(qkv, cache, y, n_head)
    _, time, width = cache.shape
    size = width // 3 // n_head
    return {"T": time, "H": n_head, "D": size, "SCALE": 1.0 / math.sqrt(size)}


# A processor that plays the GPU takes an invocation a head, since barriers cost it more than they save (place 48 of 64, 4 heads
# of 32: 121 against 289 us on lavapipe, 124 against 336 on SwiftShader); a real GPU takes a workgroup a head.
@attention_cached.threads
@attention_cached.variant("attention_cached_workgroup", for_gpus)
def _(qkv, position, cache, y, *, n_head):
    return qkv.shape[0] * n_head * LANES
