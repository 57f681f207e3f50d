"""The gradient of attention: recomputes the probabilities from the scores and the saved log_sum_exp."""

from pygpt.errors import ShapeError
from pygpt.ops.attention_scores import attention_pairs, check, dropout_mask, grouped, overrides, parts, scores, tiles
from pygpt.tensor.kernel import MOST_TURNS, kernel, np, scratch


@kernel(outputs=("delta",), no_gradient="first derivatives only", operations=2)
def attention_delta(dy, y, delta, *, n_head):
    """delta = the dot product of dy and y for each token and head.

    It equals the sum over j of p_ij dp_ij, which the softmax gradient subtracts.
    Shapes: dy, y (B, T, C) -> delta (B, H, T).
    """
    split = (*y.shape[:2], n_head, y.shape[2] // n_head)
    np.vecdot(dy.reshape(split).swapaxes(1, 2), y.reshape(split).swapaxes(1, 2), out=delta)


@attention_delta.shapes
def _(dy, y, *, n_head):
    if dy.shape != y.shape:
        raise ShapeError(f"attention_delta: expected dy like y {list(y.shape)}, got {list(dy.shape)}")
    return (y.shape[0], n_head, y.shape[1])


@attention_delta.overrides
def _(dy, y, delta, *, n_head):
    return {"T": y.shape[1], "H": n_head, "D": y.shape[2] // n_head}


@kernel(outputs=("dqkv",), optional=("seed", "step"), no_gradient="first derivatives only")
def attention_gradient(
    dy,
    qkv,
    log_sum_exp,
    delta,
    seed,
    step,
    dqkv,
    *,
    n_head,
    n_kv_head=0,
    rate=0.0,
    purpose=0,
    window=0,
    cap=0.0,
    alibi=False,
):
    """The gradients of q, k and v, side by side, from probabilities p recomputed from the scores and log_sum_exp.

    With m the dropout factor of p: dv_j = sum_i m_ij p_ij dy_i; ds_ij = p_ij (m_ij dy_i . v_j - delta_i), times
    1 - tanh^2(s_ij / cap) of the uncapped s_ij; dq_i = sum_j ds_ij k_j / sqrt(D); dk_j = sum_i ds_ij q_i / sqrt(D). The
    sums over i include all query heads that share the key head. `step` must have the value of the forward pass.
    Shapes: dy (B, T, H D); qkv (B, T, (H + 2 K) D); log_sum_exp, delta (B, H, T) -> dqkv (B, T, (H + 2 K) D).
    Source: Dao et al., "FlashAttention", arXiv 2205.14135, appendix B.2.
    """
    for tile in tiles(qkv.shape, n_head, window):
        sequences, start, stop, first = tile
        q, k, v = parts(qkv[sequences], n_head, n_kv_head)
        dq, dk, dv = parts(dqkv[sequences], n_head, n_kv_head)
        rows = grouped(dy[sequences], n_head, n_kv_head)[..., start:stop, :]
        saved = [array[sequences, :, start:stop].reshape(*rows.shape[:-1], 1) for array in (log_sum_exp, delta)]
        p, cap_slope = scores(q, k, tile, window, cap, alibi)
        p -= saved[0]
        np.exp(p, out=p)
        ds = np.matmul(rows, v[..., first:stop, :].swapaxes(3, 4), out=scratch("ds", p.shape, q.dtype))
        p_kept = p
        if rate:
            dropped_pairs = dropout_mask(p.shape, tile, qkv.shape[1], seed, step, rate, purpose)
            p_kept = np.multiply(p, 1.0 / (1.0 - rate), out=scratch("p_kept", p.shape, q.dtype))
            ds *= 1.0 / (1.0 - rate)
            for masked in (p_kept, ds):
                np.copyto(masked, 0.0, where=dropped_pairs)
        ds -= saved[1]
        ds *= p
        if cap:
            ds *= cap_slope
        ds *= q.shape[-1] ** -0.5
        np.matmul(ds, k[..., first:stop, :], out=dq[..., start:stop, :])
        for out, left, right in ((dk, ds, q[..., start:stop, :]), (dv, p_kept, rows)):
            # One product sums over the queries of all heads that share these keys.
            left, right = (table.reshape(*table.shape[:2], -1, table.shape[-1]) for table in (left, right))
            keys = out[:, :, 0, first:stop]
            if stop == qkv.shape[1]:  # the first tile of these sequences
                np.matmul(left.swapaxes(2, 3), right, out=keys)
                out[:, :, 0, :first] = 0.0
            else:
                keys += np.matmul(left.swapaxes(2, 3), right, out=scratch("part", keys.shape, q.dtype))


@attention_gradient.shapes
def _(dy, qkv, log_sum_exp, delta, seed, step, *, n_head, n_kv_head, **others):
    check("attention_gradient", qkv, n_head, n_kv_head, **others)
    batch, time, width = qkv.shape
    channels = width // (n_head + 2 * (n_kv_head or n_head)) * n_head
    wanted = [(batch, time, channels), (batch, n_head, time), (batch, n_head, time)]
    shapes = [dy.shape, log_sum_exp.shape, delta.shape]
    if shapes != wanted:
        raise ShapeError(f"attention_gradient: expected dy, log_sum_exp and delta {wanted}, got {shapes}")
    return qkv.shape


def dropout_overrides(rate, purpose):
    """Return the dropout constants of the shaders."""
    return {"THRESHOLD": int(rate * 2**32), "FACTOR": 1.0 / (1.0 - rate), "PURPOSE": purpose}


@attention_gradient.overrides
def _(dy, qkv, log_sum_exp, delta, seed, step, dqkv, *, rate, purpose, **others):
    return {**overrides(*qkv.shape[1:], **others), **dropout_overrides(rate, purpose)}


# One invocation computes 4 tokens of a key head and of all query heads that share it.
@attention_gradient.threads
def _(dy, qkv, log_sum_exp, delta, seed, step, dqkv, *, n_head, n_kv_head, **others):
    return qkv.shape[0] * (n_kv_head or n_head) * -(-qkv.shape[1] // 4)


def suits_workgroup(device, qkv, visits, saved, n_head, n_kv_head, **others):
    """Whether to use the shader whose workgroup computes 32 tokens: on a real GPU, or for a software renderer where one
    invocation of the other shader would visit too many channels: `visits` times those of a head.

    Heads of more than 64 channels do not fit in its workgroup memory. It turns at least `saved` times less often.
    Raises: ShapeError for a software renderer on which neither shader would come to its end; see MOST_TURNS.
    """
    size = qkv.shape[2] // (n_head + 2 * (n_kv_head or n_head))
    fits = size <= 64
    if device.software and visits * size > 1.75 * MOST_TURNS * (saved if fits else 1):
        raise ShapeError(
            f"attention: {qkv.shape[1]} tokens in heads of {size} channels are more than a software renderer computes "
            f"in one launch; use --device numpy, or a smaller block_size"
        )
    return fits and (not device.software or visits * size > MOST_TURNS)


# One workgroup computes 32 tokens of a query head or of a key head.
@attention_gradient.variant(
    "attention_gradient_workgroup",
    # For each query head, one invocation of the other shader visits 4 queries or keys at a time, twice their channels.
    lambda device, dy, qkv, *operands, n_head, n_kv_head, window, **others: suits_workgroup(
        device,
        qkv,
        n_head // (n_kv_head or n_head) * 2 * (min(2 * window or qkv.shape[1], qkv.shape[1]) // 4),
        saved=4,
        n_head=n_head,
        n_kv_head=n_kv_head,
    ),
    workgroup=(8, 8, 1),
)
def _(dy, qkv, log_sum_exp, delta, seed, step, dqkv, *, n_head, n_kv_head, **others):
    return 8 * qkv.shape[0] * (n_head + (n_kv_head or n_head)) * -(-qkv.shape[1] // 32)


@attention_gradient.flops
def _(shapes, attributes):
    # Five products over the visible pairs; one of them recomputes the scores.
    batch, time, width = shapes["dy"]
    return 2 * 5 * batch * attention_pairs(time, attributes["window"]) * width


@kernel(outputs=("dsinks",), no_gradient="first derivatives only")
def attention_sinks_gradient(sinks, log_sum_exp, delta, dsinks):
    """dsinks_h = - sum over b and i of exp(sinks_h - log_sum_exp_bhi) delta_bhi.

    Shapes: sinks (H,); log_sum_exp, delta (B, H, T) -> dsinks (H,).
    """
    p = np.exp(sinks[:, None] - log_sum_exp)
    np.negative((p * delta).sum(axis=(0, 2)), out=dsinks)


@attention_sinks_gradient.shapes
def _(sinks, log_sum_exp, delta):
    if len(delta.shape) != 3 or log_sum_exp.shape != delta.shape or sinks.shape != delta.shape[1:2]:
        raise ShapeError(
            f"attention_sinks_gradient: expected sinks (H,), log_sum_exp and delta (B, H, T), got "
            f"{list(sinks.shape)}, {list(log_sum_exp.shape)} and {list(delta.shape)}"
        )
    return sinks.shape


@attention_sinks_gradient.overrides
def _(sinks, log_sum_exp, delta, dsinks):
    return {"T": delta.shape[2], "H": delta.shape[1]}


# One workgroup per head.
@attention_sinks_gradient.threads
def _(sinks, log_sum_exp, delta, dsinks):
    return 64 * dsinks.size
