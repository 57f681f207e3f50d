"""Cross-entropy loss in nats."""

from pygpt.errors import ShapeError
from pygpt.tensor.kernel import is_hardware_or_long, kernel, np, scratch

# The twins process this many elements at a time, in whole rows, so that their arrays stay in the CPU caches.
BLOCK = 1 << 17


@kernel(outputs=("loss", "log_sum_exp"), operations=4)
def cross_entropy(logits, targets, loss, log_sum_exp, *, ignore_index=-1, smoothing=0.0, z_loss=0.0):
    """loss = log_sum_exp - logits[target], row by row, or 0 where the target is ignore_index.

    log_sum_exp = log(sum(exp(logits))). With `smoothing`, (1 - smoothing) logits[target] + smoothing mean(logits)
    replaces logits[target]. `z_loss` adds z_loss log_sum_exp^2, which keeps the logits from drifting.
    The tokenizer guarantees that other targets are in [0, V); the kernel clamps targets to this range.
    Shapes: logits (..., V); targets (...) of int32 -> loss, log_sum_exp (rows,).
    Source: Szegedy et al., "Rethinking the Inception Architecture", arXiv 1512.00567, section 7, for smoothing;
        Chowdhery et al., "PaLM", arXiv 2204.02311, section 5, for z_loss.
    """
    rows, targets = logits.reshape(-1, logits.shape[-1]), targets.reshape(-1)
    for block in _blocks(rows.shape):
        peak = np.max(rows[block], axis=1, keepdims=True, out=scratch("peak", (len(rows[block]), 1), rows.dtype))
        shifted = np.subtract(rows[block], peak, out=scratch("block", rows[block].shape, rows.dtype))
        total, block_loss = log_sum_exp[block], loss[block]
        block_loss[...] = shifted.reshape(-1)[_target_indices(targets[block], rows.shape[1])]
        if smoothing:
            block_loss *= 1.0 - smoothing
            uniform_term = np.add.reduce(shifted, axis=1, out=total)
            uniform_term *= smoothing / rows.shape[1]
            block_loss += uniform_term
        np.exp(shifted, out=shifted)
        np.add.reduce(shifted, axis=1, out=total)
        np.log(total, out=total)
        np.subtract(total, block_loss, out=block_loss)
        total += peak[:, 0]
        if z_loss:
            block_loss += z_loss * total * total
        np.copyto(block_loss, 0.0, where=targets[block] == ignore_index)


def _blocks(shape):
    """Return slices of the rows to process at a time."""
    step = max(1, BLOCK // shape[1])
    return [slice(start, start + step) for start in range(0, shape[0], step)]


def _target_indices(targets, vocab_size):
    """Return the indices of the targets in a flattened table (rows, V), clamped to each row."""
    indices = np.clip(targets, 0, vocab_size - 1).astype(np.intp)
    indices += np.arange(0, len(targets) * vocab_size, vocab_size)
    return indices


@cross_entropy.shapes
def _(logits, targets, *, ignore_index, smoothing, z_loss):
    if targets.dtype != "int32" or logits.shape[:-1] != targets.shape:
        raise ShapeError(
            f"cross_entropy: expected logits (..., V) and targets (...) of int32, got {list(logits.shape)} "
            f"and {targets.dtype}{list(targets.shape)}"
        )
    return [(targets.size,), (targets.size,)]


@cross_entropy.overrides
def _(logits, targets, loss, log_sum_exp, *, ignore_index, smoothing, z_loss):
    return {"V": logits.shape[-1], "IGNORE_INDEX": ignore_index, "SMOOTHING": float(smoothing), "Z_LOSS": float(z_loss)}


@cross_entropy.variant(
    "cross_entropy_workgroup",
    is_hardware_or_long(lambda logits, *_, smoothing, **others: (3 if smoothing else 2) * logits.shape[-1]),
)
def _(logits, targets, loss, log_sum_exp, *, ignore_index, smoothing, z_loss):
    return 64 * loss.size


@cross_entropy.gradient
def _(dloss, logits, targets, log_sum_exp, ignore_index, smoothing, z_loss):
    return cross_entropy_gradient(
        dloss, logits, targets, log_sum_exp, ignore_index=ignore_index, smoothing=smoothing, z_loss=z_loss
    )


@kernel(outputs=("dlogits",), no_gradient="first derivatives only", operations=4)
def cross_entropy_gradient(dloss, logits, targets, log_sum_exp, dlogits, *, ignore_index=-1, smoothing=0.0, z_loss=0.0):
    """dlogits = dloss * ((1 + 2 z_loss log_sum_exp) softmax(logits) - (1 - smoothing) one_hot(target) - smoothing / V).

    Rows whose target is ignore_index get 0.

    Shapes: dloss, log_sum_exp (rows,); logits (..., V); targets (...) of int32 -> dlogits (..., V).
    """
    rows, targets = logits.reshape(-1, logits.shape[-1]), targets.reshape(-1)
    out = dlogits.reshape(rows.shape)
    for block in _blocks(rows.shape):
        part = np.subtract(rows[block], log_sum_exp[block, None], out=out[block])
        np.exp(part, out=part)
        if z_loss:
            part *= (1.0 + 2.0 * z_loss * log_sum_exp[block])[:, None]
        if smoothing:
            part -= smoothing / rows.shape[1]
        part.reshape(-1)[_target_indices(targets[block], rows.shape[1])] -= 1.0 - smoothing
        part *= (dloss[block] * (targets[block] != ignore_index))[:, None]


@cross_entropy_gradient.shapes
def _(dloss, logits, targets, log_sum_exp, *, ignore_index, smoothing, z_loss):
    if logits.shape[:-1] != targets.shape or dloss.shape != (targets.size,) or log_sum_exp.shape != (targets.size,):
        raise ShapeError(
            f"cross_entropy_gradient: expected dloss and log_sum_exp (rows,) for the rows of logits "
            f"{list(logits.shape)} and targets {list(targets.shape)}, got {list(dloss.shape)} and "
            f"{list(log_sum_exp.shape)}"
        )
    return logits.shape


@cross_entropy_gradient.overrides
def _(dloss, logits, targets, log_sum_exp, dlogits, *, ignore_index, smoothing, z_loss):
    return {"V": logits.shape[-1], "IGNORE_INDEX": ignore_index, "SMOOTHING": float(smoothing), "Z_LOSS": float(z_loss)}
