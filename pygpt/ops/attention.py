"""Causal multi-head self-attention that never stores all probabilities at once."""

import functools

from pygpt.errors import ShapeError
from pygpt.ops.attention_gradient import (
    attention_delta,
    attention_gradient,
    attention_sinks_gradient,
    dropout_overrides,
    suits_workgroup,
)
from pygpt.ops.attention_scores import (
    attention_pairs,
    by_head,
    check,
    dropout_mask,
    grouped,
    overrides,
    parts,
    scores,
    tiles,
)
from pygpt.tensor.kernel import kernel, np, scratch


@kernel(outputs=("y", "log_sum_exp"), optional=("seed", "step", "sinks"))
def attention(
    qkv, seed, step, sinks, y, log_sum_exp, *, n_head, n_kv_head=0, rate=0.0, purpose=0, window=0, cap=0.0, alibi=False
):
    """y = dropout(softmax(s)) v for each of H heads, where token i sees the tokens j <= i and s = q k^T / sqrt(D).

    n_kv_head: K, the number of key/value heads, each shared by H / K consecutive query heads; 0: K = H.
    window: token i sees only the tokens i - window < j <= i; 0: no limit.
    cap: s becomes cap tanh(s / cap); 0: no cap.
    alibi: the head's slope times i - j is then subtracted from s_ij.
    sinks: one logit per head, which enters the softmax like the score of one more token, whose value is 0.
    With rate > 0, probability (b, h, i, j) is kept, and divided by 1 - rate, if the first word for key (seed, purpose)
    and counter (((b H + h) T + i) T + j, step) is at least rate * 2^32. log_sum_exp includes the scores and the sink.
    Shapes: qkv (B, T, (H + 2 K) D): q, k and v side by side, each with its heads side by side; seed, step uint32 (1,),
        absent if rate is 0; sinks (H,) or absent -> y (B, T, H D); log_sum_exp (B, H, T).
    Source: Dao et al., "FlashAttention", arXiv 2205.14135; Milakov and Gimelshein, arXiv 1805.02867, for the softmax;
        Ainslie et al., "GQA", arXiv 2305.13245; Beltagy et al., "Longformer", arXiv 2004.05150, for the window; Gemma
        Team, "Gemma 2", arXiv 2408.00118, for the cap; Press et al., arXiv 2108.12409, for ALiBi; OpenAI, "gpt-oss
        model card", arXiv 2508.10925, for the sinks.
    """
    for tile in tiles(qkv.shape, n_head, window):
        sequences, start, stop, first = tile
        q, k, v = parts(qkv[sequences], n_head, n_kv_head)
        table, _ = scores(q, k, tile, window, cap, alibi)
        peak = np.max(table, axis=-1, keepdims=True, out=scratch("peak", (*table.shape[:-1], 1), q.dtype))
        if sinks is not None:
            np.maximum(peak, by_head(sinks, q), out=peak)
        table -= peak
        np.exp(table, out=table)
        total = np.matmul(table, _ones(stop - first, q.dtype), out=scratch("total", peak.shape, q.dtype))
        if sinks is not None:
            total += np.exp(by_head(sinks, q) - peak)
        peak += np.log(total, out=scratch("logarithm", peak.shape, q.dtype))
        log_sum_exp[sequences, :, start:stop] = peak.reshape(len(q), n_head, -1)
        if rate:
            np.copyto(table, 0.0, where=dropout_mask(table.shape, tile, qkv.shape[1], seed, step, rate, purpose))
            total *= 1.0 - rate
        out = grouped(y[sequences], n_head, n_kv_head)[..., start:stop, :]
        np.matmul(table, v[..., first:stop, :], out=out)
        out /= total


@functools.cache
def _ones(length, dtype):
    """Return a column of ones: a matrix product with it adds up rows several times faster than np.sum."""
    return np.ones((length, 1), dtype)


@attention.shapes
def _(qkv, seed, step, sinks, *, n_head, n_kv_head, rate, **others):
    check("attention", qkv, n_head, n_kv_head, sinks=sinks, **others)
    if not 0 <= rate < 1 or (rate and (seed is None or step is None)):
        raise ShapeError(
            f"attention: rate must be at least 0 and less than 1, and needs seed and step if above 0; got "
            f"rate {rate}, seed {seed}, step {step}"
        )
    batch, time, width = qkv.shape
    return [(batch, time, width // (n_head + 2 * (n_kv_head or n_head)) * n_head), (batch, n_head, time)]


@attention.overrides
def _(qkv, seed, step, sinks, y, log_sum_exp, *, rate, purpose, **others):
    return {**overrides(*qkv.shape[1:], **others), **dropout_overrides(rate, purpose), "HAS_SINKS": sinks is not None}


# In the shader for software renderers, one invocation computes 4 neighbouring tokens of a head.
@attention.threads
def _(qkv, seed, step, sinks, y, log_sum_exp, *, n_head, **others):
    return qkv.shape[0] * n_head * -(-qkv.shape[1] // 4)


# One workgroup computes 32 tokens of a head.
@attention.variant(
    "attention_workgroup",
    # One invocation of the other shader visits 8 keys at a time, twice their channels.
    lambda device, qkv, *operands, window, **heads: suits_workgroup(
        device, qkv, 2 * (min(window or qkv.shape[1], qkv.shape[1]) // 8), saved=3, **heads
    ),
    workgroup=(8, 8, 1),
)
def _(qkv, seed, step, sinks, y, log_sum_exp, *, n_head, **others):
    return 8 * qkv.shape[0] * n_head * -(-qkv.shape[1] // 32)


@attention.flops
def _(shapes, attributes):
    # Two products over the visible pairs: queries with keys, and probabilities with values.
    batch, time, width = shapes["y"]
    return 2 * 2 * batch * attention_pairs(time, attributes["window"]) * width


@attention.gradient
def _(dy, qkv, y, log_sum_exp, seed, step, sinks, wanted, n_head, n_kv_head, rate, purpose, window, cap, alibi):
    delta = attention_delta(dy, y, n_head=n_head)
    dqkv = attention_gradient(
        dy,
        qkv,
        log_sum_exp,
        delta,
        seed,
        step,
        n_head=n_head,
        n_kv_head=n_kv_head,
        rate=rate,
        purpose=purpose,
        window=window,
        cap=cap,
        alibi=alibi,
    )
    dsinks = attention_sinks_gradient(sinks, log_sum_exp, delta) if sinks is not None and wanted[3] else None
    return dqkv, None, None, dsinks
