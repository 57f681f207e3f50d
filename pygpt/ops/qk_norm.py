"""Normalization of queries and keys, which bounds the attention scores."""

from pygpt.errors import ShapeError
from pygpt.ops.rope import head_counts
from pygpt.tensor.kernel import kernel, np, scratch

# The twins process this many elements at a time, in whole rows, so that their arrays stay in the CPU caches.
BLOCK = 1 << 17


@kernel(outputs=("y", "inverse_rms"), operations=3)
def qk_norm(qkv, y, inverse_rms, *, n_head, n_kv_head=0, epsilon=1e-5):
    """y = x * inverse_rms for each query and key head x of each row, where inverse_rms = 1 / sqrt(mean(x^2) + epsilon).

    Values are copied. There are no weights.
    Shapes: qkv (B, T, (H + 2 K) D): H query heads, K key heads and K value heads side by side, where H is n_head and K
        is n_kv_head, or H if that is 0 -> y like qkv; inverse_rms (B, T, H + K).
    Source: Henry et al., "Query-Key Normalization for Transformers", arXiv 2010.04245, with the root mean square
        instead of the L2 norm.
    """
    for block, x, out, inverse in _blocks(qkv, y, inverse_rms, n_head, n_kv_head):
        normed = inverse.shape[1]
        np.vecdot(x[:, :normed], x[:, :normed], out=inverse)
        inverse /= x.shape[2]
        inverse += epsilon
        np.sqrt(inverse, out=inverse)
        np.reciprocal(inverse, out=inverse)
        np.multiply(x[:, :normed], inverse[..., None], out=out[:, :normed])
        out[:, normed:] = x[:, normed:]


def _blocks(qkv, y, inverse_rms, n_head, n_kv_head):
    """Yield slices of the rows, and these rows of qkv and y, split into heads, and of inverse_rms."""
    heads = n_head + 2 * (n_kv_head or n_head)
    x, out = (part.reshape(-1, heads, qkv.shape[2] // heads) for part in (qkv, y))
    inverse = inverse_rms.reshape(len(x), -1)
    step = max(1, BLOCK // qkv.shape[2])
    for block in (slice(start, start + step) for start in range(0, len(x), step)):
        yield block, x[block], out[block], inverse[block]


@qk_norm.shapes
def _(qkv, *, n_head, n_kv_head, epsilon):
    return [qkv.shape, (*qkv.shape[:2], head_counts("qk_norm", qkv, n_head, n_kv_head)[0])]


@qk_norm.overrides
def _(qkv, y, inverse_rms, *, n_head, n_kv_head, epsilon):
    normed, heads = head_counts("qk_norm", qkv, n_head, n_kv_head)
    return {"D": qkv.shape[2] // heads, "HEADS": heads, "NORMED": normed, "EPSILON": float(epsilon)}


@qk_norm.threads
def _(qkv, y, inverse_rms, *, n_head, n_kv_head, epsilon):
    return qkv.shape[0] * qkv.shape[1] * head_counts("qk_norm", qkv, n_head, n_kv_head)[1]


@qk_norm.gradient
def _(dy, qkv, inverse_rms, n_head, n_kv_head):
    return qk_norm_gradient(dy, qkv, inverse_rms, n_head=n_head, n_kv_head=n_kv_head)


@kernel(outputs=("dqkv",), no_gradient="first derivatives only", operations=5)
def qk_norm_gradient(dy, qkv, inverse_rms, dqkv, *, n_head, n_kv_head=0):
    """dqkv = inverse_rms * (dy - n * mean(dy * n)) with n = x * inverse_rms, for each query and key head x.

    For values, dqkv = dy.
    Shapes: dy, qkv (B, T, (H + 2 K) D); inverse_rms (B, T, H + K) -> dqkv like qkv.
    """
    for block, x, out, inverse in _blocks(qkv, dqkv, inverse_rms, n_head, n_kv_head):
        normed, dy_heads = inverse.shape[1], dy.reshape(-1, *x.shape[1:])[block]
        normalized = np.multiply(
            x[:, :normed], inverse[..., None], out=scratch("block", (*inverse.shape, x.shape[2]), x.dtype)
        )
        row_mean = np.vecdot(dy_heads[:, :normed], normalized, out=scratch("rows", inverse.shape, x.dtype))
        row_mean /= x.shape[2]
        normalized *= row_mean[..., None]
        part = np.subtract(dy_heads[:, :normed], normalized, out=out[:, :normed])
        part *= inverse[..., None]
        out[:, normed:] = dy_heads[:, normed:]


@qk_norm_gradient.shapes
def _(dy, qkv, inverse_rms, *, n_head, n_kv_head):
    normed = head_counts("qk_norm_gradient", qkv, n_head, n_kv_head)[0]
    if dy.shape != qkv.shape or inverse_rms.shape != (*qkv.shape[:2], normed):
        raise ShapeError(
            f"qk_norm_gradient: expected dy like qkv {list(qkv.shape)} and inverse_rms {[*qkv.shape[:2], normed]}, "
            f"got {list(dy.shape)} and {list(inverse_rms.shape)}"
        )
    return qkv.shape


@qk_norm_gradient.overrides
def _(dy, qkv, inverse_rms, dqkv, *, n_head, n_kv_head):
    normed, heads = head_counts("qk_norm_gradient", qkv, n_head, n_kv_head)
    return {"D": qkv.shape[2] // heads, "HEADS": heads, "NORMED": normed}


@qk_norm_gradient.threads
def _(dy, qkv, inverse_rms, dqkv, *, n_head, n_kv_head):
    return qkv.shape[0] * qkv.shape[1] * head_counts("qk_norm_gradient", qkv, n_head, n_kv_head)[1]
