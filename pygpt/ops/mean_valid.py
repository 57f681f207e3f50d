"""The mean of the loss over rows whose target is not ignored."""

from pygpt.errors import ShapeError
from pygpt.tensor.kernel import kernel, np


@kernel(outputs=("mean", "count"))
def mean_valid(loss, targets, mean, count, *, ignore_index=-1):
    """mean = the mean of loss over the `count` rows whose target is not ignore_index, or 0 if there are none.

    Shapes: loss (rows,); targets (...) of int32, one per row -> mean, count (1,).
    """
    valid = targets.reshape(-1) != ignore_index
    count[0] = np.count_nonzero(valid)
    mean[0] = np.sum(loss, where=valid) / max(count[0], 1.0)


@mean_valid.shapes
def _(loss, targets, *, ignore_index):
    if targets.dtype != "int32" or loss.shape != (targets.size,):
        raise ShapeError(
            f"mean_valid: expected as many losses (rows,) as targets of int32, got {list(loss.shape)} and "
            f"{targets.dtype}{list(targets.shape)}"
        )
    return [(1,), (1,)]


@mean_valid.overrides
def _(loss, targets, mean, count, *, ignore_index):
    return {"IGNORE_INDEX": ignore_index}


@mean_valid.gradient
def _(dmean, targets, count, ignore_index):
    return mean_valid_gradient(dmean, targets, count, ignore_index=ignore_index)


@kernel(outputs=("dloss",), no_gradient="first derivatives only")
def mean_valid_gradient(dmean, targets, count, dloss, *, ignore_index=-1):
    """dloss = dmean / count, and 0 where the target is ignore_index.

    Shapes: dmean, count (1,); targets (...) of int32 -> dloss (rows,).
    """
    np.multiply(targets.reshape(-1) != ignore_index, dmean / np.maximum(count, 1.0), out=dloss)


@mean_valid_gradient.shapes
def _(dmean, targets, count, *, ignore_index):
    if dmean.shape != (1,) or count.shape != (1,):
        raise ShapeError(
            f"mean_valid_gradient: expected dmean and count (1,), got {list(dmean.shape)} and {list(count.shape)}"
        )
    return (targets.size,)


@mean_valid_gradient.overrides
def _(dmean, targets, count, dloss, *, ignore_index):
    return {"IGNORE_INDEX": ignore_index}
