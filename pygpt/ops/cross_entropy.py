"""The loss: how many nats the next token surprises the model by."""

from pygpt.errors import ShapeError
from pygpt.kernel import for_gpus, kernel, np, scratch

# The twins take so many elements at a time, in whole rows: what they work on stays in a processor's caches.
BLOCK = 1 << 17


@kernel(outputs=("loss", "log_sum_exp"))
def cross_entropy(logits, targets, loss, log_sum_exp, *, ignore_index=-1):
    """loss = log(sum(exp(logits))) - logits[target], row by row, and 0 where the target is ignore_index.

    The tokenizer guarantees the other targets to lie in [0, V); one outside would be read as the nearest inside.
    Shapes: logits (..., V); targets (...) of int32 -> loss, log_sum_exp (rows,).
    """
    rows, targets = logits.reshape(-1, logits.shape[-1]), targets.reshape(-1)
    for some in _blocks(rows.shape):
        peak = np.max(rows[some], axis=1, keepdims=True, out=scratch("peak", (len(rows[some]), 1), rows.dtype))
        shifted = np.subtract(rows[some], peak, out=scratch("block", rows[some].shape, rows.dtype))
        total, some_loss = log_sum_exp[some], loss[some]
        some_loss[...] = shifted.reshape(-1)[_places(targets[some], rows.shape[1])]
        np.exp(shifted, out=shifted)
        np.add.reduce(shifted, axis=1, out=total)
        np.log(total, out=total)
        np.subtract(total, some_loss, out=some_loss)
        np.copyto(some_loss, 0.0, where=targets[some] == ignore_index)
        total += peak[:, 0]


def _blocks(shape):
    """The rows to take at a time."""
    step = max(1, BLOCK // shape[1])
    return [slice(start, start + step) for start in range(0, shape[0], step)]


def _places(targets, vocab_size):
    """Where in a table (rows, V) that lies flat the targets stand, safe to read with."""
    found = np.clip(targets, 0, vocab_size - 1).astype(np.intp)
    found += np.arange(0, len(targets) * vocab_size, vocab_size)
    return found


@cross_entropy.shapes
def _(logits, targets, *, ignore_index):
    if targets.dtype != "int32" or logits.shape[:-1] != targets.shape:
        raise ShapeError(f"cross_entropy: wanted logits (..., V) and targets (...) of int32, got {list(logits.shape)} "
                         f"and {targets.dtype}{list(targets.shape)}")
    return [(targets.size,), (targets.size,)]


@cross_entropy.overrides
def _(logits, targets, loss, log_sum_exp, *, ignore_index):
    return {"V": logits.shape[-1], "IGNORE_INDEX": ignore_index}


@cross_entropy.variant("cross_entropy_workgroup", for_gpus)
def _(logits, targets, loss, log_sum_exp, *, ignore_index):
    return 64 * loss.size


@cross_entropy.gradient
def _(dloss, logits, targets, log_sum_exp, ignore_index):
    return cross_entropy_gradient(dloss, logits, targets, log_sum_exp, ignore_index=ignore_index)


@kernel(outputs=("dlogits",), no_gradient="first derivatives only")
def cross_entropy_gradient(dloss, logits, targets, log_sum_exp, dlogits, *, ignore_index=-1):
    """dlogits = dloss * (softmax(logits) - one_hot(target)), row by row, and 0 where the target is ignore_index.

    Shapes: dloss, log_sum_exp (rows,); logits (..., V); targets (...) of int32 -> dlogits (..., V).
    """
    rows, targets = logits.reshape(-1, logits.shape[-1]), targets.reshape(-1)
    out = dlogits.reshape(rows.shape)
    for some in _blocks(rows.shape):
        part = np.subtract(rows[some], log_sum_exp[some, None], out=out[some])
        np.exp(part, out=part)
        part.reshape(-1)[_places(targets[some], rows.shape[1])] -= 1.0
        part *= (dloss[some] * (targets[some] != ignore_index))[:, None]


@cross_entropy_gradient.shapes
def _(dloss, logits, targets, log_sum_exp, *, ignore_index):
    if logits.shape[:-1] != targets.shape or dloss.shape != (targets.size,) or log_sum_exp.shape != (targets.size,):
        raise ShapeError(f"cross_entropy_gradient: wanted dloss and log_sum_exp (rows,) for the rows of logits "
                         f"{list(logits.shape)} and targets {list(targets.shape)}, got {list(dloss.shape)} and "
                         f"{list(log_sum_exp.shape)}")
    return logits.shape


@cross_entropy_gradient.overrides
def _(dloss, logits, targets, log_sum_exp, dlogits, *, ignore_index):
    return {"V": logits.shape[-1], "IGNORE_INDEX": ignore_index}
