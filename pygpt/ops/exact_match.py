"""Exact match: whether greedy decoding would produce all targets of a row."""

from pygpt.errors import ShapeError
from pygpt.tensor.kernel import kernel, np

LANES = 64


@kernel(outputs=("correct", "scored"), workgroup=(LANES, 1, 1), no_gradient="correct or wrong is not differentiable")
def exact_match(logits, targets, correct, scored):
    """correct[b] = 1 if row b has targets other than -1 and each of these has the largest logit, else 0.

    scored[b] = 0 if row b has targets other than -1, else -1. This equals greedy decoding: as long as a model's tokens
    are correct, it reads the tokens of this row. Ties for the largest logit go to the first; with a NaN, none is it.

    Shapes: logits (B, T, V); targets int32 (B, T) -> correct (B,); scored int32 (B,), the targets of `mean_valid`.
    """
    valid = targets != -1  # (B, T)
    largest = (logits.argmax(axis=-1) == targets) & ~np.isnan(logits.max(axis=-1))
    correct[...] = (largest | ~valid).all(axis=1) & valid.any(axis=1)
    scored[...] = np.where(valid.any(axis=1), 0, -1)


@exact_match.shapes
def _(logits, targets):
    if targets.dtype != "int32" or len(logits.shape) != 3 or logits.shape[:2] != targets.shape:
        raise ShapeError(
            f"exact_match: expected logits (B, T, V) and targets int32 (B, T), got {list(logits.shape)} and "
            f"{targets.dtype}{list(targets.shape)}"
        )
    return [logits.shape[:1], (logits.shape[:1], "int32")]


@exact_match.overrides
def _(logits, targets, correct, scored):
    return {"T": logits.shape[1], "V": logits.shape[2]}


@exact_match.threads
def _(logits, targets, correct, scored):
    return LANES * logits.shape[0]
