"""The loss: how many nats the next token surprises the model by."""

from pygpt.errors import ShapeError
from pygpt.kernel import kernel, np
from pygpt.ops.mean_valid import mean_valid
from pygpt.tensor import Tensor


def cross_entropy_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """The mean loss of a batch, over the targets that are not -1.

    Shapes: logits (..., V); targets (...) of int32 -> (1,).
    """
    return mean_valid(cross_entropy(logits, targets)[0], targets)[0]


@kernel(outputs=("loss", "log_sum_exp"))
def cross_entropy(logits, targets, loss, log_sum_exp, *, ignore_index=-1):
    """loss = log(sum(exp(logits))) - logits[target], row by row, and 0 where the target is ignore_index.

    The tokenizer guarantees the other targets to lie in [0, V); one outside would be read as the nearest inside.
    Shapes: logits (..., V); targets (...) of int32 -> loss, log_sum_exp (rows,).
    """
    rows, targets = logits.reshape(-1, logits.shape[-1]), targets.reshape(-1)
    peak = rows.max(axis=1)
    shifted = rows - peak[:, None]
    chosen = np.take_along_axis(shifted, _columns(targets, rows.shape[1]), axis=1)[:, 0]
    np.exp(shifted, out=shifted)
    np.sum(shifted, axis=1, out=log_sum_exp)
    np.log(log_sum_exp, out=log_sum_exp)
    np.subtract(log_sum_exp, chosen, out=loss)
    loss[targets == ignore_index] = 0.0
    log_sum_exp += peak


def _columns(targets, vocab_size):
    """The targets as indices (rows, 1) that are safe to read with."""
    return np.clip(targets, 0, vocab_size - 1).astype(np.intp)[:, None]


@cross_entropy.shapes
def _(logits, targets, *, ignore_index):
    if targets.dtype != "int32" or logits.shape[:-1] != targets.shape:
        raise ShapeError(f"cross_entropy: wanted logits (..., V) and targets (...) of int32, got {list(logits.shape)} "
                         f"and {targets.dtype}{list(targets.shape)}")
    return [(targets.size,), (targets.size,)]


@cross_entropy.overrides
def _(logits, targets, loss, log_sum_exp, *, ignore_index):
    return {"V": logits.shape[-1], "IGNORE_INDEX": ignore_index}


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
    np.subtract(rows, log_sum_exp[:, None], out=out)
    np.exp(out, out=out)
    out[np.arange(len(rows)), _columns(targets, rows.shape[1])[:, 0]] -= 1.0
    out *= (dloss * (targets != ignore_index))[:, None]


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
