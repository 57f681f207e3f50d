"""Normalization of queries and keys, which bounds the attention scores."""

from pygpt.errors import ShapeError
from pygpt.ops.layernorm import PART, sum_parts
from pygpt.ops.rope import head_counts
from pygpt.tensor.kernel import kernel, np, scratch

# The twins process this many elements at a time, in whole parts, so that their arrays stay in the CPU caches.
BLOCK = 1 << 17


@kernel(outputs=("y", "inverse_rms"), optional=("weight",), operations=3)
def qk_norm(qkv, weight, y, inverse_rms, *, n_head, n_kv_head=0, epsilon=1e-5):
    """y = x * inverse_rms * w for each query and key head x of each row, with inverse_rms = 1 / sqrt(mean(x^2) +
    epsilon), where w is the weight's first half for queries and its second half for keys.

    Values are copied.
    Shapes: qkv (B, T, (H + 2 K) D): H query heads, K key heads and K value heads side by side, where H is n_head and K
        is n_kv_head, or H if that is 0; weight (2 D,), or absent for all ones -> y like qkv; inverse_rms (B, T, H + K).
    Source: Henry et al., "Query-Key Normalization for Transformers", arXiv 2010.04245, with the root mean square
        instead of the L2 norm; Qwen Team, "Qwen3 Technical Report", arXiv 2505.09388, for the weight.
    """
    for block, x, out, inverse in _blocks(qkv, y, inverse_rms, n_head, n_kv_head):
        normed = inverse.shape[1]
        np.vecdot(x[:, :normed], x[:, :normed], out=inverse)
        inverse /= x.shape[2]
        inverse += epsilon
        np.sqrt(inverse, out=inverse)
        np.reciprocal(inverse, out=inverse)
        np.multiply(x[:, :normed], inverse[..., None], out=out[:, :normed])
        if weight is not None:
            _weighted(out, weight, n_head, normed)
        out[:, normed:] = x[:, normed:]


def _weighted(heads, weight, n_head, normed):
    """Multiply the query heads and the key heads of (rows, heads, D) by the halves of the weight."""
    for_queries, for_keys = weight.reshape(2, -1)
    heads[:, :n_head] *= for_queries
    heads[:, n_head:normed] *= for_keys


def _blocks(qkv, y, inverse_rms, n_head, n_kv_head):
    """Yield slices of the rows, and these rows of qkv and y, split into heads, and of inverse_rms."""
    heads = n_head + 2 * (n_kv_head or n_head)
    x, out = (part.reshape(-1, heads, qkv.shape[2] // heads) for part in (qkv, y))
    inverse = inverse_rms.reshape(len(x), -1)
    step = max(1, BLOCK // qkv.shape[2])
    for block in (slice(start, start + step) for start in range(0, len(x), step)):
        yield block, x[block], out[block], inverse[block]


def _check_weight(name, qkv, weight, n_head, n_kv_head):
    """Return (query and key heads, all heads, D) of qkv. Raises ShapeError if they or the weight do not fit."""
    normed, heads = head_counts(name, qkv, n_head, n_kv_head)
    size = qkv.shape[2] // heads
    if weight is not None and weight.shape != (2 * size,):
        raise ShapeError(f"{name}: weight must be {[2 * size]}, twice the size of a head, got {list(weight.shape)}")
    return normed, heads, size


@qk_norm.shapes
def _(qkv, weight, *, n_head, n_kv_head, epsilon):
    return [qkv.shape, (*qkv.shape[:2], _check_weight("qk_norm", qkv, weight, n_head, n_kv_head)[0])]


@qk_norm.overrides
def _(qkv, weight, y, inverse_rms, *, n_head, n_kv_head, epsilon):
    return {**_sizes(qkv, weight, n_head, n_kv_head), "EPSILON": float(epsilon)}


def _sizes(qkv, weight, n_head, n_kv_head):
    normed, heads = head_counts("qk_norm", qkv, n_head, n_kv_head)
    size = qkv.shape[2] // heads
    return {"D": size, "H": n_head, "HEADS": heads, "NORMED": normed, "HAS_WEIGHT": weight is not None}


@qk_norm.threads
def _(qkv, weight, y, inverse_rms, *, n_head, n_kv_head, epsilon):
    return qkv.shape[0] * qkv.shape[1] * head_counts("qk_norm", qkv, n_head, n_kv_head)[1]


@qk_norm.gradient
def _(dy, qkv, weight, inverse_rms, wanted, weight_into, n_head, n_kv_head):
    heads = {"n_head": n_head, "n_kv_head": n_kv_head}
    dqkv = qk_norm_gradient(dy, qkv, weight, inverse_rms, **heads)
    if not wanted[1]:
        return dqkv, None
    return dqkv, sum_parts(qk_norm_weight_gradient(dy, qkv, inverse_rms, **heads), weight_into)


@kernel(outputs=("dqkv",), optional=("weight",), no_gradient="first derivatives only", operations=5)
def qk_norm_gradient(dy, qkv, weight, inverse_rms, dqkv, *, n_head, n_kv_head=0):
    """dqkv = inverse_rms * (g - n * mean(g * n)), with g = dy * w and n = x * inverse_rms, for each query and key head
    x. For values, dqkv = dy.

    Shapes: dy, qkv (B, T, (H + 2 K) D); weight (2 D,) or absent; inverse_rms (B, T, H + K) -> dqkv like qkv.
    """
    for block, x, out, inverse in _blocks(qkv, dqkv, inverse_rms, n_head, n_kv_head):
        normed, dy_heads = inverse.shape[1], dy.reshape(-1, *x.shape[1:])[block]
        normalized = np.multiply(
            x[:, :normed], inverse[..., None], out=scratch("block", (*inverse.shape, x.shape[2]), x.dtype)
        )
        gradient = dy_heads[:, :normed]
        if weight is not None:
            gradient = scratch("weighted", gradient.shape, x.dtype)
            gradient[...] = dy_heads[:, :normed]
            _weighted(gradient, weight, n_head, normed)
        row_mean = np.vecdot(gradient, normalized, out=scratch("rows", inverse.shape, x.dtype))
        row_mean /= x.shape[2]
        normalized *= row_mean[..., None]
        part = np.subtract(gradient, normalized, out=out[:, :normed])
        part *= inverse[..., None]
        out[:, normed:] = dy_heads[:, normed:]


@qk_norm_gradient.shapes
def _(dy, qkv, weight, inverse_rms, *, n_head, n_kv_head):
    normed, _, _ = _check_weight("qk_norm_gradient", qkv, weight, n_head, n_kv_head)
    _check_like("qk_norm_gradient", dy, qkv, inverse_rms, normed)
    return qkv.shape


def _check_like(name, dy, qkv, inverse_rms, normed):
    if dy.shape != qkv.shape or inverse_rms.shape != (*qkv.shape[:2], normed):
        raise ShapeError(
            f"{name}: expected dy like qkv {list(qkv.shape)} and inverse_rms {[*qkv.shape[:2], normed]}, "
            f"got {list(dy.shape)} and {list(inverse_rms.shape)}"
        )


@qk_norm_gradient.overrides
def _(dy, qkv, weight, inverse_rms, dqkv, *, n_head, n_kv_head):
    return _sizes(qkv, weight, n_head, n_kv_head)


@qk_norm_gradient.threads
def _(dy, qkv, weight, inverse_rms, dqkv, *, n_head, n_kv_head):
    return qkv.shape[0] * qkv.shape[1] * head_counts("qk_norm_gradient", qkv, n_head, n_kv_head)[1]


@kernel(outputs=("dweight",), no_gradient="first derivatives only", operations=3)
def qk_norm_weight_gradient(dy, qkv, inverse_rms, dweight, *, n_head, n_kv_head=0):
    """dweight is the sum of dy * x * inverse_rms over the query heads, then over the key heads, of parts of 16 rows;
    `sum` adds up the parts.

    Shapes: dy, qkv (B, T, (H + 2 K) D); inverse_rms (B, T, H + K) -> dweight (P, 2 D), P = rows / 16 rounded up.
    """
    heads = n_head + 2 * (n_kv_head or n_head)
    x, dy = (part.reshape(-1, heads, qkv.shape[2] // heads) for part in (qkv, dy))
    inverse, out = inverse_rms.reshape(len(x), -1), dweight.reshape(len(dweight), 2, -1)
    halves = slice(0, n_head), slice(n_head, inverse.shape[1])
    for part in range(len(out)):
        rows = slice(PART * part, PART * (part + 1))
        for half, group in enumerate(halves):
            np.einsum("rhd,rhd,rh->d", dy[rows, group], x[rows, group], inverse[rows, group], out=out[part, half])


@qk_norm_weight_gradient.shapes
def _(dy, qkv, inverse_rms, *, n_head, n_kv_head):
    normed, heads = head_counts("qk_norm_weight_gradient", qkv, n_head, n_kv_head)
    _check_like("qk_norm_weight_gradient", dy, qkv, inverse_rms, normed)
    return (-(-qkv.shape[0] * qkv.shape[1] // PART), 2 * (qkv.shape[2] // heads))


@qk_norm_weight_gradient.overrides
def _(dy, qkv, inverse_rms, dweight, *, n_head, n_kv_head):
    sizes = _sizes(qkv, None, n_head, n_kv_head)
    return {**{name: sizes[name] for name in ("D", "H", "HEADS", "NORMED")}, "PART": PART}


@qk_norm_weight_gradient.threads
def _(dy, qkv, inverse_rms, dweight, *, n_head, n_kv_head):
    return dweight.size
